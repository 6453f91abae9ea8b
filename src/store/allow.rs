//! What its owner has declared to be safe: who, when, why, until when. An entry that is taken back stays in the history.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows;
use super::{AllowEntry, AllowSubject, NewAllow, Sha256, StoreError, Writer};

impl Writer {
    /// Adds an entry and answers its number. One for the same subject is taken back and replaced.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn allow(&mut self, entry: &NewAllow) -> Result<i64, StoreError> {
        self.durably("record an allow entry", |t| insert(t, entry))
    }

    /// Takes the entry for `subject` back; `false` when there is none. Files that it let through are scanned again.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn disallow(&mut self, subject: &AllowSubject) -> Result<bool, StoreError> {
        self.durably("take an allow entry back", |t| remove(t, subject))
    }

    /// Takes back the entries whose time has come, and answers how many. Files that they let through are scanned again.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn end_expired(&mut self) -> Result<usize, StoreError> {
        self.transaction("end allow entries", |t| {
            t.prepare_cached(
                "DELETE FROM known WHERE scan IN (SELECT scan.id FROM scan JOIN allow ON allow.sha256 = scan.sha256
                 WHERE allow.removed_us IS NULL AND allow.expires_us <= ?1)",
            )?
            .execute([now()])?;
            t.prepare_cached("UPDATE allow SET removed_us = expires_us WHERE removed_us IS NULL AND expires_us <= ?1")?
                .execute([now()])
        })
    }

    /// The reason why a content is allowed now, if it is.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn allowed(&self, hash: Sha256) -> Result<Option<String>, StoreError> {
        let answer = || {
            self.connection
                .prepare_cached(
                    "SELECT reason FROM allow WHERE sha256 = ?1 AND removed_us IS NULL AND coalesce(expires_us > ?2, 1)",
                )?
                .query_row(params![hash.0, now()], |row| row.get(0))
                .optional()
        };
        answer().map_err(StoreError::during(&self.path, "look up an allow entry"))
    }

    /// The entries in force.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn allow_list(&self) -> Result<Vec<AllowEntry>, StoreError> {
        list(&self.connection, false).map_err(StoreError::during(&self.path, "list allow entries"))
    }
}

pub(super) fn insert(c: &Connection, entry: &NewAllow) -> rusqlite::Result<i64> {
    remove(c, &entry.subject)?;
    let (hash, callable) = columns(&entry.subject);
    c.prepare_cached(
        "INSERT INTO allow (sha256, callable, reason, author_uid, author, at_us, expires_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .insert(params![
        hash,
        callable,
        entry.reason,
        entry.author_uid,
        entry.author,
        now(),
        entry.expires_at.map(Timestamp::as_microsecond)
    ])
}

fn remove(c: &Connection, subject: &AllowSubject) -> rusqlite::Result<bool> {
    let (hash, callable) = columns(subject);
    c.prepare_cached("DELETE FROM known WHERE scan IN (SELECT id FROM scan WHERE sha256 = ?1)")?.execute([hash])?;
    let removed = c
        .prepare_cached("UPDATE allow SET removed_us = ?3 WHERE removed_us IS NULL AND (sha256 = ?1 OR callable = ?2)")?
        .execute(params![hash, callable, now()])?;
    Ok(removed > 0)
}

/// The allow entries, oldest first: those in force, or all that there ever were.
pub(super) fn list(c: &Connection, with_ended: bool) -> rusqlite::Result<Vec<AllowEntry>> {
    c.prepare_cached(
        "SELECT * FROM allow WHERE ?1 OR (removed_us IS NULL AND coalesce(expires_us > ?2, 1)) ORDER BY id",
    )?
    .query_map(params![with_ended, now()], entry)?
    .collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AllowEntry> {
    let subject = match rows::sha256(row, "sha256")? {
        Some(hash) => AllowSubject::Sha256(hash),
        None => AllowSubject::Callable(row.get("callable")?),
    };
    Ok(AllowEntry {
        id: row.get("id")?,
        subject,
        reason: row.get("reason")?,
        author_uid: row.get("author_uid")?,
        author: row.get("author")?,
        at: rows::time(row, "at_us")?,
        expires_at: rows::optional_time(row, "expires_us")?,
        removed_at: rows::optional_time(row, "removed_us")?,
    })
}

fn columns(subject: &AllowSubject) -> (Option<[u8; 32]>, Option<&str>) {
    match subject {
        AllowSubject::Sha256(hash) => (Some(hash.0), None),
        AllowSubject::Callable(name) => (None, Some(name)),
    }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
