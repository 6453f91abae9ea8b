//! `modelscand uses PATH` (hidden): what the pickles of a file import, and what the rules say of each.
//!
//! For people who extend the tables of rules, on files that they trust: it parses in this process, not in a confined worker.

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::Context;

use super::{Exit, Global};
use crate::action::open_for_scan;
use crate::render::{Out, path};
use crate::report::printable;
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints};

/// The longest name of a callable that is printed, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// List what the pickles of a file import, and what the rules say of each
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file that you trust: it is parsed in this process, without confinement
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

impl Args {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let config = global.load()?.config;
        let fail = || format!("cannot open {}", path::text_of(&self.path));
        let file = open_for_scan(&self.path.canonicalize().with_context(fail)?)?.file;
        let callables = config.allow.into_iter().filter_map(|entry| entry.callable);
        let engine = Engine::new(config.scan.limits, Rules::builtin().with_allowed(callables)?);
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut out = Out::stdout();
        for entry in engine.uses(Rc::new(file), &Hints { name }) {
            writeln!(out, "{}  {:?}", printable(&entry.path, MAX_NAME_BYTES), entry.judgement)?;
        }
        Ok(Exit::Nothing)
    }
}
