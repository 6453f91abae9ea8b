//! What the history promises, seen from outside: `answers` to questions, and the `file` that they are kept in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use crate::caches::{CacheKind, Origin};
use crate::config::Decision;
use crate::identity::Identity;
use crate::report::{Coverage, Finding, PartialCause, Report, Rule, Severity, Verdict};

use super::{NewScan, Reader, Writer};

mod answers;
mod file;

/// A state folder.
struct State {
    folder: TempDir,
}

impl State {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state/history.sqlite")
    }

    fn writer(&self) -> Writer {
        Writer::open(&self.path()).unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }
}

fn identity(inode: u64) -> Identity {
    Identity { device: u64::MAX, inode, size: 100, mtime_ns: 1, ctime_ns: 2 }
}

fn finding() -> Finding {
    let rule = Rule::new("pickle.dangerous-call");
    Finding::new(rule, Severity::Critical, "It runs a command")
        .at(7)
        .evidence("os.system(\"true\")")
        .callable("os.system")
}

fn scan(path: impl AsRef<Path>, inode: u64, verdict: Verdict) -> NewScan {
    let coverage = match verdict {
        Verdict::Unscannable => Coverage::Partial { cause: PartialCause::Encrypted, reason: "a password".into() },
        _ => Coverage::Complete,
    };
    let findings = if verdict == Verdict::Malicious { vec![finding()] } else { Vec::new() };
    let formats = if verdict == Verdict::NotAModel { Vec::new() } else { vec!["zip".into(), "pickle".into()] };
    NewScan {
        path: path.as_ref().to_owned(),
        identity: identity(inode),
        origin: Origin::folder(),
        report: Report { verdict, formats, coverage, findings, findings_dropped: 3, bytes_read: 4096 },
        started_at: Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap(),
        duration: Duration::from_micros(1234),
        engine: "1".into(),
        rules: "2026-11-22".into(),
        decision: if verdict == Verdict::Malicious { Decision::Quarantine } else { Decision::Allow },
        decided_by: "policy.work.critical".into(),
        sha256: None,
    }
}

fn hub(repository: &str, revision: &str, name: &str) -> Origin {
    Origin {
        cache: CacheKind::Huggingface,
        repository: Some(repository.into()),
        revision: Some(revision.into()),
        name: Some(name.into()),
        ..Origin::folder()
    }
}
