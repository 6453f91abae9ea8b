use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use crate::action::{ActionError, OpenError, Restore, To, open_for_scan};
use crate::config::Decision;
use crate::store::{HoldState, Reader};

use super::world::{Where, World, look_of, names_in, other_file_system, trust};

const PLACES: [Where; 2] = [Where::SameFileSystem, Where::OtherFileSystem];

#[test]
fn a_file_comes_back_bit_for_bit_with_mode_owner_times_and_attributes() {
    for place in PLACES {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        let before = look_of(&path);
        let done = world.quarantine(&path).unwrap();
        let restored = world.restore(done.id, To::OriginalPlace).unwrap();
        assert_eq!(restored.remarks, Vec::<String>::new());
        assert_eq!(look_of(&path), before, "{place:?}");
        assert_eq!(names_in(&world.files), ["model.bin"]);
        assert!(world.kept().is_empty());
        assert_eq!(world.state(done.id), HoldState::Restored);
    }
}

#[test]
fn a_file_can_be_restored_to_another_place_and_file_system() {
    let world = World::new(Where::SameFileSystem);
    let elsewhere = tempfile::tempdir_in(other_file_system(&world.files)).unwrap();
    let folder = fs::canonicalize(elsewhere.path()).unwrap();
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let done = world.quarantine(&path).unwrap();
    let target = folder.join("again.bin");
    assert_eq!(world.restore(done.id, To::Path(target.clone())).unwrap().path, target);
    assert_eq!(look_of(&target), before);
    assert_eq!(names_in(&folder), ["again.bin"]);
    assert!(world.kept().is_empty() && !path.exists());
}

#[test]
fn nothing_is_ever_overwritten() {
    for place in PLACES {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        let done = world.quarantine(&path).unwrap();
        let obstacles: [&dyn Fn(); 4] = [
            &|| fs::write(&path, "mine").unwrap(),
            &|| fs::create_dir(&path).unwrap(),
            &|| symlink("/nonexistent", &path).unwrap(),
            &|| symlink("/etc/passwd", &path).unwrap(),
        ];
        for obstacle in obstacles {
            obstacle();
            let refused = world.restore(done.id, To::OriginalPlace);
            assert!(matches!(refused, Err(ActionError::Occupied { .. })), "{refused:?}");
            assert_eq!(world.state(done.id), HoldState::Held);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
        world.restore(done.id, To::OriginalPlace).unwrap();
    }
}

#[test]
fn a_planted_link_on_the_way_is_not_followed() {
    let world = World::new(Where::SameFileSystem);
    let folder = world.files.join("sub");
    fs::create_dir(&folder).unwrap();
    let done = world.quarantine(&world.bad_file("sub/model.bin")).unwrap();
    let protected = world.files.join("protected");
    fs::create_dir(&protected).unwrap();
    fs::rename(&folder, world.files.join("aside")).unwrap();
    symlink(&protected, &folder).unwrap();
    let refused = world.restore(done.id, To::OriginalPlace);
    assert!(matches!(refused, Err(ActionError::Open(OpenError::Symlink(_)))), "{refused:?}");
    let through = world.restore(done.id, To::Path(world.files.join("sub/x")));
    assert!(matches!(through, Err(ActionError::Open(OpenError::Symlink(_)))), "{through:?}");
    let climbing = world.restore(done.id, To::Path(world.files.join("../x")));
    assert!(matches!(climbing, Err(ActionError::Open(OpenError::NotPlain(_)))), "{climbing:?}");
    assert!(names_in(&protected).is_empty());
    assert_eq!(world.state(done.id), HoldState::Held);
}

#[test]
fn set_user_id_is_not_given_back() {
    for place in PLACES {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        fs::set_permissions(&path, Permissions::from_mode(0o6755)).unwrap();
        let done = world.quarantine(&path).unwrap();
        let restored = world.restore(done.id, To::OriginalPlace).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o755);
        assert!(restored.remarks[0].contains("set-user-id"), "{:?}", restored.remarks);
    }
}

#[test]
fn an_access_control_list_comes_back() {
    let acl: &[u8] = &[
        2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 0, 0, 255, 255, 255, 255, 16, 0, 4,
        0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
    ];
    let name = "system.posix_acl_access";
    for place in PLACES {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        rustix::fs::setxattr(&path, name, acl, rustix::fs::XattrFlags::empty()).expect("a file system with ACLs");
        let before = look_of(&path);
        let done = world.quarantine(&path).unwrap();
        world.restore(done.id, To::OriginalPlace).unwrap();
        let mut value = [0_u8; 256];
        let length = rustix::fs::getxattr(&path, name, &mut value[..]).unwrap();
        assert_eq!(&value[..length], acl);
        assert_eq!(look_of(&path), before);
    }
}

#[test]
fn trusted_content_is_allowed_from_then_on() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let done = world.quarantine(&path).unwrap();
    let mut writer = world.writer();
    let how = Restore { to: To::OriginalPlace, allow: Some(trust()) };
    world.vault().restore(&mut writer, done.id, &how).unwrap();
    assert_eq!(writer.allowed(done.sha256.unwrap()).unwrap().as_deref(), Some("made by us"));
    let known = writer.known(&open_for_scan(&path).unwrap().identity, "1", "1").unwrap().unwrap();
    assert_eq!(known.decision, Decision::Allow);
}

#[test]
fn a_failed_restore_with_trust_allows_nothing() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let done = world.quarantine(&path).unwrap();
    fs::write(&path, "in the way").unwrap();
    let how = Restore { to: To::OriginalPlace, allow: Some(trust()) };
    world.vault().restore(&mut world.writer(), done.id, &how).unwrap_err();
    assert_eq!(world.writer().allowed(done.sha256.unwrap()).unwrap(), None);
}

#[test]
fn content_that_was_changed_in_the_vault_by_an_old_descriptor_is_not_given_back() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let writer = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let done = world.quarantine(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&writer, b"worse", 0).unwrap();
    let refused = world.restore(done.id, To::OriginalPlace);
    assert!(matches!(refused, Err(ActionError::ChangedInVault { .. })), "{refused:?}");
    assert_eq!(world.state(done.id), HoldState::Held);
}

#[test]
fn deleting_is_final_and_recorded() {
    let world = World::new(Where::SameFileSystem);
    let done = world.quarantine(&world.bad_file("model.bin")).unwrap();
    world.vault().delete(&mut world.writer(), done.id).unwrap();
    assert!(world.kept().is_empty());
    assert_eq!(world.state(done.id), HoldState::Deleted);
    assert!(world.vault().delete(&mut world.writer(), done.id).is_err());
    assert!(world.restore(done.id, To::OriginalPlace).is_err());
    let all = Reader::open(&world.history).unwrap().holds(true).unwrap();
    assert_eq!(all.len(), 1);
}
