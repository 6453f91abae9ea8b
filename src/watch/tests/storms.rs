//! Storms: files arrive faster than they are told, in folders that did not exist, and with the kernel's queue overflowing.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::rig::{BACKENDS, on_each_backend, path_of_arrival, run};
use crate::config::Backend;
use crate::watch::Event;

/// Folders of the storm; each holds a folder with a file in it.
const FOLDERS: usize = 5000;

#[test]
fn every_file_of_a_storm_of_new_folders_is_told() {
    on_each_backend(async |mut rig| {
        let root = rig.root.clone();
        let storm = std::thread::spawn(move || {
            let file = |i| {
                let folder = root.join(format!("{i}/a/b"));
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("model.bin"), "x").unwrap();
                folder.join("model.bin")
            };
            (0..FOLDERS).map(file).collect::<BTreeSet<PathBuf>>()
        });
        let mut told = BTreeSet::new();
        while !storm.is_finished() {
            tokio::select! {
                event = rig.watcher.next() => told.extend(path_of_arrival(event)),
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
            }
        }
        let written = storm.join().unwrap();
        told.extend(rig.arrived().await);
        let missed: Vec<_> = written.difference(&told).take(5).collect();
        assert!(missed.is_empty(), "{} of {FOLDERS} missed, such as {missed:?}", written.difference(&told).count());
    });
}

#[test]
fn a_queue_that_overflows_loses_nothing() {
    run(Backend::Inotify, "root", true, async |mut rig| {
        rig.mkdir("moved/deep");
        rig.told().await;
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let limit: u64 = limit.trim().parse().unwrap();
        rig.write("a", "x");
        for _ in 0..limit {
            fs::rename(rig.path("a"), rig.path("b")).unwrap();
            fs::rename(rig.path("b"), rig.path("a")).unwrap();
        }
        rig.mkdir("late/deep");
        fs::rename(rig.path("moved"), rig.path("late/moved")).unwrap();
        let lost = [rig.write("late/deep/f", "x"), rig.write("late/moved/deep/g", "x"), rig.path("a")];
        let told = rig.told().await;
        assert!(rig.watcher.status().overflows >= 1);
        assert!(told.iter().any(|event| matches!(event, Event::Walked { .. })));
        let told: BTreeSet<_> = told.into_iter().filter_map(path_of_arrival).collect();
        assert!(lost.iter().all(|path| told.contains(path)), "{told:?}");
        let later = rig.write("late/moved/deep/h", "x");
        assert_eq!(rig.arrived().await, BTreeSet::from([later]), "folders that moved unseen are watched");
    });
}

#[test]
fn a_full_folder_is_told_to_its_end() {
    for backend in BACKENDS {
        run(backend, "root", true, async |mut rig| {
            let folder = rig.outside.join("full");
            fs::create_dir(&folder).unwrap();
            (0..3000).for_each(|i| fs::write(folder.join(i.to_string()), "x").unwrap());
            fs::rename(&folder, rig.path("full")).unwrap();
            assert_eq!(rig.arrived().await.len(), 3000);
        });
    }
}
