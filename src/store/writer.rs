//! Records scans and the names of files.
//!
//! Scans are written with `synchronous=NORMAL`: a power cut may lose the last of them, and the next walk scans those files again.
//! What is done about a file is written with [`Writer::durably`]: it is on the disk before the act.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::caches::Origin;
use crate::report::{Coverage, Finding};

use super::rows::{self, bytes_of, signed};
use super::words::{text_of, word};
use super::{Name, NewScan, Recorded, Repaired, ScanId, StoreError, connection, incidents, known};

/// The one that writes.
#[derive(Debug)]
pub struct Writer {
    pub(super) connection: Connection,
    pub(super) path: std::path::PathBuf,
}

impl Writer {
    /// Opens the history at `path`, and creates it (0600, in a folder 0700) where there is none.
    ///
    /// # Errors
    /// Every kind of [`StoreError`] but `Missing` and `Older`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: connection::open_writer(path)?, path: path.to_owned() })
    }

    /// As [`Writer::open`]; a damaged database is moved aside to `….damaged-<time>` and a new one begun, which the caller must tell
    /// people. For the daemon alone: no one else may have it open.
    ///
    /// # Errors
    /// Every kind of [`StoreError`] but `Missing`, `Older` and, unless the new one fails too, `Damaged`.
    pub fn open_or_repair(path: &Path) -> Result<(Self, Option<Repaired>), StoreError> {
        let (connection, repaired) = connection::open_or_repair(path)?;
        Ok((Self { connection, path: path.to_owned() }, repaired))
    }

    /// Records one scan.
    ///
    /// # Errors
    /// `Full`, `Locked`, `Damaged`, `Sqlite`; nothing was recorded then.
    pub fn record(&mut self, scan: &NewScan) -> Result<Recorded, StoreError> {
        self.transaction("record a scan", |t| insert_scan(t, scan))
    }

    /// Records scans in one transaction: all or none, and about twenty times cheaper than one by one.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn record_many<'a>(
        &mut self,
        scans: impl IntoIterator<Item = &'a NewScan>,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.transaction("record scans", |t| scans.into_iter().map(|scan| insert_scan(t, scan)).collect())
    }

    /// Records that `name` leads to the file at `target`: a symlink in `snapshots/`, a hard link. A name that led elsewhere before
    /// leads here now.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn add_name(&mut self, target: &Path, name: &Path, origin: &Origin) -> Result<(), StoreError> {
        self.transaction("record a name", |t| {
            t.prepare_cached(
                "INSERT OR REPLACE INTO name (path, target, cache, repository, revision, name, experiment, run, model)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                bytes_of(name),
                bytes_of(target),
                word(&origin.cache),
                origin.repository,
                origin.revision,
                origin.name,
                origin.experiment,
                origin.run,
                origin.model,
            ])
            .map(drop)
        })
    }

    /// The other names that lead to the file at `path`.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn names_of(&self, path: &Path) -> Result<Vec<Name>, StoreError> {
        rows::names(&self.connection, path).map_err(StoreError::during(&self.path, "look up a file's names"))
    }

    /// Records that there is no file at `path` any more: it leaves the counts, its scans stay in the history. A name is forgotten.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn file_gone(&mut self, path: &Path) -> Result<(), StoreError> {
        self.transaction("record that a file is gone", |t| {
            t.prepare_cached("DELETE FROM file WHERE path = ?1")?.execute([bytes_of(path)])?;
            t.prepare_cached("DELETE FROM name WHERE path = ?1")?.execute([bytes_of(path)]).map(drop)
        })
    }

    /// Runs `work` in one immediate transaction.
    pub(super) fn transaction<T>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let op = StoreError::during(&self.path, operation);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&op)?;
        let answer = work(&transaction).map_err(&op)?;
        transaction.commit().map_err(&op)?;
        Ok(answer)
    }

    /// As [`Writer::transaction`], and on the disk (with everything that was recorded before) when it returns.
    pub(super) fn durably<T>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let op = StoreError::during(&self.path, operation);
        self.connection.pragma_update(None, "synchronous", "full").map_err(&op)?;
        let answer = self.transaction(operation, work);
        self.connection.pragma_update(None, "synchronous", "normal").map_err(&op)?;
        answer
    }
}

fn insert_scan(t: &Transaction<'_>, scan: &NewScan) -> rusqlite::Result<Recorded> {
    let version = known::version_id(t, &scan.engine, &scan.rules)?;
    let incident = incidents::of(t, scan)?;
    let id = insert_row(t, scan, version, incident.map(|incident| incident.id))?;
    for (ordinal, finding) in (0_i64..).zip(&scan.report.findings) {
        insert_finding(t, id, ordinal, finding)?;
    }
    t.prepare_cached("INSERT OR REPLACE INTO file (path, scan, verdict) VALUES (?1, ?2, ?3)")?.execute(params![
        bytes_of(&scan.path),
        id.0,
        scan.report.verdict.as_str()
    ])?;
    known::remember(t, id, &scan.identity, version, scan.report.verdict, scan.decision)?;
    Ok(Recorded { scan: id, incident })
}

fn insert_row(t: &Transaction<'_>, scan: &NewScan, version: i64, incident: Option<i64>) -> rusqlite::Result<ScanId> {
    let (coverage, cause, reason) = match &scan.report.coverage {
        Coverage::Complete => ("complete", None, None),
        Coverage::Partial { cause, reason } => ("partial", Some(word(cause)), Some(reason)),
    };
    t.prepare_cached(
        "INSERT INTO scan (path, path_text, device, inode, size, mtime_ns, ctime_ns, cache, repository, revision, name,
             experiment, run, model, verdict, coverage, cause, reason, formats, findings_dropped, bytes_read, started_us,
             duration_us, version, sha256, decision, decided_by, incident)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
             ?24, ?25, ?26, ?27, ?28)",
    )?
    .insert(params![
        bytes_of(&scan.path),
        text_of(&scan.path),
        signed(scan.identity.device),
        signed(scan.identity.inode),
        signed(scan.identity.size),
        scan.identity.mtime_ns,
        scan.identity.ctime_ns,
        word(&scan.origin.cache),
        scan.origin.repository,
        scan.origin.revision,
        scan.origin.name,
        scan.origin.experiment,
        scan.origin.run,
        scan.origin.model,
        scan.report.verdict.as_str(),
        coverage,
        cause,
        reason,
        serde_json::to_string(&scan.report.formats).unwrap_or_else(|_| "[]".to_owned()),
        signed(scan.report.findings_dropped),
        signed(scan.report.bytes_read),
        scan.started_at.as_microsecond(),
        i64::try_from(scan.duration.as_micros()).unwrap_or(i64::MAX),
        version,
        scan.sha256.map(|hash| hash.0),
        word(&scan.decision),
        scan.decided_by,
        incident,
    ])
    .map(ScanId)
}

fn insert_finding(t: &Transaction<'_>, scan: ScanId, ordinal: i64, finding: &Finding) -> rusqlite::Result<()> {
    t.prepare_cached(
        "INSERT INTO finding (scan, ordinal, rule, severity, message, member, byte_offset, evidence, callable)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        scan.0,
        ordinal,
        finding.rule.as_str(),
        finding.severity.as_str(),
        finding.message,
        finding.member,
        finding.offset.map(signed),
        finding.evidence,
        finding.callable,
    ])
    .map(drop)
}

/// The number of rows, 0 or 1, that a statement must find; `what` says what is missing otherwise.
pub(super) fn found<T>(row: Option<T>, what: impl FnOnce() -> String) -> Result<T, StoreError> {
    row.ok_or_else(|| StoreError::NotFound(what()))
}

/// The path of a scan, where there is one.
pub(super) fn path_of(t: &Connection, scan: ScanId) -> rusqlite::Result<Option<Vec<u8>>> {
    t.prepare_cached("SELECT path FROM scan WHERE id = ?1")?.query_row([scan.0], |row| row.get(0)).optional()
}
