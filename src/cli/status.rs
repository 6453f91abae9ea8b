//! `modelscand status`: is it running, what does it watch, what has it found.

use super::{Exit, Global};

/// Show at a glance whether modelscand runs, what it watches and what it found
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    pub json: bool,
}

impl Args {
    pub(super) fn run(self, _global: &Global) -> anyhow::Result<Exit> {
        anyhow::bail!("this build has no daemon")
    }
}
