//! Which files need no scan: those whose identity, engine and rules are what they were.

use rusqlite::{Connection, OptionalExtension, params};

use crate::config::Decision;
use crate::identity::Identity;
use crate::report::Verdict;

use super::rows::{self, signed};
use super::words::word;
use super::{Known, ScanId, StoreError, Writer};

impl Writer {
    /// What is known of an unchanged file, when it was scanned by this engine with these rules.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn known(&self, identity: &Identity, engine: &str, rules: &str) -> Result<Option<Known>, StoreError> {
        look_up(&self.connection, identity, engine, rules).map_err(StoreError::during(&self.path, "look up a file"))
    }

    /// Says that a file which was scanned as `scan` has this identity now, with its content as it was: after the daemon itself
    /// changed its mode or gave it back.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn known_as(&mut self, scan: ScanId, identity: &Identity, decision: Decision) -> Result<(), StoreError> {
        self.transaction("record a file's new identity", |t| {
            let row: Option<(i64, Verdict)> = t
                .prepare_cached("SELECT version, verdict FROM scan WHERE id = ?1")?
                .query_row([scan.0], |row| Ok((row.get(0)?, rows::word(row, "verdict")?)))
                .optional()?;
            row.map_or(Ok(()), |(version, verdict)| remember(t, scan, identity, version, verdict, decision))
        })
    }

    /// Forgets that a file is known, so that it is scanned again.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn forget(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.transaction("forget a file", |t| {
            t.prepare_cached("DELETE FROM known WHERE device = ?1 AND inode = ?2")?
                .execute([signed(identity.device), signed(identity.inode)])
                .map(drop)
        })
    }
}

fn look_up(c: &Connection, identity: &Identity, engine: &str, rules: &str) -> rusqlite::Result<Option<Known>> {
    c.prepare_cached(
        "SELECT scan, verdict, decision FROM known
         WHERE device = ?1 AND inode = ?2 AND size = ?3 AND mtime_ns = ?4 AND ctime_ns = ?5
             AND version = (SELECT id FROM version WHERE engine = ?6 AND rules = ?7)",
    )?
    .query_row(
        params![
            signed(identity.device),
            signed(identity.inode),
            signed(identity.size),
            identity.mtime_ns,
            identity.ctime_ns,
            engine,
            rules
        ],
        |row| {
            Ok(Known {
                scan: ScanId(row.get("scan")?),
                verdict: rows::word(row, "verdict")?,
                decision: rows::word(row, "decision")?,
            })
        },
    )
    .optional()
}

/// The number of a pair of engine and rules; a new one where there is none.
pub(super) fn version_id(c: &Connection, engine: &str, rules: &str) -> rusqlite::Result<i64> {
    let mut select = c.prepare_cached("SELECT id FROM version WHERE engine = ?1 AND rules = ?2")?;
    match select.query_row([engine, rules], |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => c.prepare_cached("INSERT INTO version (engine, rules) VALUES (?1, ?2)")?.insert([engine, rules]),
    }
}

pub(super) fn remember(
    c: &Connection,
    scan: ScanId,
    identity: &Identity,
    version: i64,
    verdict: Verdict,
    decision: Decision,
) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT OR REPLACE INTO known (device, inode, size, mtime_ns, ctime_ns, version, scan, verdict, decision)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        signed(identity.device),
        signed(identity.inode),
        signed(identity.size),
        identity.mtime_ns,
        identity.ctime_ns,
        version,
        scan.0,
        verdict.as_str(),
        word(&decision),
    ])
    .map(drop)
}
