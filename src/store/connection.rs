//! Opens the database file: safely in its folder, with the settings that everything here relies on.
//!
//! A damaged database is moved aside and begun anew, never repaired in place and never deleted. One that is locked, full, newer or
//! another program's is an error and stays as it is.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::{StoreError, schema};

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages (of 4 KiB) in the log before they are moved into the database.
const CHECKPOINT_PAGES: i64 = 1000;

/// A damaged history that was moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Where it lies now, for a person to look at or delete.
    pub moved_to: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// Opens or creates the database for writing.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    prepare_file(path).map_err(io_error(path, "create"))?;
    let op = StoreError::during(path, "open");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags).map_err(&op)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(&op)?;
    schema::version(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(&op)?;
    connection.pragma_update(None, "synchronous", "normal").map_err(&op)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(&op)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(&op)?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the database for writing; moves a damaged one aside first.
pub(super) fn open_or_repair(path: &Path) -> Result<(Connection, Option<Repaired>), StoreError> {
    match open_writer(path).and_then(|connection| check(&connection, path).map(|()| connection)) {
        Ok(connection) => Ok((connection, None)),
        Err(StoreError::Damaged { reason, .. }) => {
            let moved_to = move_aside(path).map_err(io_error(path, "move aside"))?;
            Ok((open_writer(path)?, Some(Repaired { moved_to, reason })))
        }
        Err(other) => Err(other),
    }
}

/// Opens the database for reading, also where the reader may not write into its folder.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing { path: path.to_owned() }),
        Err(e) => return Err(io_error(path, "open")(e)),
        Ok(_) => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(path, flags).map_err(StoreError::during(path, "open"));
    let connection = match opened.and_then(|connection| readable(connection, path)) {
        Err(StoreError::Sqlite { .. }) if !beside(path, "-wal").exists() => open_immutable(path, flags)?,
        other => other?,
    };
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn readable(connection: Connection, path: &Path) -> Result<Connection, StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(StoreError::during(path, "open"))?;
    match schema::version(&connection, path)? {
        found if found < schema::newest() => Err(StoreError::Older { path: path.to_owned(), found }),
        _ => Ok(connection),
    }
}

/// Without write permission SQLite cannot make the shared-memory file that a database in WAL mode needs. When no log is there,
/// nobody is writing and the file alone is the whole history.
fn open_immutable(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let mut uri = String::from("file:");
    for byte in std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()) {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let opened = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI);
    readable(opened.map_err(StoreError::during(path, "open"))?, path)
}

/// Looks for damage: in every page when the database is small, else in its head (a whole look takes seconds a gigabyte).
fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    const SMALL_BYTES: u64 = 64 << 20;
    if fs::metadata(path).map_err(io_error(path, "open"))?.len() > SMALL_BYTES {
        return Ok(());
    }
    let answer: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(StoreError::during(path, "look for damage"))?;
    if answer == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: path.to_owned(), reason: answer }) }
}

/// Creates the folder (0700) and an empty file (0600) where they are missing; refuses what is not a regular file of ours.
fn prepare_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let options = fs::OpenOptions::new().read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).to_owned();
    let file = match options.clone().create_new(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => options.open(path)?,
        other => other?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(io::Error::other("it is not a regular file with a single name"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ").to_string();
    let moved_to = beside(path, &format!(".damaged-{stamp}"));
    for suffix in ["-wal", "-shm"] {
        let from = beside(path, suffix);
        if from.exists() {
            fs::rename(&from, beside(&moved_to, suffix))?;
        }
    }
    fs::rename(path, &moved_to)?;
    Ok(moved_to)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn io_error(path: &Path, operation: &'static str) -> impl Fn(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io { path: path.clone(), operation, source }
}
