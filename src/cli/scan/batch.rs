//! Scans the files of a walk, several at once, and hands the results back in the walk's order.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinHandle;

use super::open::open;
use super::walk::Target;
use crate::config::Config;
use crate::render::Scanned;
use crate::report::{PartialCause, Report};
use crate::scan::Hints;

/// Files that may be open or wait for a slower one before them; bounds descriptors and results in memory.
const MAX_AHEAD: usize = 64;

/// Scans `targets` and gives each result to `each`, in order.
///
/// # Errors
/// When no scan can be made at all, or `each` fails.
pub fn scan(
    config: &Config,
    targets: Vec<Target>,
    mut each: impl FnMut(Scanned) -> io::Result<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let mut targets = targets.into_iter();
        let mut ahead: VecDeque<JoinHandle<Scanned>> = VecDeque::new();
        loop {
            let room = MAX_AHEAD - ahead.len();
            ahead.extend(
                targets.by_ref().take(room).map(|target| tokio::spawn(one(target, config.scan.limits.clone()))),
            );
            let Some(next) = ahead.pop_front() else { break };
            each(next.await.context("a scan was given up")?)?;
        }
        Ok(())
    })
}

async fn one(target: Target, limits: crate::scan::Limits) -> Scanned {
    match target {
        Target::Unreadable { path, reason } => {
            let report = Report::unscannable(PartialCause::Io, reason);
            Scanned { path, names: Vec::new(), origin: None, size: None, report, duration: Duration::ZERO }
        }
        Target::File { path, real, names, origin, .. } => {
            let begun = Instant::now();
            let (size, report) = file(&path, &real, limits).await;
            Scanned { path, names, origin: Some(origin), size, report, duration: begun.elapsed() }
        }
    }
}

async fn file(path: &Path, real: &Path, limits: crate::scan::Limits) -> (Option<u64>, Report) {
    let file = match open(real) {
        Ok(file) => file,
        Err(e) => return (None, Report::unscannable(PartialCause::Io, format!("cannot open: {e}"))),
    };
    let size = file.metadata().ok().map(|metadata| metadata.len());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let report = tokio::task::spawn_blocking(move || {
        crate::scan::Engine::new(limits, crate::scan::rules::Rules::builtin()).scan(
            std::rc::Rc::new(file),
            &Hints { name },
            &mut |_| {},
        )
    })
    .await
    .unwrap_or_else(|e| Report::unscannable(PartialCause::Worker, e.to_string()));
    (size, report)
}
