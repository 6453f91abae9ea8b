use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rusqlite::Connection;

use crate::report::Verdict;
use crate::store::{Reader, StoreError, Writer};

use super::{State, scan};

#[test]
fn the_database_is_for_its_owner_alone() {
    let state = State::new();
    let mut writer = state.writer();
    writer.record(&scan("/m/a", 1, Verdict::Clean)).unwrap();
    let folder = state.path().parent().unwrap().to_owned();
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o700);
    let modes: Vec<u32> =
        fs::read_dir(folder).unwrap().map(|f| f.unwrap().metadata().unwrap().mode() & 0o7777).collect();
    assert_eq!(modes, [0o600, 0o600, 0o600], "database, log and shared memory");
}

#[test]
fn a_planted_link_is_not_followed() {
    let state = State::new();
    fs::create_dir(state.path().parent().unwrap()).unwrap();
    let victim = state.folder.path().join("victim");
    fs::write(&victim, "").unwrap();
    symlink(&victim, state.path()).unwrap();
    assert!(matches!(Writer::open(&state.path()), Err(StoreError::Io { .. })));
    fs::remove_file(state.path()).unwrap();
    fs::hard_link(&victim, state.path()).unwrap();
    assert!(matches!(Writer::open(&state.path()), Err(StoreError::Io { .. })));
    assert_eq!(fs::read(&victim).unwrap(), b"");
}

#[test]
fn readers_see_what_is_recorded_while_the_writer_writes() {
    let state = State::new();
    let mut writer = state.writer();
    let reader = state.reader();
    for n in 1..=20 {
        writer.record(&scan(format!("/m/{n}"), n, Verdict::Clean)).unwrap();
        assert_eq!(reader.counts().unwrap().clean, n);
    }
}

#[test]
fn the_history_is_read_when_nothing_runs_and_the_folder_cannot_be_written() {
    let state = State::new();
    state.writer().record(&scan("/m/a", 1, Verdict::Clean)).unwrap();
    let odd = state.folder.path().join("50% ?#");
    fs::rename(state.path().parent().unwrap(), &odd).unwrap();
    fs::set_permissions(&odd, Permissions::from_mode(0o500)).unwrap();
    let read = Reader::open(&odd.join("history.sqlite")).and_then(|reader| reader.counts());
    fs::set_permissions(&odd, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(read.unwrap().clean, 1);
}

#[test]
fn no_history_is_told_from_an_empty_one() {
    let state = State::new();
    assert!(matches!(Reader::open(&state.path()), Err(StoreError::Missing { .. })));
    drop(state.writer());
    assert_eq!(state.reader().counts().unwrap().files, 0);
}

#[test]
fn a_newer_schema_and_another_programs_database_are_refused_and_left_alone() {
    let state = State::new();
    drop(state.writer());
    Connection::open(state.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = Writer::open_or_repair(&state.path());
    assert!(matches!(refused, Err(StoreError::Newer { found: 99, .. })), "{refused:?}");
    assert!(matches!(Reader::open(&state.path()), Err(StoreError::Newer { .. })));

    let other = state.folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute("CREATE TABLE theirs (a)", []).unwrap();
    assert!(matches!(Writer::open_or_repair(&other), Err(StoreError::Foreign { .. })));
    assert!(other.exists());
}

#[test]
fn a_damaged_database_is_moved_aside_and_a_new_one_begun() {
    let state = State::new();
    for damage in [b"not a database at all, but long enough to be looked at ".repeat(50), vec![0xff; 8192]] {
        let _ = fs::remove_file(state.path());
        drop(state.writer());
        let mut bytes = fs::read(state.path()).unwrap();
        let from = if damage[0] == 0xff { 4096 } else { 0 };
        bytes[from..from + damage.len()].copy_from_slice(&damage);
        fs::write(state.path(), &bytes).unwrap();
        let (mut writer, repaired) = Writer::open_or_repair(&state.path()).unwrap();
        let repaired = repaired.expect("the damage was seen");
        assert_eq!(fs::read(&repaired.moved_to).unwrap(), bytes);
        assert!(repaired.moved_to.to_string_lossy().contains(".damaged-"));
        writer.record(&scan("/m/a", 1, Verdict::Clean)).unwrap();
        assert_eq!(state.reader().counts().unwrap().files, 1);
    }
}

#[test]
fn a_database_that_somebody_else_writes_to_is_waited_for_and_not_moved() {
    let state = State::new();
    let mut writer = state.writer();
    let other = Connection::open(state.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let handle =
        std::thread::spawn(move || writer.record(&scan("/m/a", 1, Verdict::Clean)).map(|recorded| recorded.scan));
    std::thread::sleep(std::time::Duration::from_millis(50));
    other.execute_batch("COMMIT").unwrap();
    handle.join().unwrap().unwrap();
    let (_, repaired) = Writer::open_or_repair(&state.path()).unwrap();
    assert_eq!(repaired, None);
}
