//! `modelscand show ID`: everything known of one scan.

use anyhow::Context;

use super::{Exit, Global, database};
use crate::render::{Out, human, json};
use crate::store::ScanId;

/// Show everything known of one scan: findings, what was done, what to do next
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scan's number, from modelscand history
    #[arg(value_name = "ID")]
    id: ScanId,
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let scan = database::ask(global, |reader| reader.scan(self.id))?;
        let scan = scan.with_context(|| format!("no scan has the number {}; see modelscand history", self.id))?;
        let mut out = Out::stdout();
        if self.json {
            json::records::scan(&mut out, &scan)?;
        } else {
            human::show::show(&mut out, &scan)?;
        }
        Ok(Exit::Nothing)
    }
}
