//! The questions that people ask of the history. Read-only; a daemon may write at the same time, or none be running.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::report::Verdict;

use super::rows::{self, unsigned};
use super::words::hex_of;
use super::{
    ActionRecord, AllowEntry, Counts, Hold, HoldId, ScanDetail, ScanId, ScanSummary, StoreError, allow, connection,
    holds, incidents,
};

/// Which scans a person asks for. All that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Begun at or after.
    pub since: Option<Timestamp>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Whose path, or one of whose names, matches this glob. `*` does not cross a `/`, `**` does; a glob without `/` is compared
    /// with the last component.
    pub path_glob: Option<String>,
    /// Of this repository: `org/name`.
    pub repository: Option<String>,
    /// At most so many; 0 is all.
    pub limit: usize,
}

/// One that reads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the history at `path`.
    ///
    /// # Errors
    /// `Missing` when nothing was ever recorded, `Older`, `Newer`, `Foreign`, `Damaged`, `Io`, `Sqlite`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: connection::open_reader(path)?, path: path.to_owned() })
    }

    /// How many files there are of each verdict, and what is held.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`; so for every question here.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.ask("count files", counts)
    }

    /// The scans that a person asks for, newest first.
    ///
    /// # Errors
    /// As [`Reader::counts`], and `NotFound` for a glob that is none.
    pub fn history(&self, filter: &Filter) -> Result<Vec<ScanSummary>, StoreError> {
        let glob = filter.path_glob.as_deref().map(matcher).transpose()?;
        self.ask("read the scans", |c| history(c, filter, glob.as_ref()))
    }

    /// Everything known of one scan.
    ///
    /// # Errors
    /// As [`Reader::counts`].
    pub fn scan(&self, id: ScanId) -> Result<Option<ScanDetail>, StoreError> {
        self.ask("read a scan", |c| detail(c, id))
    }

    /// The latest scans that found something, newest first.
    ///
    /// # Errors
    /// As [`Reader::counts`].
    pub fn last_findings(&self, limit: usize) -> Result<Vec<ScanSummary>, StoreError> {
        self.ask("read the last findings", |c| {
            let sql = "SELECT * FROM scan WHERE verdict IN ('malicious', 'suspicious') ORDER BY started_us DESC, id DESC LIMIT ?1";
            let rows: Vec<Raw> =
                c.prepare_cached(sql)?.query_map([count(limit)], raw)?.collect::<Result<_, _>>()?;
            rows.into_iter().map(|row| complete(c, row)).collect()
        })
    }

    /// The files that are held, oldest first; with `with_ended`, those that were.
    ///
    /// # Errors
    /// As [`Reader::counts`].
    pub fn holds(&self, with_ended: bool) -> Result<Vec<Hold>, StoreError> {
        self.ask("list what is held", if with_ended { holds::all } else { holds::held })
    }

    /// One file that is or was held.
    ///
    /// # Errors
    /// As [`Reader::counts`].
    pub fn hold(&self, id: HoldId) -> Result<Option<Hold>, StoreError> {
        self.ask("look up what is held", |c| holds::get(c, id))
    }

    /// The allow entries in force, oldest first; with `with_ended`, all that there ever were.
    ///
    /// # Errors
    /// As [`Reader::counts`].
    pub fn allow_list(&self, with_ended: bool) -> Result<Vec<AllowEntry>, StoreError> {
        self.ask("list allow entries", |c| allow::list(c, with_ended))
    }

    fn ask<T>(
        &self,
        operation: &'static str,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        question(&self.connection).map_err(StoreError::during(&self.path, operation))
    }
}

fn counts(c: &Connection) -> rusqlite::Result<Counts> {
    let of_verdict = |verdict: Verdict| one(c, "SELECT count(*) FROM file WHERE verdict = ?1", verdict.as_str());
    let held = |kind| one(c, "SELECT count(*) FROM hold WHERE kind = ?1 AND state IN ('held', 'restoring')", kind);
    Ok(Counts {
        files: one(c, "SELECT count(*) FROM file WHERE ?1 = ''", "")?,
        clean: of_verdict(Verdict::Clean)?,
        suspicious: of_verdict(Verdict::Suspicious)?,
        malicious: of_verdict(Verdict::Malicious)?,
        unscannable: of_verdict(Verdict::Unscannable)?,
        not_a_model: of_verdict(Verdict::NotAModel)?,
        quarantined: held("quarantine")?,
        locked: held("lock")?,
        scans: one(c, "SELECT count(*) FROM scan WHERE ?1 = ''", "")?,
    })
}

fn one(c: &Connection, sql: &str, word: &str) -> rusqlite::Result<u64> {
    c.prepare_cached(sql)?.query_row([word], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

fn matcher(glob: &str) -> Result<GlobMatcher, StoreError> {
    let whole = if glob.contains('/') { glob.to_owned() } else { format!("**/{glob}") };
    GlobBuilder::new(&whole)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|e| StoreError::NotFound(format!("the glob `{glob}` is not one: {}", e.kind())))
}

fn history(c: &Connection, filter: &Filter, glob: Option<&GlobMatcher>) -> rusqlite::Result<Vec<ScanSummary>> {
    let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
    let since = filter.since.map(Timestamp::as_microsecond);
    let mut statement = c.prepare_cached(&format!(
        "SELECT * FROM scan WHERE {} ORDER BY started_us DESC, id DESC",
        conditions(filter).join(" AND ")
    ))?;
    let verdict = filter.verdict.map(Verdict::as_str);
    let mut rows =
        statement.query(named_params! {":since": since, ":verdict": verdict, ":repository": filter.repository})?;
    let named = named(c, glob)?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        let path = rows::path(row, "path")?;
        if glob.is_none_or(|glob| glob.is_match(&path)) || named.contains(&path) {
            found.push(complete(c, raw(row)?)?);
        }
    }
    Ok(found)
}

/// Only what is asked for, so that the index that fits is used. Each parameter is named, for all to be bound.
fn conditions(filter: &Filter) -> Vec<&'static str> {
    let asked = |asked: bool, yes, no| if asked { yes } else { no };
    vec![
        asked(filter.since.is_some(), "started_us >= :since", ":since IS NULL"),
        asked(filter.verdict.is_some(), "verdict = :verdict", ":verdict IS NULL"),
        asked(
            filter.repository.is_some(),
            "id IN (SELECT id FROM scan WHERE repository = :repository UNION SELECT scan.id FROM name
                 JOIN scan ON scan.path = name.target WHERE name.repository = :repository)",
            ":repository IS NULL",
        ),
    ]
}

/// The files that a name which matches leads to.
fn named(c: &Connection, glob: Option<&GlobMatcher>) -> rusqlite::Result<HashSet<PathBuf>> {
    let Some(glob) = glob else { return Ok(HashSet::new()) };
    let mut statement = c.prepare_cached("SELECT path, target FROM name")?;
    let mut names = statement.query([])?;
    let mut targets = HashSet::new();
    while let Some(row) = names.next()? {
        if glob.is_match(rows::path(row, "path")?) {
            targets.insert(rows::path(row, "target")?);
        }
    }
    Ok(targets)
}

/// A row of `scan`, before what belongs to it is looked up.
struct Raw {
    summary: ScanSummary,
    incident: Option<i64>,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    let path = rows::path(row, "path")?;
    let summary = ScanSummary {
        id: ScanId(row.get("id")?),
        path_hex: hex_of(&path),
        path,
        names: Vec::new(),
        origin: rows::origin(row)?,
        verdict: rows::word(row, "verdict")?,
        coverage: rows::coverage(row)?,
        severity: None,
        worst_finding: None,
        finding_count: 0,
        formats: rows::formats(row)?,
        started_at: rows::time(row, "started_us")?,
        decision: rows::word(row, "decision")?,
        decided_by: row.get("decided_by")?,
        action: None,
        incident: None,
    };
    Ok(Raw { summary, incident: row.get("incident")? })
}

fn complete(c: &Connection, row: Raw) -> rusqlite::Result<ScanSummary> {
    let Raw { mut summary, incident } = row;
    let id = summary.id.0;
    summary.names = rows::names(c, &summary.path)?;
    summary.worst_finding = c
        .prepare_cached("SELECT * FROM finding WHERE scan = ?1 ORDER BY ordinal LIMIT 1")?
        .query_row([id], rows::finding)
        .optional()?;
    summary.severity = summary.worst_finding.as_ref().map(|finding| finding.severity);
    summary.finding_count = c
        .prepare_cached("SELECT count(*) FROM finding WHERE scan = ?1")?
        .query_row([id], |row| row.get::<_, i64>(0))?
        .cast_unsigned();
    summary.action = actions(c, summary.id)?.pop();
    summary.incident = incident.map(|id| incidents::get(c, id)).transpose()?.flatten();
    Ok(summary)
}

fn actions(c: &Connection, scan: ScanId) -> rusqlite::Result<Vec<ActionRecord>> {
    c.prepare_cached("SELECT * FROM action WHERE scan = ?1 ORDER BY id")?
        .query_map([scan.0], |row| {
            Ok(ActionRecord {
                kind: row.get("kind")?,
                outcome: rows::word(row, "outcome")?,
                at: rows::time(row, "at_us")?,
                detail: row.get("detail")?,
                hold: row.get::<_, Option<i64>>("hold")?.map(HoldId),
            })
        })?
        .collect()
}

fn detail(c: &Connection, id: ScanId) -> rusqlite::Result<Option<ScanDetail>> {
    let sql = "SELECT scan.*, version.engine, version.rules FROM scan JOIN version ON version.id = scan.version WHERE scan.id = ?1";
    let found = c.prepare_cached(sql)?.query_row([id.0], |row| Ok((raw(row)?, raw_detail(row)?))).optional()?;
    let Some((row, mut detail)) = found else { return Ok(None) };
    detail.summary = complete(c, row)?;
    detail.findings = c
        .prepare_cached("SELECT * FROM finding WHERE scan = ?1 ORDER BY ordinal")?
        .query_map([id.0], rows::finding)?
        .collect::<Result<_, _>>()?;
    detail.actions = actions(c, id)?;
    detail.hold = holds::of_scan(c, id)?;
    Ok(Some(detail))
}

fn raw_detail(row: &Row<'_>) -> rusqlite::Result<ScanDetail> {
    Ok(ScanDetail {
        summary: raw(row)?.summary,
        identity: holds::identity(row)?,
        sha256: rows::sha256(row, "sha256")?,
        duration_us: unsigned(row, "duration_us")?,
        bytes_read: unsigned(row, "bytes_read")?,
        engine: row.get("engine")?,
        rules: row.get("rules")?,
        findings: Vec::new(),
        findings_dropped: unsigned(row, "findings_dropped")?,
        actions: Vec::new(),
        hold: None,
    })
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
