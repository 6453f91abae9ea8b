//! Full and read-only file systems: the file is never lost, never half in two places, and the person is told.
//!
//! Each test runs this test program once more in a mount namespace of its own (`unshare`, with a user namespace for an ordinary
//! user), where it may mount a small tmpfs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};

use crate::action::{ActionError, To, open_for_scan};
use crate::store::{HoldId, HoldState, StoreError};

use super::world::{Where, World, is_root, look_of, names_in, record};

const INSIDE: &str = "MODELSCAND_TEST_NAMESPACE";

/// Runs the test named `test` again, inside; `true` when this is inside.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let flags: &[&str] = if is_root() { &["--mount"] } else { &["--user", "--map-root-user", "--mount"] };
    let output = Command::new("unshare")
        .args(flags)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("action::tests::full::{test}"), "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare(1) of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// A tmpfs of `kib` KiB, over a folder.
fn small(folder: &Path, kib: u32) {
    fs::create_dir_all(folder).unwrap();
    let options = format!("size={kib}k,mode=700");
    mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).unwrap();
}

fn fill(folder: &Path) {
    let mut size = 1 << 20;
    while size > 0 {
        if fs::write(folder.join(format!("fill{size}")), vec![1; size]).is_err() {
            size /= 2;
        } else if size == 1 {
            break;
        } else {
            size = (size / 2).max(1);
        }
    }
}

fn big_file(world: &World) -> PathBuf {
    let path = world.bad_file("model.bin");
    let mut content = fs::read(&path).unwrap();
    content.extend((0..1_000_000_u32).map(|n| (n % 251) as u8));
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_full_vault_leaves_the_file_as_it_was() {
    if !inside("a_full_vault_leaves_the_file_as_it_was") {
        return;
    }
    let world = World::new(Where::SameFileSystem);
    small(&world.vault_path, 256);
    let path = big_file(&world);
    let before = look_of(&path);
    let refused = world.quarantine(&path);
    assert!(
        matches!(&refused, Err(ActionError::Io { source, .. }) if source.raw_os_error() == Some(libc::ENOSPC)),
        "{refused:?}"
    );
    assert_eq!(look_of(&path), before);
    assert_eq!((names_in(&world.files), world.kept()), (vec!["model.bin".to_owned()], Vec::new()));
    assert_eq!(world.state(HoldId(1)), HoldState::Failed);
}

#[test]
fn a_full_target_leaves_the_file_in_the_vault() {
    if !inside("a_full_target_leaves_the_file_in_the_vault") {
        return;
    }
    let world = World::new(Where::SameFileSystem);
    let path = big_file(&world);
    let before = look_of(&path);
    let done = world.quarantine(&path).unwrap();
    let target = world.files.with_file_name("small");
    small(&target, 256);
    let refused = world.restore(done.id, To::Path(target.join("model.bin")));
    assert!(matches!(&refused, Err(ActionError::Io { .. })), "{refused:?}");
    assert_eq!((names_in(&target), world.state(done.id)), (Vec::new(), HoldState::Held));
    let kept = world.vault_path.join(&world.kept()[0]);
    assert_eq!(fs::metadata(kept).unwrap().mode() & 0o7777, 0);
    world.restore(done.id, To::OriginalPlace).unwrap();
    assert_eq!(look_of(&path), before);
}

#[test]
fn nothing_is_done_that_cannot_be_recorded() {
    if !inside("nothing_is_done_that_cannot_be_recorded") {
        return;
    }
    let mut world = World::new(Where::SameFileSystem);
    let folder = world.files.with_file_name("state");
    small(&folder, 1024);
    world.history = folder.join("history.sqlite");
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    fill(&folder);
    let mut refused = Ok(());
    for _ in 0..1000 {
        refused = writer.record(&super::world::new_scan(&opened)).map(drop);
        if refused.is_err() {
            break;
        }
    }
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    let refused = world.quarantine_opened(&mut writer, &opened, scan);
    assert!(matches!(refused, Err(ActionError::Store(StoreError::Full { .. }))), "{refused:?}");
    assert_eq!((look_of(&path), world.kept()), (before, Vec::new()));
    for name in names_in(&folder).iter().filter(|name| name.starts_with("fill")) {
        fs::remove_file(folder.join(name)).unwrap();
    }
    world.quarantine_opened(&mut writer, &opened, scan).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_read_only_file_system_is_told_and_left_alone() {
    if !inside("a_read_only_file_system_is_told_and_left_alone") {
        return;
    }
    let world = World::new(Where::SameFileSystem);
    small(&world.files, 4096);
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let options: Option<&str> = None;
    mount(options, &world.files, options, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, options).unwrap();
    let refused = world.quarantine(&path);
    assert!(
        matches!(&refused, Err(ActionError::Io { source, .. }) if source.raw_os_error() == Some(libc::EROFS)),
        "{refused:?}"
    );
    assert_eq!((look_of(&path), world.kept()), (before, Vec::new()));
    assert_eq!(world.state(HoldId(1)), HoldState::Failed);
}
