//! `modelscand formats`: what the scanner knows, from its own list.

use crate::render::{Out, human, json};

use super::Exit;

/// List the formats that are scanned, how they are recognised, and the rules of each
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let mut out = Out::stdout();
        if self.json {
            json::formats::formats(&mut out)?;
        } else {
            human::formats::formats(&mut out)?;
        }
        Ok(Exit::Nothing)
    }
}
