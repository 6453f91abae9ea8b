//! `modelscand doctor`: does everything that modelscand relies on hold on this machine, and what to do where not.
//!
//! Looks only: makes no folder, repairs nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Exit, Global};
use crate::caches::{self, Environment};
use crate::config::{Config, Loaded, Paths};
use crate::render::checks::Check;
use crate::render::path::text_of;
use crate::render::{Out, human, json};
use crate::report::printable;
use crate::store::{Reader, StoreError};
use crate::worker::{Executable, confinement};

/// Check what modelscand relies on: confinement, configuration, history, vault, limits
///
/// Exits with 1 when something is not as it should be.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let Loaded { config, file } = global.load()?;
        let paths = Paths::of(&config)?;
        let said = file.as_deref().map_or_else(|| "no file, built-in defaults".to_owned(), text_of);
        let mut checks = vec![good("configuration", "file", said)];
        checks.extend(confined());
        checks.extend([history(&paths.database), vault(&paths.vault)]);
        checks.extend(inotify_limits());
        checks.extend(watched(&config));
        let mut out = Out::stdout();
        if self.json {
            json::checks::doctor(&mut out, &checks)?;
        } else {
            human::doctor::doctor(&mut out, &checks)?;
        }
        Ok(if checks.iter().all(|check| check.holds) { Exit::Nothing } else { Exit::Findings })
    }
}

fn good(group: &'static str, name: &str, detail: impl Into<String>) -> Check {
    Check { group, name: name.to_owned(), holds: true, detail: detail.into(), what_to_do: None }
}

fn bad(group: &'static str, name: &str, detail: &str, what_to_do: impl Into<String>) -> Check {
    let detail = printable(detail, 1024);
    Check { group, name: name.to_owned(), holds: false, detail, what_to_do: Some(what_to_do.into()) }
}

/// The measures that hold in a worker, as a worker itself says.
fn confined() -> Vec<Check> {
    const GROUP: &str = "confinement";
    match Executable::current().and_then(|program| confinement(&program)) {
        Err(e) => vec![bad(GROUP, "worker", &e.to_string(), "files cannot be scanned until a worker starts")],
        Ok(measures) => measures
            .iter()
            .map(|measure| match &measure.holds {
                Ok(()) => good(GROUP, measure.name.as_str(), ""),
                Err(why) => bad(GROUP, measure.name.as_str(), why, measure.name.what_to_do()),
            })
            .collect(),
    }
}

fn history(database: &Path) -> Check {
    let shown = text_of(database);
    match Reader::open(database).and_then(|reader| reader.counts()) {
        Ok(counts) => good("history", "database", format!("{shown}, {}", human::count(counts.scans, "scan"))),
        Err(StoreError::Missing { .. }) => good("history", "database", format!("{shown}, not there yet")),
        Err(e) => bad("history", "database", &e.to_string(), "see the message; the vault is not touched by it"),
    }
}

/// What lies there can be reached by nobody else; [`crate::action::Vault`] looks closer before each act.
fn vault(folder: &Path) -> Check {
    let shown = text_of(folder);
    let ours = nix::unistd::geteuid().as_raw();
    match fs::symlink_metadata(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            good("vault", "folder", format!("{shown}, not there yet"))
        }
        Err(e) => bad("vault", "folder", &format!("{shown}: {e}"), "set vault.path to a folder that can be reached"),
        Ok(found) if !found.is_dir() => {
            bad("vault", "folder", &format!("{shown} is not a folder"), "set vault.path to a real folder")
        }
        Ok(found) if found.uid() != ours || found.mode() & 0o077 != 0 => {
            let detail = format!("{shown} has mode {:03o} and owner {}", found.mode() & 0o777, found.uid());
            bad("vault", "folder", &detail, format!("it must have mode 700 and owner {ours}"))
        }
        Ok(_) => good("vault", "folder", shown),
    }
}

/// Each watched folder takes one watch; a hub's cache of a busy user has some thousands.
const MIN_INOTIFY_WATCHES: u64 = 65_536;
/// What other programs of the same user leave over must serve for one more.
const MIN_INOTIFY_INSTANCES: u64 = 128;

fn inotify_limits() -> Vec<Check> {
    [("max_user_watches", MIN_INOTIFY_WATCHES), ("max_user_instances", MIN_INOTIFY_INSTANCES)]
        .map(|(name, least)| {
            let value = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
            match value.trim().parse::<u64>() {
                Ok(n) if n >= least => good("watching", name, n.to_string()),
                Ok(n) => bad("watching", name, &n.to_string(), format!("sysctl fs.inotify.{name}={least} or more")),
                Err(_) => bad("watching", name, "cannot be read", "mount /proc, or set watch.backend = \"poll\""),
            }
        })
        .into()
}

fn watched(config: &Config) -> Vec<Check> {
    let roots = caches::discover(&Environment::of_process(), &config.watch);
    roots
        .iter()
        .map(|root| {
            let shown = text_of(&root.path);
            match fs::read_dir(&root.path) {
                Ok(_) => good("watching", "folder", shown),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    good("watching", "folder", format!("{shown}, not there yet"))
                }
                Err(e) => bad("watching", "folder", &format!("{shown}: {e}"), "let this user read it, or run as root"),
            }
        })
        .collect()
}
