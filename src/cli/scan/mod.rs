//! `modelscand scan PATH…`: the way of a file once, with a walk in place of watching and a page in place of acting.

mod allowed;
pub(super) mod batch;
mod progress;
pub(super) mod walk;

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use super::{Exit, Global};
use crate::caches::{self, Environment};
use crate::render::{Form, Out, Tally, Wanted};
use crate::report::Severity;
use progress::Progress;

/// Scan files and folders once, without loading them
///
/// Folders are walked in order; symlinks found in them are not followed, except those of a Hugging Face snapshot to its blobs.
#[derive(Debug, clap::Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Args {
    /// Files and folders to scan
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The form of the output
    #[arg(long, value_name = "FORM", default_value = "human")]
    format: Form,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// The least severity that counts as a finding: low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", default_value = "medium")]
    fail_on: Severity,
    /// Show files without findings too
    #[arg(short = 'v', long)]
    show_clean: bool,
    /// Scanning processes at most, instead of scan.workers
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

impl Args {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let mut config = global.load()?.config;
        if let Some(jobs) = self.jobs {
            config.scan.workers = usize::from(jobs);
        }
        let begun = Instant::now();
        let roots = caches::discover(&Environment::of_process(), &config.watch);
        let targets = walk::targets(&self.paths, &roots);
        let progress = Progress::new(targets.len());
        let form = if self.json { Form::Json } else { self.format };
        let mut form = form.of_scan(Wanted { fail_on: self.fail_on, show_clean: self.show_clean });
        let mut out = Out::stdout();
        let mut tally = Tally::default();
        batch::scan(&config, targets, |scanned| {
            tally.add(&scanned, self.fail_on);
            progress.show(&scanned.path);
            progress.aside(|| form.file(&mut out, &scanned))
        })?;
        progress.end();
        form.end(&mut out, &tally, begun.elapsed())?;
        out.flush()?;
        Ok(exit_of(&tally))
    }
}

/// Findings first: one unreadable file must not hide a critical one.
fn exit_of(tally: &Tally) -> Exit {
    if tally.at_fail_on > 0 {
        Exit::Findings
    } else if tally.failed > 0 {
        Exit::Failed
    } else if tally.files == tally.not_a_model {
        Exit::NothingToScan
    } else {
        Exit::Nothing
    }
}
