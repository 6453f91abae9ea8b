//! What is ours in a watched folder, and what only looks like it.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;

use crate::action::{is_ours, may_be_ours, open_for_scan};

use super::world::{CONTENT, Where, World};

#[test]
fn a_note_is_ours_until_somebody_touches_it() {
    let world = World::new(Where::SameFileSystem);
    let note = world.quarantine(&world.bad_file("model.bin")).unwrap().note.unwrap();
    let asks = || {
        let opened = open_for_scan(&note).unwrap();
        is_ours(&world.writer(), &note, &opened.file).unwrap()
    };
    assert!(may_be_ours(&note) && asks());
    let elsewhere = note.with_file_name("b.quarantined.txt");
    fs::rename(&note, &elsewhere).unwrap();
    assert!(!is_ours(&world.writer(), &elsewhere, &File::open(&elsewhere).unwrap()).unwrap());
    fs::rename(&elsewhere, &note).unwrap();
    fs::write(&note, CONTENT).unwrap();
    assert!(!asks(), "somebody wrote an attack into it");
}

#[test]
fn a_file_that_is_only_called_like_a_note_is_not_ours() {
    let world = World::new(Where::SameFileSystem);
    let path = world.bad_file("model.bin.quarantined.txt");
    assert!(!is_ours(&world.writer(), &path, &File::open(&path).unwrap()).unwrap());
}

#[test]
fn a_folder_that_is_only_called_like_a_holding_folder_hides_nothing() {
    let world = World::new(Where::SameFileSystem);
    let done = world.quarantine(&world.bad_file("model.bin")).unwrap();
    let token = world.writer().hold(done.id).unwrap().token;
    let folder = world.files.join(format!(".modelscand-{token}"));
    fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
    let path = folder.join("model.bin");
    fs::write(&path, CONTENT).unwrap();
    let file = File::open(&path).unwrap();
    assert!(may_be_ours(&path));
    assert!(!is_ours(&world.writer(), &path, &file).unwrap(), "its act has ended");
    fs::remove_file(&path).unwrap();
    assert!(is_ours(&world.writer(), &path, &file).unwrap(), "what has left the folder is found elsewhere");
    assert!(!may_be_ours(&world.files.join("model.bin")));
}
