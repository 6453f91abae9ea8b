//! `modelscand status`: is it running, what does it watch, what has it found.

use super::{Exit, Global, daemon};
use crate::config::paths::Paths;
use crate::render::{Out, Overview, human, json};
use crate::store::{Reader, StoreError};

/// Findings that are shown.
const LAST_FINDINGS: usize = 5;

/// Show at a glance whether modelscand runs, what it watches and what it found
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    pub json: bool,
}

impl Args {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let paths = Paths::of(&global.load()?.config)?;
        let daemon = daemon::status()?;
        let (counts, last_findings) = match Reader::open(&paths.database) {
            Ok(reader) => (reader.counts()?, reader.last_findings(LAST_FINDINGS)?),
            Err(StoreError::Missing { .. }) => Default::default(),
            Err(error) => return Err(error.into()),
        };
        let overview = Overview { running: daemon.is_some(), daemon, counts, last_findings };
        let mut out = Out::stdout();
        if self.json {
            json::document(&mut out, &overview)?
        } else {
            human::status::status(&mut out, &overview)?
        }
        Ok(Exit::Nothing)
    }
}
