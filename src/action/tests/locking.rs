use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::action::{ActionError, To, lock, open_for_scan, unlock};
use crate::config::Decision;
use crate::identity::Identity;
use crate::store::HoldState;

use super::world::{Where, World, look_of, record};

#[test]
fn a_locked_file_has_mode_000_and_gets_its_old_one_back() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    let locked = lock(&mut writer, &opened, scan, false).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0);
    assert!(locked.remark.contains("mode 000"));
    let known = writer.known(&Identity::from(&metadata), "1", "1").unwrap().unwrap();
    assert_eq!(known.decision, Decision::Lock);
    assert!(matches!(world.restore(locked.id, To::Path("/x".into())), Err(ActionError::Refused(_))));
    unlock(&mut writer, locked.id).unwrap();
    assert_eq!(look_of(&path), before);
    assert_eq!(world.state(locked.id), HoldState::Restored);
}

#[test]
fn a_lock_is_restored_by_the_same_command_as_a_quarantine() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    let locked = lock(&mut writer, &opened, scan, false).unwrap();
    world.restore(locked.id, To::OriginalPlace).unwrap();
    assert_eq!(look_of(&path), before);
}

#[test]
fn unlocking_touches_nothing_but_the_file_that_was_locked() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    let locked = lock(&mut writer, &opened, scan, false).unwrap();
    fs::rename(&path, world.files.join("aside")).unwrap();
    let other = world.bad_file("model.bin");
    let before = fs::metadata(&other).unwrap().ctime_nsec();
    let refused = unlock(&mut writer, locked.id);
    assert!(matches!(refused, Err(ActionError::Changed { .. })), "{refused:?}");
    assert_eq!(fs::metadata(&other).unwrap().ctime_nsec(), before);
}

#[test]
fn an_immutable_lock_cannot_be_changed_back_by_its_owner_and_is_restored() {
    let world = World::in_memory(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    let locked = lock(&mut writer, &opened, scan, true).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0);
    let can_rename = fs::rename(&path, path.with_extension("aside")).is_ok();
    let is_immutable = locked.remark.contains("mode 000 and immutable");
    assert_eq!(can_rename, !is_immutable, "{}", locked.remark);
    assert!(is_immutable || locked.remark.contains("could not be made immutable"), "{}", locked.remark);
    if can_rename {
        fs::rename(path.with_extension("aside"), &path).unwrap();
    }
    unlock(&mut writer, locked.id).unwrap();
    assert_eq!(look_of(&path), before);
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_file_that_was_immutable_before_is_so_again_after_a_restore() {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let world = World::in_memory(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let file = fs::File::open(&path).unwrap();
    if ioctl_setflags(&file, IFlags::IMMUTABLE).is_err() {
        return eprintln!("not shown: inode flags need root and a file system that has them");
    }
    let held = world.quarantine(&path).unwrap();
    assert!(!path.exists());
    world.restore(held.id, To::OriginalPlace).unwrap();
    let flags = ioctl_getflags(fs::File::open(&path).unwrap()).unwrap();
    assert!(flags.contains(IFlags::IMMUTABLE), "{flags:?}");
    ioctl_setflags(&file, IFlags::empty()).unwrap();
}
