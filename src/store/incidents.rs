//! Counts how often the same dangerous content arrived, so that a file that is downloaded again and again is one incident.

use rusqlite::{Connection, OptionalExtension, params};

use crate::report::Verdict;

use super::rows::{bytes_of, signed, unsigned};
use super::{Incident, NewScan, ScanId, Sha256};

/// The incident of a scan that found something: the one with the same hash, else the one at the same path; else a new one.
pub(super) fn of(c: &Connection, scan: &NewScan) -> rusqlite::Result<Option<Incident>> {
    if !matches!(scan.report.verdict, Verdict::Malicious | Verdict::Suspicious) {
        return Ok(None);
    }
    let now = scan.started_at.as_microsecond();
    let Some(id) = find(c, scan)? else {
        let id = c
            .prepare_cached("INSERT INTO incident (path, sha256, times, first_us, last_us) VALUES (?1, ?2, 1, ?3, ?3)")?
            .insert(params![bytes_of(&scan.path), scan.sha256.map(|hash| hash.0), now])?;
        return Ok(Some(Incident { id, times: 1 }));
    };
    let arrived = i64::from(!is_same_file(c, id, scan)?);
    c.prepare_cached(
        "UPDATE incident SET times = times + ?2, last_us = ?3, sha256 = coalesce(sha256, ?4) WHERE id = ?1",
    )?
    .execute(params![id, arrived, now, scan.sha256.map(|hash| hash.0)])?;
    get(c, id)
}

fn find(c: &Connection, scan: &NewScan) -> rusqlite::Result<Option<i64>> {
    if let Some(hash) = scan.sha256 {
        let same = with_hash(c, hash)?;
        if same.is_some() {
            return Ok(same);
        }
    }
    c.prepare_cached(
        "SELECT id FROM incident WHERE path = ?1 AND (sha256 IS NULL OR ?2 IS NULL OR sha256 = ?2) AND id IN
             (SELECT incident FROM scan WHERE path = ?1 AND size = ?3) ORDER BY id DESC LIMIT 1",
    )?
    .query_row(params![bytes_of(&scan.path), scan.sha256.map(|hash| hash.0), signed(scan.identity.size)], |row| {
        row.get(0)
    })
    .optional()
}

fn with_hash(c: &Connection, hash: Sha256) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("SELECT id FROM incident WHERE sha256 = ?1 ORDER BY id LIMIT 1")?
        .query_row([hash.0], |row| row.get(0))
        .optional()
}

/// A file that is scanned again because the rules changed did not arrive again.
fn is_same_file(c: &Connection, incident: i64, scan: &NewScan) -> rusqlite::Result<bool> {
    let identity = &scan.identity;
    c.prepare_cached(
        "SELECT 1 FROM scan WHERE incident = ?1 AND device = ?2 AND inode = ?3 AND size = ?4 AND mtime_ns = ?5 LIMIT 1",
    )?
    .exists(params![
        incident,
        signed(identity.device),
        signed(identity.inode),
        signed(identity.size),
        identity.mtime_ns
    ])
}

pub(super) fn get(c: &Connection, id: i64) -> rusqlite::Result<Option<Incident>> {
    c.prepare_cached("SELECT id, times FROM incident WHERE id = ?1")?
        .query_row([id], |row| Ok(Incident { id: row.get("id")?, times: unsigned(row, "times")? }))
        .optional()
}

/// Says what a scan's content hashes to; where another incident has the same content, the two become one.
pub(super) fn set_hash(c: &Connection, scan: ScanId, hash: Sha256) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE scan SET sha256 = ?2 WHERE id = ?1")?.execute(params![scan.0, hash.0])?;
    let own: Option<i64> = c
        .prepare_cached("SELECT incident FROM scan WHERE id = ?1")?
        .query_row([scan.0], |row| row.get(0))
        .optional()?
        .flatten();
    let Some(own) = own else { return Ok(()) };
    match with_hash(c, hash)? {
        Some(other) if other != own => merge(c, own, other),
        _ => c
            .prepare_cached("UPDATE incident SET sha256 = coalesce(sha256, ?2) WHERE id = ?1")?
            .execute(params![own, hash.0])
            .map(drop),
    }
}

fn merge(c: &Connection, from: i64, into: i64) -> rusqlite::Result<()> {
    c.execute(
        "UPDATE incident SET times = times + (SELECT times FROM incident WHERE id = ?1),
             last_us = max(last_us, (SELECT last_us FROM incident WHERE id = ?1)) WHERE id = ?2",
        [from, into],
    )?;
    c.execute("UPDATE scan SET incident = ?2 WHERE incident = ?1", [from, into])?;
    c.execute("DELETE FROM incident WHERE id = ?1", [from]).map(drop)
}
