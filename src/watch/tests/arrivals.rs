//! How files arrive, and that each way is told.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::Mode;

use super::rig::on_each_backend;
use crate::watch::{Cause, Event};

#[test]
fn a_written_file_is_told() {
    on_each_backend(async |mut rig| {
        let file = rig.write("model.bin", "x");
        assert_eq!(rig.arrived().await, BTreeSet::from([file]));
    });
}

#[test]
fn an_overwritten_file_is_told_again() {
    on_each_backend(async |mut rig| {
        let file = rig.write("model.bin", "x");
        rig.told().await;
        rig.write("model.bin", "another");
        assert_eq!(rig.arrived().await, BTreeSet::from([file]));
    });
}

#[test]
fn a_file_that_is_still_written_is_told_when_it_is_closed() {
    on_each_backend(async |mut rig| {
        let mut file = fs::File::create(rig.path("model.bin")).unwrap();
        for _ in 0..3 {
            file.write_all(b"part").unwrap();
            assert!(rig.is_polled() || rig.arrived().await.is_empty(), "told before it was closed");
        }
        drop(file);
        let causes = rig.causes(&rig.path("model.bin")).await;
        assert_eq!(causes, [if rig.is_polled() { Cause::Found } else { Cause::Closed }]);
    });
}

#[test]
fn a_file_renamed_into_place_is_told_under_its_new_name() {
    on_each_backend(async |mut rig| {
        let file = rig.write("e3b0.incomplete", "x");
        rig.told().await;
        fs::rename(file, rig.path("e3b0")).unwrap();
        assert_eq!(rig.arrived().await, BTreeSet::from([rig.path("e3b0")]));
    });
}

#[test]
fn a_hard_link_and_a_symlink_are_told() {
    on_each_backend(async |mut rig| {
        let outside = rig.outside.join("file");
        fs::write(&outside, "x").unwrap();
        fs::hard_link(&outside, rig.path("hard")).unwrap();
        symlink("hard", rig.path("soft")).unwrap();
        let told = rig.told().await;
        for (name, cause) in [("hard", Cause::Linked), ("soft", Cause::Symlink)] {
            let cause = if rig.is_polled() { Cause::Found } else { cause };
            assert!(told.contains(&Event::Arrived { path: rig.path(name), cause }), "{name}: {told:?}");
        }
    });
}

#[test]
fn a_nameless_file_that_is_linked_into_place_is_told_when_it_is_closed() {
    on_each_backend(async |mut rig| {
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY;
        let mut file = fs::File::from(nix::fcntl::open(&rig.outside, flags, Mode::S_IRWXU).unwrap());
        file.write_all(b"part").unwrap();
        let by_descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
        let follow = AtFlags::AT_SYMLINK_FOLLOW;
        nix::unistd::linkat(AT_FDCWD, by_descriptor.as_str(), AT_FDCWD, &rig.path("model.bin"), follow).unwrap();
        rig.told().await;
        file.write_all(b"more").unwrap();
        drop(file);
        assert_eq!(rig.arrived().await, BTreeSet::from([rig.path("model.bin")]));
        assert!(rig.watcher.written.is_empty());
    });
}

#[test]
fn a_file_that_is_linked_in_while_it_is_written_is_told_again_when_it_is_closed() {
    on_each_backend(async |mut rig| {
        let mut file = fs::File::create(rig.outside.join("file")).unwrap();
        fs::hard_link(rig.outside.join("file"), rig.path("hard")).unwrap();
        assert!(rig.arrived().await.contains(&rig.path("hard")));
        file.write_all(b"more").unwrap();
        drop(file);
        assert!(rig.arrived().await.contains(&rig.path("hard")));
    });
}

#[test]
fn a_tree_that_is_moved_in_is_told_and_watched() {
    on_each_backend(async |mut rig| {
        let tree = rig.outside.join("tree/deep");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("a"), "x").unwrap();
        fs::rename(rig.outside.join("tree"), rig.path("in")).unwrap();
        assert_eq!(rig.arrived().await, BTreeSet::from([rig.path("in/deep/a")]));
        let later = rig.write("in/deep/b", "x");
        assert!(rig.arrived().await.contains(&later));
    });
}

#[test]
fn paths_stay_true_when_folders_are_renamed() {
    on_each_backend(async |mut rig| {
        rig.mkdir("a/b/c");
        rig.told().await;
        fs::rename(rig.path("a"), rig.path("z")).unwrap();
        rig.mkdir("a/b/c");
        let (new, old) = (rig.write("z/b/c/f", "x"), rig.write("a/b/c/g", "x"));
        assert_eq!(rig.arrived().await, BTreeSet::from([new, old]));
        rig.write("z/b/c/f", "xx");
        assert!(rig.arrived().await.contains(&rig.path("z/b/c/f")));
    });
}

#[test]
fn what_is_moved_out_is_not_watched_any_more() {
    on_each_backend(async |mut rig| {
        rig.mkdir("a/b");
        rig.told().await;
        let before = rig.watcher.status().watches;
        fs::rename(rig.path("a"), rig.outside.join("a")).unwrap();
        rig.told().await;
        fs::write(rig.outside.join("a/b/f"), "x").unwrap();
        assert!(rig.arrived().await.is_empty());
        assert_eq!(rig.watcher.status().watches, before.saturating_sub(2));
    });
}

#[test]
fn deleted_names_are_told_as_gone() {
    on_each_backend(async |mut rig| {
        let file = rig.write("f", "x");
        rig.told().await;
        fs::remove_file(&file).unwrap();
        let told = rig.told().await;
        assert!(rig.is_polled() || told == [Event::Gone { path: file }], "{told:?}");
    });
}

#[test]
fn names_of_every_kind_are_told_as_they_are() {
    on_each_backend(async |mut rig| {
        let names: Vec<OsString> = vec![
            OsString::from_vec(b"not-utf8-\xff\xfe".to_vec()),
            "new\nline".into(),
            "x".repeat(255).into(),
            " ".into(),
            "-rf".into(),
            "\u{202e}gpj.bin".into(),
        ];
        let mut expected = BTreeSet::new();
        for name in &names {
            expected.insert(rig.write(name, "x"));
            let folder = rig.mkdir(PathBuf::from("folders").join(name));
            fs::write(folder.join(name), "x").unwrap();
            expected.insert(folder.join(name));
        }
        assert_eq!(rig.arrived().await, expected);
    });
}

#[test]
fn symlink_loops_are_not_followed() {
    on_each_backend(async |mut rig| {
        rig.mkdir("a");
        symlink("..", rig.path("a/up")).unwrap();
        symlink("/", rig.path("a/all")).unwrap();
        let file = rig.write("a/f", "x");
        assert_eq!(rig.arrived().await, BTreeSet::from([file, rig.path("a/up"), rig.path("a/all")]));
    });
}

#[test]
fn fifos_and_sockets_neither_block_nor_are_told() {
    on_each_backend(async |mut rig| {
        rig.mkdir("a");
        nix::unistd::mkfifo(&rig.path("a/model.bin"), Mode::S_IRWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(rig.path("a/model.pt")).unwrap();
        let file = rig.write("a/f", "x");
        assert_eq!(rig.arrived().await, BTreeSet::from([file]));
    });
}

#[test]
fn a_path_longer_than_the_kernel_takes_is_watched() {
    on_each_backend(async |mut rig| {
        let name = "d".repeat(200);
        let mut folder = nix::fcntl::open(&rig.root, OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        let mut path = rig.root.clone();
        for _ in 0..30 {
            nix::sys::stat::mkdirat(&folder, name.as_str(), Mode::S_IRWXU).unwrap();
            folder = nix::fcntl::openat(&folder, name.as_str(), OFlag::O_DIRECTORY, Mode::empty()).unwrap();
            path.push(&name);
        }
        rig.told().await;
        let flags = OFlag::O_CREAT | OFlag::O_WRONLY;
        drop(nix::fcntl::openat(&folder, OsStr::new("f"), flags, Mode::S_IRWXU).unwrap());
        assert!(path.as_os_str().len() > 4096);
        assert_eq!(rig.arrived().await, BTreeSet::from([path.join("f")]));
    });
}

#[test]
fn a_folder_replaced_under_the_same_name_is_watched() {
    on_each_backend(async |mut rig| {
        for round in 0..3 {
            rig.mkdir("a/b");
            let file = rig.write("a/b/f", &round.to_string());
            assert!(rig.arrived().await.contains(&file), "round {round}");
            fs::remove_dir_all(rig.path("a")).unwrap();
        }
    });
}
