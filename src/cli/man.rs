//! `modelscand man [DIR]`: manual pages made from clap's definitions.

use std::path::PathBuf;

use anyhow::Context;

use super::{Exit, definition};
use crate::render::{Out, path};

/// Write the manual pages
///
/// To read one: modelscand man | man -l -
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write one page a subcommand into; without it, the main page goes to standard output
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        match &self.folder {
            Some(folder) => clap_mangen::generate_to(definition(), folder)
                .with_context(|| format!("cannot write manual pages into {}", path::text_of(folder)))?,
            None => clap_mangen::Man::new(definition()).render(&mut Out::stdout())?,
        }
        Ok(Exit::Nothing)
    }
}
