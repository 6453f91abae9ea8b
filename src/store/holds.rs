//! The record of every act on a file: what is about to be done, and how it ended.
//!
//! Each step is on the disk when its method returns; `action` takes the step only then. What is found in a state of "about to"
//! after a crash is completed or rolled back by `action`, with the help of [`Writer::unfinished`].

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::rows::{self, bytes_of, signed};
use super::words::{hex_of, text_of, word};
use super::writer::{found, path_of};
use super::{
    Attributes, Hold, HoldId, HoldKind, HoldState, NewHold, Outcome, ScanId, Sha256, StoreError, Writer, incidents,
};
use crate::identity::Identity;

impl Writer {
    /// Records that a file is about to be quarantined or locked.
    ///
    /// # Errors
    /// As [`Writer::record`], and `NotFound` for a scan that is not there. Nothing may be done to the file then.
    pub fn begin_hold(&mut self, hold: &NewHold) -> Result<HoldId, StoreError> {
        let id = self.durably("record what is about to be done", |t| {
            if path_of(t, hold.scan)?.is_none() {
                return Ok(None);
            }
            insert_hold(t, hold).map(Some)
        })?;
        found(id, || format!("there is no scan {}", hold.scan))
    }

    /// Records that a whole and verified copy lies in the vault.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn hold_copied(&mut self, id: HoldId, hash: Sha256) -> Result<(), StoreError> {
        self.durably("record a copy", |t| {
            t.execute("UPDATE hold SET sha256 = ?2 WHERE id = ?1", params![id.0, hash.0]).map(drop)
        })
    }

    /// Records that a file is out of reach.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn hold_taken(&mut self, id: HoldId, hash: Option<Sha256>, remark: &str) -> Result<(), StoreError> {
        self.durably("record what was done", |t| {
            t.execute(
                "UPDATE hold SET state = ?2, sha256 = coalesce(?3, sha256), remark = ?4 WHERE id = ?1",
                params![id.0, word(&HoldState::Held), hash.map(|h| h.0), remark],
            )?;
            if let (Some(hash), Some(scan)) = (hash, scan_of(t, id)?) {
                incidents::set_hash(t, scan, hash)?;
            }
            log(t, id, None, Outcome::Done, remark)
        })
    }

    /// Records the note that is about to be left.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn hold_noted(&mut self, id: HoldId, note: &Path) -> Result<(), StoreError> {
        self.transaction("record a note", |t| {
            t.execute("UPDATE hold SET note = ?2 WHERE id = ?1", params![id.0, bytes_of(note)]).map(drop)
        })
    }

    /// Records the note that was left: as long as it is what it is now, it is ours.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn note_left(&mut self, id: HoldId, note: &Identity) -> Result<(), StoreError> {
        self.transaction("record a note", |t| {
            t.execute(
                "UPDATE hold SET note_device = ?2, note_inode = ?3, note_size = ?4, note_mtime_ns = ?5, note_ctime_ns = ?6
                 WHERE id = ?1",
                params![id.0, signed(note.device), signed(note.inode), signed(note.size), note.mtime_ns, note.ctime_ns],
            )
            .map(drop)
        })
    }

    /// Whether what is at `path` and has this identity is a note that was left, unchanged.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn is_note(&self, path: &Path, now: &Identity) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM hold WHERE note = ?1 AND note_device = ?2 AND note_inode = ?3
                 AND note_size = ?4 AND note_mtime_ns = ?5 AND note_ctime_ns = ?6)";
        let answer = || {
            self.connection.prepare_cached(sql)?.query_row(
                params![
                    bytes_of(path),
                    signed(now.device),
                    signed(now.inode),
                    signed(now.size),
                    now.mtime_ns,
                    now.ctime_ns
                ],
                |row| row.get(0),
            )
        };
        answer().map_err(StoreError::during(&self.path, "look up a note"))
    }

    /// Whether an act with this token has begun and not ended.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn is_under_way(&self, token: &str) -> Result<bool, StoreError> {
        let states = [HoldState::Taking, HoldState::Restoring].map(|state| word(&state));
        let answer = || {
            self.connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM hold WHERE token = ?1 AND state IN (?2, ?3))")?
                .query_row(params![token, states[0], states[1]], |row| row.get(0))
        };
        answer().map_err(StoreError::during(&self.path, "look up an act"))
    }

    /// Records that a file could not be taken and is as it was.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn hold_failed(&mut self, id: HoldId, why: &str) -> Result<(), StoreError> {
        self.durably("record what was not done", |t| {
            end(t, id, HoldState::Failed, why)?;
            t.execute(
                "DELETE FROM known WHERE (device, inode) = (SELECT device, inode FROM hold WHERE id = ?1)",
                [id.0],
            )?;
            log(t, id, None, Outcome::Failed, why)
        })
    }

    /// Records that a file is about to be given back to `target`.
    ///
    /// # Errors
    /// As [`Writer::record`], and `NotFound` when it is not held.
    pub fn begin_restore(&mut self, id: HoldId, target: &Path) -> Result<(), StoreError> {
        let changed = self.durably("record what is about to be done", |t| {
            t.execute(
                "UPDATE hold SET state = ?2, restored_to = ?3, placed_device = NULL, placed_inode = NULL
                 WHERE id = ?1 AND state = ?4",
                params![id.0, word(&HoldState::Restoring), bytes_of(target), word(&HoldState::Held)],
            )
        })?;
        found((changed > 0).then_some(()), || not_held(id))
    }

    /// Records which inode is about to appear at the target of a restore across file systems.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn restore_placed(&mut self, id: HoldId, device: u64, inode: u64) -> Result<(), StoreError> {
        self.durably("record a copy", |t| {
            t.execute(
                "UPDATE hold SET placed_device = ?2, placed_inode = ?3 WHERE id = ?1",
                params![id.0, signed(device), signed(inode)],
            )
            .map(drop)
        })
    }

    /// Records that a file was given back.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn restore_done(&mut self, id: HoldId, detail: &str) -> Result<(), StoreError> {
        self.durably("record what was done", |t| {
            end(t, id, HoldState::Restored, detail)?;
            log(t, id, Some("restore"), Outcome::Done, detail)
        })
    }

    /// Records that a file could not be given back and is held as before.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn restore_failed(&mut self, id: HoldId, why: &str) -> Result<(), StoreError> {
        self.durably("record what was not done", |t| {
            t.execute("UPDATE hold SET state = ?2 WHERE id = ?1", params![id.0, word(&HoldState::Held)])?;
            log(t, id, Some("restore"), Outcome::Failed, why)
        })
    }

    /// Records that a file is about to be deleted for good.
    ///
    /// # Errors
    /// As [`Writer::record`], and `NotFound` when it is not in the vault.
    pub fn begin_delete(&mut self, id: HoldId) -> Result<(), StoreError> {
        let changed = self.durably("record what is about to be done", |t| {
            t.execute(
                "UPDATE hold SET state = ?2 WHERE id = ?1 AND state = ?3 AND kind = ?4",
                params![id.0, word(&HoldState::Deleting), word(&HoldState::Held), word(&HoldKind::Quarantine)],
            )
        })?;
        found((changed > 0).then_some(()), || not_held(id))
    }

    /// Records that a file was deleted for good.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn delete_done(&mut self, id: HoldId, detail: &str) -> Result<(), StoreError> {
        self.durably("record what was done", |t| {
            end(t, id, HoldState::Deleted, detail)?;
            log(t, id, Some("delete"), Outcome::Done, detail)
        })
    }

    /// The acts that a crash cut short, oldest first.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn unfinished(&self) -> Result<Vec<Hold>, StoreError> {
        let states = [HoldState::Taking, HoldState::Restoring, HoldState::Deleting].map(|state| word(&state));
        select(&self.connection, "hold.state IN (?1, ?2, ?3)", &states)
            .map_err(StoreError::during(&self.path, "list unfinished acts"))
    }

    /// The files held, oldest first.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        held(&self.connection).map_err(StoreError::during(&self.path, "list what is held"))
    }

    /// One file that is or was held.
    ///
    /// # Errors
    /// `NotFound`, `Locked`, `Damaged`, `Sqlite`.
    pub fn hold(&self, id: HoldId) -> Result<Hold, StoreError> {
        let hold = get(&self.connection, id).map_err(StoreError::during(&self.path, "look up what is held"))?;
        found(hold, || format!("there is nothing in quarantine with the number {id}"))
    }
}

fn not_held(id: HoldId) -> String {
    format!("number {id} is not held: it was restored or deleted, or is being restored")
}

fn insert_hold(t: &Transaction<'_>, hold: &NewHold) -> rusqlite::Result<HoldId> {
    let id = t.prepare_cached(
        "INSERT INTO hold (scan, kind, state, path, path_text, device, inode, size, ctime_ns, mode, uid, gid, links, atime_ns,
             mtime_ns, flags, token, since_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?
    .insert(params![
        hold.scan.0,
        word(&hold.kind),
        word(&HoldState::Taking),
        bytes_of(&hold.path),
        text_of(&hold.path),
        signed(hold.identity.device),
        signed(hold.identity.inode),
        signed(hold.identity.size),
        hold.identity.ctime_ns,
        hold.attributes.mode,
        hold.attributes.uid,
        hold.attributes.gid,
        signed(hold.attributes.links),
        hold.attributes.atime_ns,
        hold.attributes.mtime_ns,
        hold.attributes.flags,
        hold.token,
        Timestamp::now().as_microsecond(),
    ])?;
    for (name, value) in &hold.attributes.xattrs {
        t.prepare_cached("INSERT INTO hold_xattr (hold, name, value) VALUES (?1, ?2, ?3)")?
            .execute(params![id, name, value])?;
    }
    Ok(HoldId(id))
}

fn end(t: &Transaction<'_>, id: HoldId, state: HoldState, remark: &str) -> rusqlite::Result<()> {
    t.execute(
        "UPDATE hold SET state = ?2, ended_us = ?3, remark = ?4 WHERE id = ?1",
        params![id.0, word(&state), Timestamp::now().as_microsecond(), remark],
    )
    .map(drop)
}

fn scan_of(t: &Transaction<'_>, id: HoldId) -> rusqlite::Result<Option<ScanId>> {
    t.query_row("SELECT scan FROM hold WHERE id = ?1", [id.0], |row| row.get(0).map(ScanId)).optional()
}

/// Adds to the log of actions. Without `kind` it is the hold's own kind; giving back a lock is `unlock`.
fn log(t: &Transaction<'_>, id: HoldId, kind: Option<&str>, outcome: Outcome, detail: &str) -> rusqlite::Result<()> {
    t.prepare_cached(
        "INSERT INTO action (scan, hold, kind, outcome, at_us, detail)
         SELECT scan, id, CASE WHEN kind = 'lock' AND ?2 = 'restore' THEN 'unlock' ELSE coalesce(?2, kind) END, ?3, ?4, ?5
         FROM hold WHERE id = ?1",
    )?
    .execute(params![id.0, kind, word(&outcome), Timestamp::now().as_microsecond(), detail])
    .map(drop)
}

pub(super) fn held(c: &Connection) -> rusqlite::Result<Vec<Hold>> {
    let held =
        [HoldState::Taking, HoldState::Held, HoldState::Restoring, HoldState::Deleting].map(|state| word(&state));
    select(c, "hold.state IN (?1, ?2, ?3, ?4)", &held)
}

pub(super) fn all(c: &Connection) -> rusqlite::Result<Vec<Hold>> {
    select(c, "?1 = ''", &[String::new()])
}

pub(super) fn get(c: &Connection, id: HoldId) -> rusqlite::Result<Option<Hold>> {
    Ok(select(c, "hold.id = CAST(?1 AS INTEGER)", &[id.to_string()])?.pop())
}

/// The latest hold of a scan.
pub(super) fn of_scan(c: &Connection, scan: ScanId) -> rusqlite::Result<Option<Hold>> {
    Ok(select(c, "hold.scan = CAST(?1 AS INTEGER)", &[scan.to_string()])?.pop())
}

fn select(c: &Connection, condition: &str, words: &[String]) -> rusqlite::Result<Vec<Hold>> {
    let sql = format!(
        "SELECT hold.*, scan.cache, scan.repository, scan.revision, scan.name, scan.experiment, scan.run, scan.model,
             scan.verdict
         FROM hold JOIN scan ON scan.id = hold.scan WHERE {condition} ORDER BY hold.id"
    );
    let mut holds: Vec<Hold> =
        c.prepare_cached(&sql)?.query_map(rusqlite::params_from_iter(words), hold)?.collect::<Result<_, _>>()?;
    for hold in &mut holds {
        hold.names = rows::names(c, &hold.path)?;
        hold.rules_found = rules_found(c, hold.scan)?;
        hold.attributes.xattrs = xattrs(c, hold.id)?;
    }
    Ok(holds)
}

fn hold(row: &Row<'_>) -> rusqlite::Result<Hold> {
    let path = rows::path(row, "path")?;
    let placed: (Option<i64>, Option<i64>) = (row.get("placed_device")?, row.get("placed_inode")?);
    Ok(Hold {
        id: HoldId(row.get("id")?),
        scan: ScanId(row.get("scan")?),
        kind: rows::word(row, "kind")?,
        state: rows::word(row, "state")?,
        path_hex: hex_of(&path),
        path,
        names: Vec::new(),
        origin: rows::origin(row)?,
        verdict: rows::word(row, "verdict")?,
        rules_found: Vec::new(),
        identity: identity(row)?,
        attributes: attributes(row)?,
        sha256: rows::sha256(row, "sha256")?,
        since: rows::time(row, "since_us")?,
        ended_at: rows::optional_time(row, "ended_us")?,
        remark: row.get("remark")?,
        note: rows::optional_path(row, "note")?,
        restored_to: rows::optional_path(row, "restored_to")?,
        token: row.get("token")?,
        placed: placed.0.zip(placed.1).map(|(device, inode)| (device.cast_unsigned(), inode.cast_unsigned())),
    })
}

/// The identity that the columns of a scan or a hold describe.
pub(super) fn identity(row: &Row<'_>) -> rusqlite::Result<Identity> {
    Ok(Identity {
        device: rows::unsigned(row, "device")?,
        inode: rows::unsigned(row, "inode")?,
        size: rows::unsigned(row, "size")?,
        mtime_ns: row.get("mtime_ns")?,
        ctime_ns: row.get("ctime_ns")?,
    })
}

fn attributes(row: &Row<'_>) -> rusqlite::Result<Attributes> {
    Ok(Attributes {
        mode: row.get("mode")?,
        uid: row.get("uid")?,
        gid: row.get("gid")?,
        links: rows::unsigned(row, "links")?,
        atime_ns: row.get("atime_ns")?,
        mtime_ns: row.get("mtime_ns")?,
        flags: row.get("flags")?,
        xattrs: Vec::new(),
    })
}

fn xattrs(c: &Connection, id: HoldId) -> rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    c.prepare_cached("SELECT name, value FROM hold_xattr WHERE hold = ?1")?
        .query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn rules_found(c: &Connection, scan: ScanId) -> rusqlite::Result<Vec<String>> {
    c.prepare_cached("SELECT rule FROM finding WHERE scan = ?1 GROUP BY rule ORDER BY min(ordinal)")?
        .query_map([scan.0], |row| row.get(0))?
        .collect()
}
