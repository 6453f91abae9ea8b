//! Roots that are not there, appear, vanish, are moved, lie inside each other, cannot be read, or are taken away.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::rig::{BACKENDS, Rig, block_on, on_each_backend, run, run_with};
use crate::caches::{CacheKind, Root};
use crate::config::{Backend, Watch};
use crate::watch::{Cause, Event, RootState, WalkReason, WatchError, Watcher};

fn state(rig: &Rig) -> RootState {
    rig.watcher.status().roots[0].state
}

#[test]
fn a_root_that_is_not_there_is_waited_for() {
    for backend in BACKENDS {
        run(backend, "not/there/yet", false, async |mut rig| {
            assert!(rig.arrived().await.is_empty());
            assert_eq!(state(&rig), RootState::Waiting);
            rig.mkdir("");
            let file = rig.write("f", "x");
            assert!(rig.arrived().await.contains(&file));
            assert_ne!(state(&rig), RootState::Waiting);
        });
    }
}

#[test]
fn each_part_of_the_way_may_appear_on_its_own() {
    for backend in BACKENDS {
        run(backend, "not/there/yet", false, async |mut rig| {
            for part in ["not", "not/there", "not/there/yet"] {
                fs::create_dir(rig.outside.join(part)).unwrap();
                assert!(rig.arrived().await.is_empty());
            }
            let file = rig.write("f", "x");
            assert_eq!(rig.arrived().await, BTreeSet::from([file]));
        });
    }
}

#[test]
fn a_root_that_is_deleted_and_made_again_is_watched_again() {
    on_each_backend(async |mut rig| {
        for round in 0..3 {
            fs::remove_dir_all(&rig.root).unwrap();
            rig.told().await;
            assert_eq!(state(&rig), RootState::Waiting);
            rig.mkdir("a");
            let file = rig.write("a/f", &round.to_string());
            assert!(rig.arrived().await.contains(&file), "round {round}");
        }
    });
}

#[test]
fn a_folder_above_the_root_may_be_moved_away_and_another_one_in() {
    for backend in BACKENDS {
        run(backend, "up/mid/root", true, async |mut rig| {
            let moved = rig.outside.join("moved");
            fs::rename(rig.outside.join("up"), &moved).unwrap();
            rig.told().await;
            fs::write(moved.join("mid/root/old"), "x").unwrap();
            assert!(rig.arrived().await.is_empty(), "it is not the root any more");
            rig.mkdir("");
            let file = rig.write("new", "x");
            assert_eq!(rig.arrived().await, BTreeSet::from([file]));
            fs::remove_dir_all(rig.outside.join("up")).unwrap();
            fs::rename(&moved, rig.outside.join("up")).unwrap();
            assert_eq!(rig.arrived().await, BTreeSet::from([rig.path("old")]));
        });
    }
}

#[test]
fn a_symlink_on_the_way_to_the_root_may_be_changed() {
    for backend in BACKENDS {
        run(backend, "link/root", false, async |mut rig| {
            for target in ["one", "two"] {
                fs::create_dir_all(rig.outside.join(target).join("root")).unwrap();
                fs::write(rig.outside.join(target).join("root").join(target), "x").unwrap();
                symlink(target, rig.outside.join("new")).unwrap();
                fs::rename(rig.outside.join("new"), rig.outside.join("link")).unwrap();
                assert_eq!(rig.arrived().await, BTreeSet::from([rig.path(target)]));
                let later = rig.write("later", target);
                assert!(rig.arrived().await.contains(&later));
            }
        });
    }
}

#[test]
fn a_root_inside_another_is_told_once() {
    for backend in BACKENDS {
        run(backend, "root", true, async |mut rig| {
            let inner = Root { path: rig.path("inner"), cache: CacheKind::Huggingface };
            let outer = Root { path: rig.root.clone(), cache: CacheKind::Folder };
            rig.watcher.set_roots(vec![outer.clone(), inner]);
            rig.mkdir("inner/a");
            let file = rig.write("inner/a/f", "x");
            let told = rig.told().await;
            let arrivals = told.iter().filter(|event| matches!(event, Event::Arrived { path, .. } if *path == file));
            assert_eq!(arrivals.count(), 1, "{told:?}");
            rig.watcher.set_roots(vec![outer]);
            rig.told().await;
            rig.write("inner/a/f", "xx");
            assert!(rig.arrived().await.contains(&file), "the outer root has it now");
        });
    }
}

#[test]
fn a_root_that_is_taken_away_is_not_told_of() {
    on_each_backend(async |mut rig| {
        rig.watcher.set_roots(Vec::new());
        rig.write("f", "x");
        assert!(rig.arrived().await.is_empty());
        assert!(rig.watcher.status().roots.is_empty());
        assert_eq!(rig.watcher.status().watches, 0);
    });
}

#[test]
fn what_was_there_before_is_walked_and_its_walk_is_told_last() {
    for backend in BACKENDS {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().canonicalize().unwrap();
            fs::create_dir_all(path.join("a/b")).unwrap();
            fs::write(path.join("a/b/f"), "x").unwrap();
            let settings = Watch { backend, ..Watch::default() };
            let root = Root { path: path.clone(), cache: CacheKind::Folder };
            let mut watcher = Watcher::start(vec![root], &settings).unwrap();
            assert!(matches!(watcher.next().await, Event::Arrived { path: told, .. } if told == path.join("a/b/f")));
            let walked = Event::Walked { root: path.clone(), files: 1, reason: WalkReason::Start };
            assert_eq!(watcher.next().await, walked);
            watcher.walk(&path.join("a"), WalkReason::Reconcile);
            while !matches!(watcher.next().await, Event::Walked { reason: WalkReason::Reconcile, files: 1, .. }) {}
        });
    }
}

#[test]
fn excluded_paths_are_neither_watched_nor_told() {
    for backend in BACKENDS {
        let settings = Watch { backend, exclude: vec!["**/skip".into(), "**/*.tmp".into()], ..Watch::default() };
        run_with(settings, "root", true, async |mut rig| {
            rig.mkdir("skip/a");
            rig.write("skip/a/f", "x");
            rig.write("x.tmp", "x");
            let file = rig.write("x.bin", "x");
            assert_eq!(rig.arrived().await, BTreeSet::from([file]));
        });
    }
    let bad = Watch { exclude: vec!["a{".into()], ..Watch::default() };
    assert!(matches!(block_on(async { Watcher::start(Vec::new(), &bad) }), Err(WatchError::Exclude(_))));
}

#[test]
fn a_root_that_is_a_file_becomes_a_folder() {
    for backend in BACKENDS {
        run(backend, "root", false, async |mut rig| {
            fs::write(&rig.root, "x").unwrap();
            rig.told().await;
            assert_eq!(state(&rig), RootState::Waiting);
            fs::remove_file(&rig.root).unwrap();
            rig.mkdir("");
            let file = rig.write("f", "x");
            assert!(rig.arrived().await.contains(&file));
        });
    }
}

#[test]
fn an_idle_watcher_sets_no_timer() {
    run(Backend::Auto, "root", true, async |rig| assert_eq!(rig.watcher.next_poll(), None));
}

#[test]
fn beyond_the_limit_of_watches_it_is_polled_and_says_so() {
    run_with(Watch { poll_interval_s: 1, ..Watch::default() }, "root", true, async |mut rig| {
        rig.watcher.kernel.as_mut().unwrap().is_at_limit = true;
        rig.mkdir("a");
        let told = rig.told().await;
        let degraded = told.iter().any(|event| matches!(event, Event::Degraded { path, .. } if *path == rig.root));
        assert!(degraded, "{told:?}");
        assert_eq!(state(&rig), RootState::Degraded);
        let file = rig.write("a/f", "x");
        while !matches!(rig.watcher.next().await, Event::Arrived { path, .. } if path == file) {}

        rig.watcher.kernel.as_mut().unwrap().is_at_limit = false;
        while rig.watcher.next().await != (Event::Recovered { path: rig.root.clone() }) {}
        assert_eq!(state(&rig), RootState::Watching);
        assert_eq!(rig.watcher.next_poll(), None, "events are enough again");
        let file = rig.write("a/g", "x");
        assert!(rig.arrived().await.contains(&file));
    });
}

#[test]
fn a_folder_that_must_not_be_read_is_degraded_until_it_may() {
    let rights = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    on_each_backend(async |mut rig| {
        let closed = rig.mkdir("closed");
        let file = rig.write("closed/f", "x");
        rights(&closed, 0o000);
        let told = rig.told().await;
        if nix::unistd::geteuid().is_root() {
            assert!(told.contains(&Event::Arrived { path: file, cause: Cause::Found }), "nothing is closed to root");
            return;
        }
        assert!(told.iter().any(|event| matches!(event, Event::Degraded { path, .. } if *path == closed)), "{told:?}");
        assert_eq!(state(&rig), RootState::Degraded);
        rights(&closed, 0o700);
        let told = rig.told().await;
        assert!(told.contains(&Event::Recovered { path: closed }), "{told:?}");
        assert!(told.contains(&Event::Arrived { path: file, cause: Cause::Found }), "{told:?}");
    });
}

#[test]
fn a_degraded_folder_that_is_deleted_is_forgotten() {
    run(Backend::Inotify, "root", true, async |mut rig| {
        rig.watcher.kernel.as_mut().unwrap().is_at_limit = true;
        rig.mkdir("a");
        rig.told().await;
        fs::remove_dir_all(&rig.root).unwrap();
        rig.told().await;
        assert!(rig.watcher.status().degraded.is_empty());
    });
}
