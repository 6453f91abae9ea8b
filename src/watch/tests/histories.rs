//! Random histories of a tree, made while it is watched. Whoever looks at each file when it is told must in the end have seen the
//! last content of every file, and every name.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::rig::{path_of_arrival, run};
use crate::config::Backend;

/// Places in the tree that a history plays with: few, so that things happen to each other.
const PLACES: [&str; 12] =
    ["a", "b", "a/a", "a/b", "b/a", "b/b", "a/a/a", "a/b/a", "b/a/b", "b/b/b", "a/a/a/a", "b/b/b/b"];

#[derive(Debug, Clone)]
enum Act {
    Mkdir(usize),
    Write(usize),
    Append(usize),
    Open(usize),
    CloseAll,
    Rename(usize, usize),
    Out(usize),
    In(usize),
    Delete(usize),
    Link(usize, usize),
    Symlink(usize),
    Pause,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let place = || 0..PLACES.len();
    let act = prop_oneof![
        4 => place().prop_map(Act::Mkdir),
        4 => place().prop_map(Act::Write),
        2 => place().prop_map(Act::Append),
        1 => place().prop_map(Act::Open),
        1 => Just(Act::CloseAll),
        4 => (place(), place()).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => place().prop_map(Act::Out),
        2 => place().prop_map(Act::In),
        2 => place().prop_map(Act::Delete),
        1 => (place(), place()).prop_map(|(from, to)| Act::Link(from, to)),
        1 => place().prop_map(Act::Symlink),
        1 => Just(Act::Pause),
    ];
    proptest::collection::vec(act, 1..120)
}

/// Carries out a history. Acts that the tree does not allow fail, as they would for anybody.
fn play(root: &Path, outside: &Path, acts: &[Act]) {
    let at = |place: usize| root.join(PLACES[place]);
    let mut open: Vec<File> = Vec::new();
    for (moment, act) in acts.iter().enumerate() {
        let content = "x".repeat(moment + 1);
        let _ = match act {
            Act::Mkdir(place) => fs::create_dir_all(at(*place)),
            Act::Write(place) => fs::write(at(*place), content),
            Act::Append(place) => append(&at(*place)).map(drop),
            Act::Open(place) => append(&at(*place)).map(|file| open.push(file)),
            Act::CloseAll => {
                open.clear();
                Ok(())
            }
            Act::Rename(from, to) => fs::rename(at(*from), at(*to)),
            Act::Out(place) => fs::rename(at(*place), outside.join("parked")),
            Act::In(place) => fs::rename(outside.join("parked"), at(*place)),
            Act::Delete(place) => fs::remove_file(at(*place)).or_else(|_| fs::remove_dir_all(at(*place))),
            Act::Link(from, to) => fs::hard_link(at(*from), at(*to)),
            Act::Symlink(place) => symlink("target", at(*place)),
            Act::Pause => {
                std::thread::sleep(Duration::from_micros(300));
                Ok(())
            }
        };
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(b"more")?;
    Ok(file)
}

/// What a file is: its inode with size and modification time stand for its content.
fn content(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let stat = path.symlink_metadata().ok().filter(|stat| !stat.is_dir())?;
    Some((stat.ino(), stat.size(), stat.mtime(), stat.mtime_nsec()))
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_in(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

fn is_followed(backend: Backend, acts: &[Act]) {
    run(backend, "root", true, async |mut rig| {
        let (root, outside, acts) = (rig.root.clone(), rig.outside.clone(), acts.to_vec());
        let player = std::thread::spawn(move || play(&root, &outside, &acts));
        let (mut contents, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut look = |path: PathBuf| {
            if let Some(content) = content(&path) {
                contents.insert(content);
                names.insert((path, content.0));
            }
        };
        while !player.is_finished() {
            tokio::select! {
                event = rig.watcher.next() => path_of_arrival(event).into_iter().for_each(&mut look),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
        player.join().unwrap();
        rig.arrived().await.into_iter().for_each(&mut look);
        for file in files_in(&rig.root) {
            let content = content(&file).unwrap();
            assert!(contents.contains(&content), "the last content of {} was not told", file.display());
            assert!(names.contains(&(file.clone(), content.0)), "{} was not told under this name", file.display());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inotify_follows_every_history(acts in acts()) {
        is_followed(Backend::Inotify, &acts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn polling_follows_every_history(acts in acts()) {
        is_followed(Backend::Poll, &acts);
    }
}
