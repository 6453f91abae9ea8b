use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use crate::action::{ActionError, NOTE_SUFFIX, OpenError, To, open_for_scan};
use crate::caches::{CacheKind, Origin};
use crate::store::{HoldState, Name, Outcome, Reader};

use super::world::{CONTENT, Where, World, is_root, look_of, names_in, record};

#[test]
fn a_file_is_moved_into_the_vault_and_a_note_says_why() {
    for place in [Where::SameFileSystem, Where::OtherFileSystem] {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        let done = world.quarantine(&path).unwrap();
        assert_eq!(names_in(&world.files), ["model.bin.quarantined.txt"], "{place:?}");
        assert_eq!(done.remarks, Vec::<String>::new());
        let kept = world.kept();
        assert!(kept.len() == 1 && kept[0].ends_with(".quarantined"), "{kept:?}");
        let metadata = fs::metadata(world.vault_path.join(&kept[0])).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0);
        assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
        let note = fs::read_to_string(done.note.unwrap()).unwrap();
        for part in
            ["model.bin", "posix.system(\"true\")", "pickle.dangerous-call", "quarantine restore 1", "not deleted"]
        {
            assert!(note.contains(part), "{part} is not in the note:\n{note}");
        }
    }
}

#[test]
fn the_history_tells_what_was_done() {
    let world = World::new(Where::SameFileSystem);
    let done = world.quarantine(&world.bad_file("model.bin")).unwrap();
    let detail = Reader::open(&world.history).unwrap().scan(crate::store::ScanId(1)).unwrap().unwrap();
    let action = detail.summary.action.clone().unwrap();
    assert_eq!((action.kind.as_str(), action.outcome, action.hold), ("quarantine", Outcome::Done, Some(done.id)));
    assert_eq!(detail.sha256, done.sha256);
    let hash = <sha2::Sha256 as sha2::Digest>::digest(CONTENT);
    assert_eq!(detail.sha256.unwrap().0, *hash);
    assert_eq!(detail.hold.unwrap().state, HoldState::Held);
}

#[test]
fn a_file_that_was_rewritten_since_its_scan_is_left_alone() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    fs::write(&path, b"clean now").unwrap();
    let refused = world.quarantine_opened(&mut writer, &opened, scan);
    assert!(matches!(refused, Err(ActionError::Changed { .. })), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), b"clean now");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert!(world.kept().is_empty());
}

#[test]
fn a_deleted_file_is_nothing_to_act_upon() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    fs::remove_file(&path).unwrap();
    let refused = world.quarantine_opened(&mut writer, &opened, scan);
    assert!(matches!(refused, Err(ActionError::Vanished { .. })), "{refused:?}");
}

#[test]
fn a_clean_file_renamed_over_the_name_stays_and_the_bad_one_is_caught() {
    for place in [Where::SameFileSystem, Where::OtherFileSystem] {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        let opened = open_for_scan(&path).unwrap();
        let mut writer = world.writer();
        let scan = record(&mut writer, &opened);
        fs::rename(&path, world.files.join("aside")).unwrap();
        fs::write(&path, b"clean").unwrap();
        let done = world.quarantine_opened(&mut writer, &opened, scan).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"clean");
        assert!(!world.files.join("aside").exists());
        assert!(done.remarks[0].contains("aside"), "{:?}", done.remarks);
    }
}

#[test]
fn other_hard_links_are_locked_and_told() {
    for place in [Where::SameFileSystem, Where::OtherFileSystem] {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        let elsewhere = world.files.parent().unwrap().join("elsewhere");
        fs::hard_link(&path, &elsewhere).unwrap();
        let done = world.quarantine(&path).unwrap();
        assert_eq!(fs::metadata(&elsewhere).unwrap().mode() & 0o777, 0);
        assert!(done.remarks.iter().any(|remark| remark.contains("1 other name")), "{:?}", done.remarks);
    }
}

#[test]
fn what_is_not_a_regular_file_is_told_apart_and_never_blocks() {
    let world = World::new(Where::SameFileSystem);
    let at = |name: &str| world.files.join(name);
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder.bin")).unwrap();
    symlink("/etc/passwd", at("link")).unwrap();
    symlink(&world.files, at("here")).unwrap();
    world.bad_file("model.bin");
    for (name, kind) in [("fifo", "FIFO"), ("socket", "socket"), ("folder.bin", "folder")] {
        let refused = open_for_scan(&at(name));
        assert!(matches!(&refused, Err(OpenError::NotAFile { kind: k, .. }) if *k == kind), "{refused:?}");
    }
    assert!(matches!(open_for_scan(&at("link")), Err(OpenError::Symlink(_))));
    assert!(matches!(open_for_scan(&at("here/model.bin")), Err(OpenError::Symlink(_))));
    assert!(matches!(open_for_scan(&at("none")), Err(OpenError::Vanished(_))));
    assert!(matches!(open_for_scan(&at("../cache/model.bin")), Err(OpenError::NotPlain(_))));
    assert!(matches!(open_for_scan("model.bin".as_ref()), Err(OpenError::NotPlain(_))));
}

#[test]
fn awkward_names_and_paths_longer_than_path_max_are_handled() {
    let world = World::new(Where::SameFileSystem);
    for name in [b"new\nline.bin".as_slice(), b"\xff\xfe.bin", b"-rf *", "x".repeat(255).as_bytes()] {
        let path = world.bad_file(std::ffi::OsStr::from_bytes(name));
        let before = look_of(&path);
        let done = world.quarantine(&path).unwrap();
        world.restore(done.id, To::OriginalPlace).unwrap();
        assert_eq!(look_of(&path), before);
        fs::remove_file(&path).unwrap();
        assert_eq!(names_in(&world.files), Vec::<String>::new(), "{}", path.display());
    }
    let part = "d".repeat(200);
    let mut folder = rustix::fs::open(&world.files, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    let mut path = world.files.clone();
    for _ in 0..30 {
        rustix::fs::mkdirat(&folder, &part, rustix::fs::Mode::RWXU).unwrap();
        folder = rustix::fs::openat(&folder, &part, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        path.push(&part);
    }
    let file = rustix::fs::openat(&folder, "m", rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY, 0o600.into())
        .unwrap();
    rustix::io::write(&file, CONTENT).unwrap();
    let deep = path.join("m");
    assert!(deep.as_os_str().len() > 4096);
    let done = world.quarantine(&deep).unwrap();
    assert!(matches!(open_for_scan(&deep), Err(OpenError::Vanished(_))));
    world.restore(done.id, To::OriginalPlace).unwrap();
    assert_eq!(open_for_scan(&deep).unwrap().identity.size, CONTENT.len() as u64);
}

#[test]
fn in_the_hub_cache_the_note_is_beside_the_snapshot_and_never_among_the_blobs() {
    let world = World::new(Where::SameFileSystem);
    let (blobs, snapshot) = (world.files.join("blobs"), world.files.join("snapshots/0a"));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    let origin = Origin { cache: CacheKind::Huggingface, ..Origin::folder() };
    let link = snapshot.join("model.bin");
    symlink("../../blobs/etag", &link).unwrap();
    let names = [Name { path: link.clone(), origin: origin.clone() }];

    let blob = world.bad_file("blobs/etag");
    let done = world.quarantine_named(&blob, &names, &origin);
    assert_eq!(names_in(&blobs), Vec::<String>::new());
    assert_eq!(names_in(&snapshot), ["model.bin", "model.bin.quarantined.txt"]);
    world.restore(done.id, To::OriginalPlace).unwrap();
    assert_eq!(names_in(&snapshot), ["model.bin"]);
    assert_eq!(fs::read(&link).unwrap(), CONTENT);

    let done = world.quarantine_named(&blob, &[], &origin);
    assert_eq!((done.note, names_in(&blobs)), (None, Vec::new()));
    let note = world.vault().leave_note(&mut world.writer(), done.id, &link, &super::world::report()).unwrap();
    assert_eq!(note, snapshot.join(format!("model.bin{NOTE_SUFFIX}")));
}

#[test]
fn a_note_is_never_written_over_anything_or_through_a_link() {
    let world = World::new(Where::SameFileSystem);
    let victim = world.files.join("victim");
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, world.files.join("model.bin.quarantined.txt")).unwrap();
    let done = world.quarantine(&world.bad_file("model.bin")).unwrap();
    assert_eq!(done.note, None);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    fs::remove_file(world.files.join("model.bin.quarantined.txt")).unwrap();
    fs::write(world.files.join("model.bin.quarantined.txt"), "the user's own").unwrap();
    world.restore(done.id, To::OriginalPlace).unwrap();
    assert_eq!(fs::read_to_string(world.files.join("model.bin.quarantined.txt")).unwrap(), "the user's own");
}

#[test]
fn what_cannot_be_taken_is_left_as_it_was_and_told() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin");
    let before = look_of(&path);
    let opened = open_for_scan(&path).unwrap();
    let mut writer = world.writer();
    let scan = record(&mut writer, &opened);
    let vault = world.vault();
    fs::remove_dir(&world.vault_path).unwrap();
    let facts = crate::action::Facts { scan, report: &super::world::report(), origin: &Origin::folder(), names: &[] };
    let refused = vault.quarantine(&mut writer, &opened, &facts);
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(look_of(&path), before);
    assert_eq!(fs::metadata(&path).unwrap().permissions(), Permissions::from_mode(0o100_640));
    let detail = Reader::open(&world.history).unwrap().scan(scan).unwrap().unwrap();
    assert_eq!(
        detail.hold.map(|hold| hold.state),
        writer.unfinished().unwrap().first().map(|_| HoldState::Taking).or(Some(HoldState::Failed))
    );
}

#[test]
fn the_inode_becomes_ours_while_it_is_held_and_its_owners_again_after() {
    let theirs = if is_root() {
        (65534, 65534)
    } else {
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    };
    let owner = |path: &Path| fs::symlink_metadata(path).map(|metadata| (metadata.uid(), metadata.gid())).unwrap();
    for place in [Where::SameFileSystem, Where::OtherFileSystem] {
        let world = World::new(place);
        let path = world.bad_file("model.bin");
        let elsewhere = world.files.with_file_name("elsewhere");
        fs::hard_link(&path, &elsewhere).unwrap();
        chown(&path, Some(theirs.0), Some(theirs.1)).unwrap();
        let done = world.quarantine(&path).unwrap();
        assert_eq!(owner(&elsewhere).0, rustix::process::geteuid().as_raw(), "its owner cannot change the mode back");
        assert_eq!(owner(done.note.as_deref().unwrap()), theirs, "the note is the user's own");
        world.restore(done.id, To::OriginalPlace).unwrap();
        assert_eq!(owner(&path), theirs);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    }
}
