//! Scans the files of a walk in confined workers, several at once, and hands the results back in the walk's order.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use tokio::task::JoinHandle;

use super::allowed::Allowed;
use super::walk::Target;
use crate::action::open_for_scan;
use crate::config::Config;
use crate::identity::Identity;
use crate::render::Scanned;
use crate::report::{PartialCause, Report, Verdict};
use crate::scan::Hints;
use crate::worker::Pool;

/// Files that may be open or wait for a slower one before them; bounds descriptors and results in memory.
const MAX_AHEAD: usize = 64;

/// Scans `targets` and gives each result to `each`, in order.
///
/// # Errors
/// When no worker may be started, or `each` fails.
pub fn scan(config: &Config, targets: Vec<Target>, each: impl FnMut(Scanned) -> io::Result<()>) -> anyhow::Result<()> {
    let mut allowed = Allowed::load(config);
    let callables = std::mem::take(&mut allowed.callables);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let pool = Pool::new(&config.scan, &config.sandbox, callables)?;
        let result = in_order(&Scanner { pool: pool.clone(), allowed: Arc::new(allowed) }, targets, each).await;
        pool.shutdown().await;
        result
    })
}

async fn in_order(
    scanner: &Scanner,
    targets: Vec<Target>,
    mut each: impl FnMut(Scanned) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut targets = targets.into_iter();
    let mut ahead: VecDeque<JoinHandle<Scanned>> = VecDeque::new();
    loop {
        let room = MAX_AHEAD - ahead.len();
        ahead.extend(targets.by_ref().take(room).map(|target| tokio::spawn(scanner.clone().target(target))));
        let Some(next) = ahead.pop_front() else { return Ok(()) };
        each(next.await.context("a scan was given up")?)?;
    }
}

/// What every scan of a batch needs.
#[derive(Clone)]
struct Scanner {
    pool: Pool,
    allowed: Arc<Allowed>,
}

/// What came of one file.
struct Outcome {
    size: Option<u64>,
    report: Report,
    allowed: Option<String>,
}

impl Outcome {
    fn unreadable(reason: &str) -> Self {
        Self { size: None, report: Report::unscannable(PartialCause::Io, reason), allowed: None }
    }
}

impl Scanner {
    async fn target(self, target: Target) -> Scanned {
        let begun = Instant::now();
        let (path, names, origin, outcome) = match target {
            Target::Unreadable { path, reason } => (path, Vec::new(), None, Outcome::unreadable(&reason)),
            Target::File { path, real, names, origin, .. } => {
                let outcome = self.file(&path, &real).await;
                (path, names, Some(origin), outcome)
            }
        };
        let Outcome { size, report, allowed } = outcome;
        Scanned { path, names, origin, size, report, allowed, duration: begun.elapsed() }
    }

    async fn file(&self, path: &Path, real: &Path) -> Outcome {
        let opened = match open_for_scan(real) {
            Ok(opened) => opened,
            Err(e) => return Outcome::unreadable(&e.to_string()),
        };
        let (identity, file) = (opened.identity, opened.file);
        let for_worker = match file.try_clone() {
            Ok(copy) => copy,
            Err(e) => return Outcome::unreadable(&e.to_string()),
        };
        let hints = Hints { name: path.file_name().unwrap_or_default().to_string_lossy().into_owned() };
        let report = self.pool.scan(for_worker.into(), identity.size, hints).await.report;
        let allowed = if is_well(&report) { None } else { self.reason_for(file, identity).await };
        Outcome { size: Some(identity.size), report, allowed }
    }

    /// Why a file is allowed in spite of what was found. Reads it whole, so on a thread of its own.
    async fn reason_for(&self, file: File, identity: Identity) -> Option<String> {
        let allowed = Arc::clone(&self.allowed);
        let reason = move || allowed.reason_for(&file, identity).map(str::to_owned);
        tokio::task::spawn_blocking(reason).await.ok().flatten()
    }
}

fn is_well(report: &Report) -> bool {
    matches!(report.verdict, Verdict::Clean | Verdict::NotAModel) && report.findings.is_empty()
}
