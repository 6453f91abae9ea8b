//! The command line: reads arguments, calls the rooms below, prints through render.
//!
//! One file a subcommand, with its arguments and its `run`; help, man pages and completions come from the same definitions.
//! Nothing here knows a format, a table of the database or a system call.

mod allow;
mod completions;
mod config;
mod daemon;
mod database;
mod doctor;
mod exit;
mod explain;
mod formats;
mod history;
mod man;
mod moment;
mod policy;
mod quarantine;
mod scan;
mod show;
mod status;
mod uses;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;

use crate::config::Loaded;
use crate::render::style::{BAD, STRONG};
use crate::report::printable;

/// The longest error that is printed, in bytes.
const MAX_ERROR_BYTES: usize = 16 * 1024;

const EXIT_CODES: &str = "\
Exit codes: 0 nothing found, or done; 1 findings; 2 something failed; 3 nothing to scan; 4 wrong usage or configuration. \
Where several hold, findings come first.";

/// Keep malicious machine-learning models from being loaded
///
/// modelscand watches the folders where models arrive, scans each file without loading it, records what it saw, and takes a
/// dangerous file out of reach before somebody loads it.
#[derive(Debug, Parser)]
#[command(name = "modelscand", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand.
#[derive(Debug, clap::Args)]
struct Global {
    /// Read this configuration file, and no other
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: clap::ColorChoice,
}

impl Global {
    /// The configuration in force.
    fn load(&self) -> anyhow::Result<Loaded> {
        Ok(crate::config::load(self.config.as_deref())?)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(scan::Args),
    Watch(watch::Args),
    Status(status::Args),
    Sync(daemon::SyncArgs),
    Reload(daemon::ReloadArgs),
    History(history::Args),
    Show(show::Args),
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    #[command(subcommand)]
    Allow(allow::Command),
    #[command(subcommand)]
    Policy(policy::Command),
    #[command(subcommand)]
    Config(config::Command),
    Formats(formats::Args),
    Explain(explain::Args),
    Doctor(doctor::Args),
    #[command(hide = true)]
    Uses(uses::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self {
            Self::Scan(args) => args.run(global),
            Self::Watch(args) => args.run(global),
            Self::Status(args) => args.run(global),
            Self::Sync(args) => args.run(),
            Self::Reload(args) => args.run(),
            Self::History(args) => args.run(global),
            Self::Show(args) => args.run(global),
            Self::Quarantine(command) => command.run(global),
            Self::Allow(command) => command.run(global),
            Self::Policy(command) => command.run(global),
            Self::Config(command) => command.run(global),
            Self::Formats(args) => args.run(),
            Self::Explain(args) => args.run(),
            Self::Doctor(args) => args.run(global),
            Self::Uses(args) => args.run(global),
            Self::Completions(args) => args.run(),
            Self::Man(args) => args.run(),
        }
    }
}

/// Runs the program with this process' arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    choose_colour(cli.global.color);
    match cli.command.run(&cli.global) {
        Ok(exit) => exit.into(),
        Err(e) => {
            tell(&e);
            Exit::of(&e).into()
        }
    }
}

/// Help and version go to standard output and are no mistake; everything else is.
fn usage(error: &clap::Error) -> ExitCode {
    // Where standard output or error are gone, there is nobody to tell.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Nothing.into() }
}

fn choose_colour(when: clap::ColorChoice) {
    match when {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Says on standard error why nothing came of it. A mistake in the configuration has several lines and is printable already; in
/// any other error a newline can only come from the name of a file.
fn tell(error: &anyhow::Error) {
    let text = format!("{error:#}");
    let text = if error.is::<crate::config::Error>() { text } else { printable(&text, MAX_ERROR_BYTES) };
    anstream::eprintln!("{BAD}error{BAD:#}: {text}");
}

/// Says on standard error what somebody should know who reads the result.
fn warn(message: &str) {
    anstream::eprintln!("{STRONG}modelscand{STRONG:#}: {}", printable(message, MAX_ERROR_BYTES));
}

/// The definition that help, man pages and completions come from.
fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_sound() {
        super::definition().debug_assert();
    }
}
