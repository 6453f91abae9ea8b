//! Between rows and records: the columns of origins, findings, coverages and times.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;

use crate::caches::Origin;
use crate::report::{Coverage, Finding};

use super::words::from_word;
use super::{Name, Sha256};

/// The columns that [`origin`] reads.
pub(super) const ORIGIN: &str = "cache, repository, revision, name, experiment, run, model";

type Read<T> = rusqlite::Result<T>;

fn unreadable(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    tracing::debug!(column, %error, "a column of the history does not hold what it should");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}

/// A path's bytes, as they are stored.
pub(super) fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// A 64-bit number of the kernel, bit for bit.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

pub(super) fn unsigned(row: &Row<'_>, column: &str) -> Read<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(super) fn path(row: &Row<'_>, column: &str) -> Read<PathBuf> {
    Ok(to_path(&row.get::<_, Vec<u8>>(column)?))
}

pub(super) fn optional_path(row: &Row<'_>, column: &str) -> Read<Option<PathBuf>> {
    Ok(row.get::<_, Option<Vec<u8>>>(column)?.map(|bytes| to_path(&bytes)))
}

pub(super) fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

pub(super) fn word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Read<T> {
    from_word(&row.get::<_, String>(column)?).map_err(|e| unreadable(column, e))
}

pub(super) fn time(row: &Row<'_>, column: &str) -> Read<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|e| unreadable(column, e))
}

pub(super) fn optional_time(row: &Row<'_>, column: &str) -> Read<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    micros.map(Timestamp::from_microsecond).transpose().map_err(|e| unreadable(column, e))
}

pub(super) fn sha256(row: &Row<'_>, column: &str) -> Read<Option<Sha256>> {
    Ok(row.get::<_, Option<[u8; 32]>>(column)?.map(Sha256))
}

pub(super) fn origin(row: &Row<'_>) -> Read<Origin> {
    Ok(Origin {
        cache: word(row, "cache")?,
        repository: row.get("repository")?,
        revision: row.get("revision")?,
        name: row.get("name")?,
        experiment: row.get("experiment")?,
        run: row.get("run")?,
        model: row.get("model")?,
    })
}

pub(super) fn coverage(row: &Row<'_>) -> Read<Coverage> {
    if row.get::<_, String>("coverage")? == "complete" {
        return Ok(Coverage::Complete);
    }
    Ok(Coverage::Partial { cause: word(row, "cause")?, reason: row.get("reason")? })
}

pub(super) fn formats(row: &Row<'_>) -> Read<Vec<String>> {
    serde_json::from_str(&row.get::<_, String>("formats")?).map_err(|e| unreadable("formats", e))
}

pub(super) fn finding(row: &Row<'_>) -> Read<Finding> {
    Ok(Finding {
        rule: word(row, "rule")?,
        severity: word(row, "severity")?,
        message: row.get("message")?,
        member: row.get("member")?,
        offset: row.get::<_, Option<i64>>("byte_offset")?.map(i64::cast_unsigned),
        evidence: row.get("evidence")?,
        callable: row.get("callable")?,
    })
}

/// The names that lead to a file.
pub(super) fn names(connection: &Connection, target: &Path) -> Read<Vec<Name>> {
    let sql = format!("SELECT path, {ORIGIN} FROM name WHERE target = ?1 ORDER BY path LIMIT 1000");
    let mut statement = connection.prepare_cached(&sql)?;
    statement
        .query_map(params![bytes_of(target)], |row| Ok(Name { path: path(row, "path")?, origin: origin(row)? }))?
        .collect()
}
