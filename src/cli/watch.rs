//! `modelscand watch`: the daemon, in the foreground.

use std::path::PathBuf;

use super::{Exit, Global};
use crate::config::LogFormat;
use crate::daemon;

/// Watch model caches, and take dangerous files out of reach as they arrive
///
/// Runs in the foreground until Ctrl-C or SIGTERM; as a service, systemd starts the same command. Scans what is there already, then
/// each file as soon as it is complete.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders to watch, besides the known caches and those of the configuration
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How log lines are written, instead of log.format
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Watch only what is named on the command line and in watch.paths
    #[arg(long)]
    pub no_default_caches: bool,
}

impl Args {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        daemon::watch(daemon::Options {
            config_file: global.config.clone(),
            paths: self.paths.into_iter().filter(|path| !path.as_os_str().is_empty()).collect(),
            log_format: self.log_format,
            no_default_caches: self.no_default_caches,
        })?;
        Ok(Exit::Nothing)
    }
}
