//! `modelscand config check|show|path|init`: the configuration, its mistakes and its places.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{Exit, Global};
use crate::config::{self, EXAMPLE, Loaded, Paths, paths};
use crate::render::style::{GOOD, STRONG};
use crate::render::{Out, json, path};

/// Check, show, find or begin the configuration
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Read the configuration and point at mistakes in it
    Check {
        /// The file to check, instead of the one that would be used
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print what holds: every key, with the values of the file and the defaults
    Show {
        /// Print JSON, documented in docs/json.md
        #[arg(long)]
        json: bool,
    },
    /// Print where the configuration, the history and the vault are
    Path {
        /// Print JSON, documented in docs/json.md
        #[arg(long)]
        json: bool,
    },
    /// Write a configuration file with every key, its default and why
    Init {
        /// The file to write; never over one that is there
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

impl Command {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let mut out = Out::stdout();
        match self {
            Self::Check { file: Some(file) } => say_good(&mut out, &config::load(Some(file))?)?,
            Self::Check { file: None } => say_good(&mut out, &global.load()?)?,
            Self::Show { json } => show(&mut out, &global.load()?, *json)?,
            Self::Path { json } => where_things_are(&mut out, &global.load()?, *json)?,
            Self::Init { file } => init(&mut out, file.clone().or_else(|| global.config.clone()))?,
        }
        Ok(Exit::Nothing)
    }
}

/// The file's path, or that there is none.
fn origin(loaded: &Loaded) -> String {
    loaded.file.as_deref().map_or_else(|| "no file, built-in defaults".to_owned(), path::text_of)
}

fn say_good(out: &mut Out, loaded: &Loaded) -> anyhow::Result<()> {
    writeln!(out, "{GOOD}good{GOOD:#}: {}", origin(loaded))?;
    Ok(())
}

fn show(out: &mut Out, loaded: &Loaded, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return Ok(json::config::show(out, loaded)?);
    }
    writeln!(out, "# {}", origin(loaded))?;
    write!(out, "{}", toml::to_string(&loaded.config)?)?;
    Ok(())
}

fn where_things_are(out: &mut Out, loaded: &Loaded, as_json: bool) -> anyhow::Result<()> {
    let paths = Paths::of(&loaded.config)?;
    if as_json {
        return Ok(json::config::paths(out, loaded, &paths)?);
    }
    let places =
        [("state", &paths.state), ("history", &paths.database), ("vault", &paths.vault), ("runtime", &paths.runtime)];
    writeln!(out, "{STRONG}config{STRONG:#}   {}", origin(loaded))?;
    for (what, place) in places {
        writeln!(out, "{STRONG}{what:<7}{STRONG:#}  {}", path::text_of(place))?;
    }
    Ok(())
}

fn init(out: &mut Out, file: Option<PathBuf>) -> anyhow::Result<()> {
    let file = file.map_or_else(paths::own_config_file, Ok)?;
    let shown = path::text_of(&file);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder of {shown}"))?;
    }
    // Never over a file that is there, also not through a link that somebody laid.
    match OpenOptions::new().write(true).create_new(true).open(&file) {
        Ok(mut opened) => opened.write_all(EXAMPLE.as_bytes()).with_context(|| format!("cannot write {shown}"))?,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => bail!("{shown} is there already, and was left as it is"),
        Err(e) => return Err(e).with_context(|| format!("cannot write {shown}")),
    }
    writeln!(out, "wrote {shown}")?;
    Ok(())
}
