//! `modelscand allow add|list|remove`: what its owner has declared to be safe, with who, when and why.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use sha2::Digest;

use super::exit::UsageError;
use super::{Exit, Global, daemon, database, moment};
use crate::action::open_for_scan;
use crate::render::{Out, human, json, path};
use crate::report::printable;
use crate::scan::input::Source;
use crate::scan::rules::{PatternError, Rules};
use crate::store::{AllowSubject, NewAllow, Sha256};

/// Declare a file or a callable to be safe, list what is declared, or take it back
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Declare a file (by its content) or a callable (by its name) to be safe
    Add(Add),
    /// List what is declared to be safe, here and in the configuration
    List {
        /// Also what was taken back or has ended
        #[arg(long)]
        all: bool,
        /// Print JSON, documented in docs/json.md
        #[arg(long)]
        json: bool,
    },
    /// Take an entry back; files that it let through are scanned again
    Remove {
        /// The entry's number, from modelscand allow list
        #[arg(value_name = "ID")]
        id: i64,
    },
}

#[derive(Debug, clap::Args)]
pub struct Add {
    #[command(flatten)]
    subject: Subject,
    /// Why it is safe; kept with who and when
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Until when: 30d, 2027-01-31; without it, until it is removed
    #[arg(long, value_name = "WHEN", value_parser = moment::future)]
    until: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Subject {
    /// This file, wherever its content appears
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// A file by the SHA-256 of its content
    #[arg(long, value_name = "HEX")]
    sha256: Option<Sha256>,
    /// A callable by its dotted name; my_pkg.models.* takes all of a module
    #[arg(long, value_name = "NAME", value_parser = callable)]
    callable: Option<String>,
}

impl Command {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self {
            Self::Add(add) => add.run(global),
            Self::List { all, json } => list(global, all, json),
            Self::Remove { id } => remove(global, id),
        }
    }
}

impl Add {
    fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let subject = self.subject.resolve()?;
        let shown = words(&subject);
        let entry = entry(subject, self.reason, self.until);
        let id = database::writer(&global.load()?.config)?.allow(&entry)?;
        writeln!(Out::stdout(), "allowed {shown} (entry {id}); modelscand allow remove {id} takes it back")?;
        daemon::tell_of_change()?;
        Ok(Exit::Nothing)
    }
}

impl Subject {
    fn resolve(self) -> anyhow::Result<AllowSubject> {
        match (self.file, self.sha256, self.callable) {
            (Some(file), _, _) => {
                let hash = hash_of(&file)?;
                Ok(AllowSubject::Sha256(hash))
            }
            (_, Some(hash), _) => Ok(AllowSubject::Sha256(hash)),
            (_, _, Some(name)) => Ok(AllowSubject::Callable(name)),
            (None, None, None) => Err(UsageError("name one of --file, --sha256 and --callable".to_owned()).into()),
        }
    }
}

/// An entry by the person who runs this.
pub fn entry(subject: AllowSubject, reason: String, expires_at: Option<Timestamp>) -> NewAllow {
    let (author_uid, author) = author();
    NewAllow { subject, reason, author_uid, author, expires_at }
}

/// The person who runs this: user id and name, behind sudo too.
pub fn author() -> (u32, String) {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    // Set by sudo when root runs this: it tells who is behind root, and claims nothing that root could not claim anyway.
    let behind = std::env::var("SUDO_USER").ok().filter(|_| uid.is_root());
    let author = behind.map_or_else(|| name.clone(), |user| format!("{} as {name}", printable(&user, 64)));
    (uid.as_raw(), author)
}

/// A reason is there for the next person who reads the list.
pub fn reason(text: &str) -> Result<String, String> {
    let text = printable(text.trim(), 1024);
    if text.is_empty() { Err("say why it is safe".to_owned()) } else { Ok(text) }
}

fn callable(name: &str) -> Result<String, PatternError> {
    Rules::builtin().with_allowed([name.to_owned()])?;
    Ok(name.to_owned())
}

fn words(subject: &AllowSubject) -> String {
    match subject {
        AllowSubject::Sha256(hash) => format!("the content with the SHA-256 {hash}"),
        AllowSubject::Callable(name) => name.clone(),
    }
}

/// The SHA-256 of the file that a path leads to.
pub fn hash_of(path: &Path) -> anyhow::Result<Sha256> {
    let fail = || format!("cannot read {}", path::text_of(path));
    let opened = open_for_scan(&path.canonicalize().with_context(fail)?)?;
    hash(&opened.file).with_context(fail)
}

/// The SHA-256 of a file from its beginning, read in pieces.
pub fn hash(file: &File) -> io::Result<Sha256> {
    let mut hasher = sha2::Sha256::new();
    let mut piece = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        let n = Source::read_at(file, offset, &mut piece)?;
        let Some(bytes) = piece.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        offset += n as u64;
    }
    Ok(Sha256(hasher.finalize().into()))
}

fn list(global: &Global, all: bool, as_json: bool) -> anyhow::Result<Exit> {
    let config = global.load()?.config;
    let reader = database::reader(&config)?;
    let entries = reader.map(|reader| reader.allow_list(all)).transpose()?.unwrap_or_default();
    let mut out = Out::stdout();
    if as_json {
        json::records::allow(&mut out, &entries, &config.allow)?;
    } else {
        human::allow::list(&mut out, &entries, &config.allow)?;
    }
    Ok(Exit::Nothing)
}

fn remove(global: &Global, id: i64) -> anyhow::Result<Exit> {
    let config = global.load()?.config;
    let mut writer = database::writer(&config)?;
    let Some(entry) = writer.allow_list()?.into_iter().find(|entry| entry.id == id) else {
        bail!("no entry in force has the number {id}; see modelscand allow list");
    };
    writer.disallow(&entry.subject)?;
    writeln!(Out::stdout(), "no longer allowed: {}", words(&entry.subject))?;
    daemon::tell_of_change()?;
    Ok(Exit::Nothing)
}
