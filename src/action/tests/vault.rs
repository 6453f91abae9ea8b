use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use jiff::{SignedDuration, Timestamp};

use crate::action::{ActionError, Vault};
use crate::store::HoldState;

use super::world::{Where, World, is_root};

fn refused(world: &World) -> String {
    match Vault::open_or_create(&world.vault_path, true) {
        Err(ActionError::UnsafeVault { reason, .. }) => reason,
        other => panic!("the vault was accepted: {other:?}"),
    }
}

#[test]
fn the_vault_is_made_for_its_owner_alone() {
    let world = World::new(Where::SameFileSystem);
    world.vault();
    assert_eq!(fs::metadata(&world.vault_path).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn a_vault_that_somebody_else_prepared_is_refused() {
    let world = World::new(Where::SameFileSystem);
    let real = world.files.join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, &world.vault_path).unwrap();
    assert!(refused(&world).contains("symbolic link"));
    fs::remove_file(&world.vault_path).unwrap();

    fs::write(&world.vault_path, "").unwrap();
    assert!(refused(&world).contains("not a folder"));
    fs::remove_file(&world.vault_path).unwrap();

    fs::create_dir(&world.vault_path).unwrap();
    for mode in [0o777, 0o770, 0o701] {
        fs::set_permissions(&world.vault_path, Permissions::from_mode(mode)).unwrap();
        assert!(refused(&world).contains("others may enter"), "{mode:o}");
    }
    fs::set_permissions(&world.vault_path, Permissions::from_mode(0o700)).unwrap();
    let above = world.vault_path.parent().unwrap();
    fs::set_permissions(above, Permissions::from_mode(0o777)).unwrap();
    assert!(refused(&world).contains("others can change"));
    fs::set_permissions(above, Permissions::from_mode(0o700)).unwrap();
    world.vault();
    if is_root() {
        std::os::unix::fs::chown(&world.vault_path, Some(65534), Some(65534)).unwrap();
        assert!(refused(&world).contains("belongs to user 65534"));
    }
}

#[test]
fn old_files_are_pruned_and_young_ones_kept() {
    let world = World::new(Where::SameFileSystem);
    let done = world.quarantine(&world.bad_file("model.bin")).unwrap();
    let mut writer = world.writer();
    let vault = world.vault();
    assert!(vault.prune(&mut writer, 0).unwrap().is_empty());
    assert!(vault.prune(&mut writer, 30).unwrap().is_empty());
    let then = Timestamp::now() - SignedDuration::from_hours(24 * 31);
    rusqlite::Connection::open(&world.history)
        .unwrap()
        .execute("UPDATE hold SET since_us = ?1", [then.as_microsecond()])
        .unwrap();
    assert_eq!(vault.prune(&mut writer, 30).unwrap(), [done.id]);
    assert_eq!(world.state(done.id), HoldState::Deleted);
    assert!(world.kept().is_empty());
}

#[test]
fn what_lies_in_the_vault_without_a_record_is_told_and_left_alone() {
    let world = World::new(Where::SameFileSystem);
    world.quarantine(&world.bad_file("model.bin")).unwrap();
    let recovered = world.vault().recover(&mut world.writer()).unwrap();
    assert!(recovered.strays.is_empty(), "{recovered:?}");
    fs::remove_file(&world.history).unwrap();
    let recovered = world.vault().recover(&mut world.writer()).unwrap();
    assert_eq!(recovered.strays, [world.vault_path.join(&world.kept()[0])]);
}

#[test]
fn a_full_vault_loses_its_oldest_files_and_never_the_newest() {
    let world = World::new(Where::SameFileSystem);
    let (vault, mut writer) = (world.vault(), world.writer());
    let ids: Vec<_> = (0..4).map(|n| world.quarantine(&world.bad_file(format!("{n}.bin"))).unwrap().id).collect();
    let bytes = super::world::CONTENT.len() as u64;
    assert!(vault.prune_to_size(&mut writer, 0).unwrap().is_empty());
    assert!(vault.prune_to_size(&mut writer, 4 * bytes).unwrap().is_empty());
    assert_eq!(vault.prune_to_size(&mut writer, 3 * bytes - 1).unwrap(), ids[..2]);
    assert_eq!(vault.prune_to_size(&mut writer, 1).unwrap(), ids[2..3]);
    assert_eq!(world.kept().len(), 1);
    assert_eq!(world.state(ids[3]), crate::store::HoldState::Held);
}
