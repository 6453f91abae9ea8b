//! `modelscand completions SHELL`: made from clap's definitions.

use clap_complete::Shell;

use super::{Exit, definition};
use crate::render::Out;

/// Print completions for a shell
///
/// For bash: modelscand completions bash > ~/.local/share/bash-completion/completions/modelscand
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        clap_complete::generate(self.shell, &mut definition(), "modelscand", &mut Out::stdout());
        Ok(Exit::Nothing)
    }
}
