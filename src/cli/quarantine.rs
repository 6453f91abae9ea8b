//! `modelscand quarantine list|show|restore|delete|export`: what was taken out of reach, and how it comes back.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::exit::UsageError;
use super::{Exit, Global, allow, database};
use crate::action::{EXPORT_PASSWORD, Restore, To, Trust, Vault};
use crate::config::{Config, Paths};
use crate::render::{Out, human, json, path};
use crate::report::printable;
use crate::store::{AllowSubject, Hold, HoldId, HoldKind, Writer};

/// The longest remark that is printed, in bytes.
const MAX_REMARK_BYTES: usize = 4096;

/// List, show, restore, delete or export what was taken out of reach
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
    /// Put a file back as it was: content, owner, mode, times
    Restore(Give),
    /// Delete a file in quarantine for good
    Delete {
        /// Its number, from modelscand quarantine list
        #[arg(value_name = "ID")]
        id: HoldId,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Write it, with its record, to a zip with a password, for an analyst; it stays in quarantine
    Export {
        /// Its number, from modelscand quarantine list
        #[arg(value_name = "ID")]
        id: HoldId,
        /// The zip, which must not exist yet
        #[arg(value_name = "FILE.zip")]
        to: PathBuf,
        /// The password. Others on this machine can see it while this runs: it keeps programs from opening the zip, not people
        #[arg(long, value_name = "TEXT", default_value = EXPORT_PASSWORD, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        password: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct Give {
    /// Its number, from modelscand quarantine list
    #[arg(value_name = "ID")]
    id: HoldId,
    /// Another place: a folder, or a name that is free
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    /// Declare the content to be safe, so that it is not caught again
    #[arg(long, requires = "reason")]
    allow: bool,
    /// Why it is safe; kept with who and when
    #[arg(long, value_name = "TEXT", requires = "allow", value_parser = allow::reason)]
    reason: Option<String>,
}

impl Command {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self {
            Self::List { all, json } => list(global, all, json),
            Self::Show { id, json } => show(global, id, json),
            Self::Restore(give) => give.run(global),
            Self::Delete { id, yes } => delete(global, id, yes),
            Self::Export { id, to, password } => export(global, id, &to, &password),
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

/// The vault, the history, and what is held under a number.
fn open(config: &Config, id: HoldId) -> anyhow::Result<(Vault, Writer, Hold)> {
    let hold = database::reader(config)?.map(|reader| reader.hold(id)).transpose()?.flatten();
    let hold = hold.with_context(|| unknown(id))?;
    let vault = Vault::open_or_create(&Paths::of(config)?.vault, config.vault.leave_note)?;
    Ok((vault, database::writer(config)?, hold))
}

impl Give {
    fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let config = global.load()?.config;
        let (vault, mut writer, hold) = open(&config, self.id)?;
        let trust = self.reason.map(trust);
        let is_trusted = trust.is_some();
        let how = Restore { to: target(self.to.as_deref(), &hold)?, allow: trust.clone() };
        let restored = vault.restore(&mut writer, self.id, &how)?;
        let mut out = Out::stdout();
        writeln!(out, "restored {}", path::text_of(&restored.path))?;
        for remark in &restored.remarks {
            writeln!(out, "  {}", printable(remark, MAX_REMARK_BYTES))?;
        }
        // The vault knows the content of what it keeps; what was locked in its place can be read only now.
        if let (HoldKind::Lock, Some(trust)) = (hold.kind, trust) {
            let hash =
                allow::hash_of(&restored.path).context("it is restored, but could not be declared to be safe")?;
            writer.allow(&allow::entry(AllowSubject::Sha256(hash), trust.reason, None))?;
        }
        if is_trusted {
            allow::tell_daemon();
        }
        Ok(Exit::Nothing)
    }
}

fn trust(reason: String) -> Trust {
    let (author_uid, author) = allow::author();
    Trust { reason, author_uid, author, expires_at: None }
}

/// The place that a file goes to. The vault wants it absolute and follows no symlink on the way, so those of a place that this
/// person names are resolved here.
fn target(to: Option<&Path>, hold: &Hold) -> anyhow::Result<To> {
    let Some(to) = to else { return Ok(To::OriginalPlace) };
    Ok(To::Path(real_place(to, hold.path.file_name(), "restore to")?))
}

/// The absolute path without symbolic links of a place that a person names; in a folder it gets the name `name_in_folder`.
fn real_place(to: &Path, name_in_folder: Option<&OsStr>, operation: &str) -> anyhow::Result<PathBuf> {
    let fail = || format!("cannot {operation} {}", path::text_of(to));
    let absolute = std::path::absolute(to).with_context(fail)?;
    let (folder, name) = match (absolute.is_dir(), absolute.parent(), absolute.file_name()) {
        (true, _, _) => (absolute.as_path(), name_in_folder),
        (false, Some(folder), name) => (folder, name),
        (false, None, _) => (absolute.as_path(), None),
    };
    let name = name.ok_or_else(|| UsageError(format!("{}: that is no name for a file", fail())))?;
    Ok(folder.canonicalize().with_context(fail)?.join(name))
}

fn export(global: &Global, id: HoldId, to: &Path, password: &str) -> anyhow::Result<Exit> {
    let config = global.load()?.config;
    let (vault, writer, hold) = open(&config, id)?;
    let name = format!("modelscand-{id}.zip");
    let to = real_place(to, Some(OsStr::new(&name)), "write")?;
    let mut record = Vec::new();
    json::records::hold(&mut record, &hold)?;
    vault.export(&writer, id, &to, password, &record)?;
    let mut out = Out::stdout();
    writeln!(out, "exported {} to {}", path::text_of(&hold.path), path::text_of(&to))?;
    writeln!(
        out,
        "  it is encrypted with the password {}, and stays in quarantine",
        printable(password, MAX_REMARK_BYTES)
    )?;
    Ok(Exit::Nothing)
}

fn delete(global: &Global, id: HoldId, yes: bool) -> anyhow::Result<Exit> {
    let config = global.load()?.config;
    let (vault, mut writer, hold) = open(&config, id)?;
    let shown = path::text_of(&hold.path);
    if !yes && !confirmed(&shown)? {
        return Ok(Exit::Failed);
    }
    vault.delete(&mut writer, id)?;
    writeln!(Out::stdout(), "deleted for good: what was {shown}")?;
    Ok(Exit::Nothing)
}

/// Asks the person at the terminal; where there is none, nobody can say yes.
fn confirmed(shown: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(UsageError("deleting is final: say --yes".to_owned()).into());
    }
    anstream::eprint!("Delete what was {shown} for good? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
