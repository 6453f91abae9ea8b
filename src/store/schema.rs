//! The tables, as an ordered list of migrations. `user_version` counts those that were applied; an entry that was released is
//! never changed, a new one is added.
//!
//! Times are microseconds since 1970. 64-bit device and inode numbers are kept bit for bit in SQLite's signed integers. Words are
//! DESIGN.md's. `known` and `pending` are narrow and without rowid: a walk over a million files asks them once a file.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// "MSCN": tells a history from any other SQLite file.
const APPLICATION_ID: i32 = 0x4d53_434e;

const MIGRATIONS: &[&str] = &[FIRST, OWN_FILES_AND_FLAGS];

/// The notes that were left, by their identity, so that they are not taken for files of somebody else; inode flags that a file had.
const OWN_FILES_AND_FLAGS: &str = "
ALTER TABLE hold ADD COLUMN note_device INTEGER;
ALTER TABLE hold ADD COLUMN note_inode INTEGER;
ALTER TABLE hold ADD COLUMN note_size INTEGER;
ALTER TABLE hold ADD COLUMN note_mtime_ns INTEGER;
ALTER TABLE hold ADD COLUMN note_ctime_ns INTEGER;
ALTER TABLE hold ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
CREATE INDEX hold_note ON hold (note) WHERE note IS NOT NULL;
";

const FIRST: &str = "
CREATE TABLE version (
    id INTEGER PRIMARY KEY,
    engine TEXT NOT NULL,
    rules TEXT NOT NULL,
    UNIQUE (engine, rules)
) STRICT;

CREATE TABLE incident (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL,
    sha256 BLOB,
    times INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_sha256 ON incident (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX incident_path ON incident (path);

CREATE TABLE scan (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL,
    path_text TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    cache TEXT NOT NULL,
    repository TEXT,
    revision TEXT,
    name TEXT,
    experiment TEXT,
    run TEXT,
    model TEXT,
    verdict TEXT NOT NULL,
    coverage TEXT NOT NULL CHECK (coverage IN ('complete', 'partial')),
    cause TEXT,
    reason TEXT,
    formats TEXT NOT NULL,
    findings_dropped INTEGER NOT NULL,
    bytes_read INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    version INTEGER NOT NULL REFERENCES version (id),
    sha256 BLOB,
    decision TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    incident INTEGER REFERENCES incident (id)
) STRICT;
CREATE INDEX scan_started ON scan (started_us);
CREATE INDEX scan_path ON scan (path);
CREATE INDEX scan_verdict ON scan (verdict, started_us);
CREATE INDEX scan_repository ON scan (repository, started_us) WHERE repository IS NOT NULL;
CREATE INDEX scan_sha256 ON scan (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX scan_incident ON scan (incident) WHERE incident IS NOT NULL;

CREATE TABLE finding (
    scan INTEGER NOT NULL REFERENCES scan (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    member TEXT NOT NULL,
    byte_offset INTEGER,
    evidence TEXT NOT NULL,
    callable TEXT,
    PRIMARY KEY (scan, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE file (
    path BLOB PRIMARY KEY,
    scan INTEGER NOT NULL REFERENCES scan (id),
    verdict TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX file_verdict ON file (verdict);
CREATE INDEX file_scan ON file (scan);

CREATE TABLE known (
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    version INTEGER NOT NULL,
    scan INTEGER NOT NULL REFERENCES scan (id) ON DELETE CASCADE,
    verdict TEXT NOT NULL,
    decision TEXT NOT NULL,
    PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_scan ON known (scan);

CREATE TABLE name (
    path BLOB PRIMARY KEY,
    target BLOB NOT NULL,
    cache TEXT NOT NULL,
    repository TEXT,
    revision TEXT,
    name TEXT,
    experiment TEXT,
    run TEXT,
    model TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX name_target ON name (target);
CREATE INDEX name_repository ON name (repository) WHERE repository IS NOT NULL;

CREATE TABLE hold (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scan INTEGER NOT NULL REFERENCES scan (id),
    kind TEXT NOT NULL CHECK (kind IN ('quarantine', 'lock')),
    state TEXT NOT NULL,
    path BLOB NOT NULL,
    path_text TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    links INTEGER NOT NULL,
    atime_ns INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    token TEXT NOT NULL UNIQUE,
    sha256 BLOB,
    since_us INTEGER NOT NULL,
    ended_us INTEGER,
    remark TEXT NOT NULL DEFAULT '',
    note BLOB,
    restored_to BLOB,
    placed_device INTEGER,
    placed_inode INTEGER
) STRICT;
CREATE INDEX hold_state ON hold (state);
CREATE INDEX hold_scan ON hold (scan);

CREATE TABLE hold_xattr (
    hold INTEGER NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    name BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (hold, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scan INTEGER NOT NULL REFERENCES scan (id) ON DELETE CASCADE,
    hold INTEGER REFERENCES hold (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX action_scan ON action (scan);
CREATE INDEX action_hold ON action (hold) WHERE hold IS NOT NULL;

CREATE TABLE allow (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 BLOB,
    callable TEXT,
    reason TEXT NOT NULL,
    author_uid INTEGER NOT NULL,
    author TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    expires_us INTEGER,
    removed_us INTEGER,
    CHECK ((sha256 IS NULL) <> (callable IS NULL))
) STRICT;
CREATE UNIQUE INDEX allow_sha256 ON allow (sha256) WHERE sha256 IS NOT NULL AND removed_us IS NULL;
CREATE UNIQUE INDEX allow_callable ON allow (callable) WHERE callable IS NOT NULL AND removed_us IS NULL;

CREATE TABLE pending (
    path BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
";

/// Brings a database to the newest schema, each step in its own transaction.
///
/// # Errors
/// [`StoreError::Newer`] for a schema from a later release, [`StoreError::Foreign`] for another program's database.
pub(super) fn migrate(connection: &mut Connection, path: &std::path::Path) -> Result<(), StoreError> {
    let op = StoreError::during(path, "bring the history to the newest schema");
    for (step, migration) in (1_i64..).zip(MIGRATIONS) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&op)?;
        if version(&transaction, path)? < step {
            transaction.execute_batch(migration).map_err(&op)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(&op)?;
            transaction.pragma_update(None, "user_version", step).map_err(&op)?;
        }
        transaction.commit().map_err(&op)?;
    }
    Ok(())
}

/// The schema version of a database that is empty or ours and not newer than this program.
pub(super) fn version(connection: &Connection, path: &std::path::Path) -> Result<i64, StoreError> {
    let op = StoreError::during(path, "read the schema version");
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(&op);
    let (version, application) = (pragma("user_version")?, pragma("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&op)?;
    let is_ours = application == i64::from(APPLICATION_ID) || (application == 0 && version == 0 && tables == 0);
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if !is_ours {
        Err(StoreError::Foreign { path: path.to_owned() })
    } else if version > newest {
        Err(StoreError::Newer { path: path.to_owned(), found: version, newest })
    } else {
        Ok(version)
    }
}

/// The newest schema that this program knows.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
