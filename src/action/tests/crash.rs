//! Kills the process (SIGKILL to itself) at every step of every act, starts again, and looks where the file is.
//!
//! The process that dies is this test program once more, running [`victim`] alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::action::failpoint::{CRASH_AT, Step};
use crate::action::{To, lock, open_for_scan, unlock};
use crate::store::{HoldId, HoldState};

use super::world::{Where, World, look_of, names_in, other_file_system, record};

const ACT: &str = "MODELSCAND_TEST_ACT";
const FILES: &str = "MODELSCAND_TEST_FILES";
const STATE: &str = "MODELSCAND_TEST_STATE";

#[test]
#[ignore = "the process that the tests below kill"]
fn victim() {
    let path = |name| PathBuf::from(std::env::var_os(name).unwrap());
    let state = path(STATE);
    let world = World::at(path(FILES), state.join("vault"), state.join("history.sqlite"));
    let model = world.files.join("model.bin");
    let act = std::env::var(ACT).unwrap();
    match act.split_once(' ').unwrap_or((&act, "")) {
        ("quarantine", _) => drop(world.quarantine(&model).unwrap()),
        ("restore", "") => drop(world.restore(HoldId(1), To::OriginalPlace).unwrap()),
        ("restore", to) => drop(world.restore(HoldId(1), To::Path(to.into())).unwrap()),
        ("delete", _) => world.vault().delete(&mut world.writer(), HoldId(1)).unwrap(),
        ("lock", _) => {
            let opened = open_for_scan(&model).unwrap();
            let mut writer = world.writer();
            let scan = record(&mut writer, &opened);
            drop(lock(&mut writer, &opened, scan, false).unwrap());
        }
        ("unlock", _) => drop(unlock(&mut world.writer(), HoldId(1)).unwrap()),
        (other, _) => panic!("no act {other}"),
    }
}

/// Runs an act in a process of its own that dies at `step`.
fn die(world: &World, act: &str, step: Step) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "action::tests::crash::victim", "--ignored", "--nocapture"])
        .env(ACT, act)
        .env(FILES, &world.files)
        .env(STATE, world.vault_path.parent().unwrap())
        .env(CRASH_AT, format!("{step:?}"))
        .output()
        .unwrap();
    assert_eq!(status.status.signal(), Some(9), "{act} did not reach {step:?}: {status:?}");
}

fn recover(world: &World) {
    let recovered = world.vault().recover(&mut world.writer()).unwrap();
    assert!(recovered.failed.is_empty(), "{recovered:?}");
    assert!(world.writer().unfinished().unwrap().is_empty());
    let again = world.vault().recover(&mut world.writer()).unwrap();
    assert!(again.completed.is_empty() && again.rolled_back.is_empty());
}

/// The file is held, whole, and comes back as it was; nothing temporary is left.
fn assert_held(world: &World, model: &Path, before: &super::world::Look, step: Step) {
    assert!(!model.exists(), "{step:?}");
    let kept = world.kept();
    assert!(kept.len() == 1 && kept[0].ends_with(".quarantined"), "{step:?}: {kept:?}");
    assert_eq!(fs::metadata(world.vault_path.join(&kept[0])).unwrap().mode() & 0o7777, 0, "{step:?}");
    let left = names_in(&world.files);
    assert!(left.iter().all(|name| name.ends_with(".quarantined.txt")), "{step:?}: {left:?}");
    world.restore(HoldId(1), To::OriginalPlace).unwrap();
    assert_eq!(&look_of(model), before, "{step:?}");
}

#[test]
fn a_quarantine_that_dies_at_any_step_is_completed_or_undone() {
    use Step::*;
    let shared = [IntentRecorded, InodeLocked, InodePinned, NameInHolding, NameTaken, TakenRecorded];
    let copying = [CopyBegun, CopyWritten, CopyPlaced, CopyRecorded, HoldingMade];
    let same = shared.into_iter().map(|step| (Where::SameFileSystem, step));
    let other = shared.into_iter().chain(copying).map(|step| (Where::OtherFileSystem, step));
    for (place, step) in same.chain(other) {
        let world = World::new(place);
        let model = world.bad_file("model.bin");
        let before = look_of(&model);
        die(&world, "quarantine", step);
        recover(&world);
        match world.state(HoldId(1)) {
            HoldState::Held => assert_held(&world, &model, &before, step),
            HoldState::Failed => {
                assert_eq!(look_of(&model), before, "{place:?} {step:?}");
                assert_eq!(names_in(&world.files), ["model.bin"], "{place:?} {step:?}");
                assert!(world.kept().is_empty(), "{place:?} {step:?}: {:?}", world.kept());
                let identity = open_for_scan(&model).unwrap().identity;
                assert_eq!(world.writer().known(&identity, "1", "1").unwrap(), None, "it must be scanned again");
            }
            state => panic!("{place:?} {step:?}: {state:?}"),
        }
    }
}

#[test]
fn a_restore_that_dies_at_any_step_is_completed_or_the_file_stays_in_the_vault() {
    use Step::*;
    let shared = [RestoreRecorded, AttributesRestored, FilePlaced, VaultEmptied, RestoreDone];
    let copying = [CopyBegun, CopyWritten, HoldingMade, RestoreCopied, PlaceRecorded];
    let same = shared.into_iter().map(|step| (Where::SameFileSystem, step));
    let other = shared.into_iter().chain(copying).map(|step| (Where::OtherFileSystem, step));
    for (place, step) in same.chain(other) {
        let world = World::new(place);
        let model = world.bad_file("model.bin");
        let before = look_of(&model);
        world.quarantine(&model).unwrap();
        die(&world, "restore", step);
        recover(&world);
        match world.state(HoldId(1)) {
            HoldState::Held => assert_held(&world, &model, &before, step),
            HoldState::Restored => {
                assert_eq!(look_of(&model), before, "{place:?} {step:?}");
                assert_eq!(names_in(&world.files), ["model.bin"], "{place:?} {step:?}");
                assert!(world.kept().is_empty(), "{place:?} {step:?}");
            }
            state => panic!("{place:?} {step:?}: {state:?}"),
        }
    }
}

#[test]
fn a_restore_to_another_file_system_that_dies_leaves_one_whole_file() {
    use Step::*;
    for step in [AttributesRestored, HoldingMade, CopyBegun, RestoreCopied, PlaceRecorded, FilePlaced, VaultEmptied] {
        let world = World::new(Where::SameFileSystem);
        let elsewhere = tempfile::tempdir_in(other_file_system(&world.files)).unwrap();
        let target = fs::canonicalize(elsewhere.path()).unwrap().join("again.bin");
        let model = world.bad_file("model.bin");
        let before = look_of(&model);
        world.quarantine(&model).unwrap();
        die(&world, &format!("restore {}", target.display()), step);
        recover(&world);
        match world.state(HoldId(1)) {
            HoldState::Held => {
                assert_eq!(names_in(elsewhere.path()), Vec::<String>::new(), "{step:?}");
                assert_held(&world, &model, &before, step);
            }
            HoldState::Restored => {
                assert_eq!(look_of(&target), before, "{step:?}");
                assert_eq!(names_in(elsewhere.path()), ["again.bin"], "{step:?}");
                assert!(world.kept().is_empty() && !model.exists(), "{step:?}");
            }
            state => panic!("{step:?}: {state:?}"),
        }
    }
}

#[test]
fn a_delete_that_dies_is_completed() {
    for step in [Step::DeleteRecorded, Step::Deleted] {
        let world = World::new(Where::SameFileSystem);
        world.quarantine(&world.bad_file("model.bin")).unwrap();
        die(&world, "delete", step);
        recover(&world);
        assert_eq!(world.state(HoldId(1)), HoldState::Deleted);
        assert!(world.kept().is_empty());
    }
}

#[test]
fn a_lock_or_unlock_that_dies_is_completed_or_undone() {
    for step in [Step::IntentRecorded, Step::InodeLocked] {
        let world = World::new(Where::SameFileSystem);
        let model = world.bad_file("model.bin");
        let before = look_of(&model);
        die(&world, "lock", step);
        recover(&world);
        if world.state(HoldId(1)) == HoldState::Held {
            assert_eq!(fs::metadata(&model).unwrap().mode() & 0o7777, 0);
            world.restore(HoldId(1), To::OriginalPlace).unwrap();
        }
        assert_eq!(look_of(&model), before, "{step:?}");
    }
    for step in [Step::RestoreRecorded, Step::AttributesRestored] {
        let world = World::new(Where::SameFileSystem);
        let model = world.bad_file("model.bin");
        let before = look_of(&model);
        let opened = open_for_scan(&model).unwrap();
        let mut writer = world.writer();
        let scan = record(&mut writer, &opened);
        lock(&mut writer, &opened, scan, false).unwrap();
        die(&world, "unlock", step);
        recover(&world);
        assert_eq!(world.state(HoldId(1)), HoldState::Restored);
        assert_eq!(look_of(&model), before, "{step:?}");
    }
}
