//! `modelscand quarantine list|show|restore|delete`: what was taken out of reach, and how it comes back.

use anyhow::Context;

use super::{Exit, Global, database};
use crate::render::{Out, human, json};
use crate::store::HoldId;

/// List, show, restore or delete what was taken out of reach
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the files in quarantine and under lock
    List {
        /// Also those that were restored, deleted, or could not be taken
        #[arg(long)]
        all: bool,
        /// Print JSON, documented in docs/json.md
        #[arg(long)]
        json: bool,
    },
    /// Show everything of one
    Show {
        /// Its number, from modelscand quarantine list
        #[arg(value_name = "ID")]
        id: HoldId,
        /// Print JSON, documented in docs/json.md
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self {
            Self::List { all, json } => list(global, all, json),
            Self::Show { id, json } => show(global, id, json),
        }
    }
}

fn list(global: &Global, all: bool, as_json: bool) -> anyhow::Result<Exit> {
    let holds = database::ask(global, |reader| reader.holds(all))?;
    let mut out = Out::stdout();
    if as_json {
        json::records::holds(&mut out, &holds)?;
    } else {
        human::quarantine::list(&mut out, &holds)?;
    }
    Ok(Exit::Nothing)
}

fn show(global: &Global, id: HoldId, as_json: bool) -> anyhow::Result<Exit> {
    let hold = database::ask(global, |reader| reader.hold(id))?;
    let hold = hold.with_context(|| unknown(id))?;
    let mut out = Out::stdout();
    if as_json {
        json::records::hold(&mut out, &hold)?;
    } else {
        human::quarantine::show(&mut out, &hold)?;
    }
    Ok(Exit::Nothing)
}

fn unknown(id: HoldId) -> String {
    format!("nothing in quarantine has the number {id}; see modelscand quarantine list --all")
}
