//! `modelscand history`: the scans that were recorded, newest first.

use jiff::Timestamp;

use super::{Exit, Global, database, moment};
use crate::render::{Out, human, json};
use crate::report::Verdict;
use crate::store::Filter;

/// List recorded scans, newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only scans since then: 2d, 3h, 2026-11-20
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    since: Option<Timestamp>,
    /// Only this verdict: clean, suspicious, malicious, unscannable, not-a-model
    #[arg(long, value_name = "VERDICT")]
    verdict: Option<Verdict>,
    /// Only paths that match; without a / the file's name is compared, ** crosses folders
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// Only this repository: org/name
    #[arg(long, value_name = "ORG/NAME")]
    repo: Option<String>,
    /// At most so many; 0 is all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let filter = Filter {
            since: self.since,
            verdict: self.verdict,
            path_glob: self.path,
            repository: self.repo,
            limit: self.limit,
        };
        let scans = database::ask(global, |reader| reader.history(&filter))?;
        let mut out = Out::stdout();
        if self.json {
            json::records::history(&mut out, &scans)?;
        } else {
            human::history::history(&mut out, &scans)?;
        }
        Ok(Exit::Nothing)
    }
}
