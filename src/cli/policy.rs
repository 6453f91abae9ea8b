//! `modelscand policy test FILE…`: what would be done about a file, which rule says so, and why. Touches nothing.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::scan::{batch, walk};
use super::{Exit, Global, allow};
use crate::caches::{self, CacheKind, Environment, Origin};
use crate::config::{Config, Decision};
use crate::policy::{self, Subject};
use crate::render::judged::{Judged, Line};
use crate::render::{Out, Scanned, human, json};

/// Try out what the configuration decides
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Scan files and say which rule decides what is done about them, and why; nothing is done
    Test(Test),
}

#[derive(Debug, clap::Args)]
pub struct Test {
    /// Files and folders
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    /// As if they were in this cache: huggingface, mlflow, torch-hub, keras, folder
    #[arg(long, value_name = "CACHE", value_parser = cache)]
    cache: Option<CacheKind>,
    /// Print JSON, documented in docs/json.md
    #[arg(long)]
    json: bool,
}

fn cache(word: &str) -> Result<CacheKind, String> {
    let all = [CacheKind::Huggingface, CacheKind::Mlflow, CacheKind::TorchHub, CacheKind::Keras, CacheKind::Folder];
    let words = all.map(CacheKind::as_str).join(", ");
    all.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| format!("a cache is one of {words}"))
}

impl Command {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self {
            Self::Test(test) => test.run(global),
        }
    }
}

impl Test {
    fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let config = global.load()?.config;
        let roots = caches::discover(&Environment::of_process(), &config.watch);
        let targets = walk::targets(&self.paths, &roots);
        let mut all = Vec::new();
        batch::scan(&config, targets, |scanned| {
            all.push(judge(&config, self.cache, scanned));
            Ok(())
        })?;
        let mut out = Out::stdout();
        if self.json {
            json::judged::files(&mut out, &all, config.policy.dry_run)?;
        } else {
            human::judged::files(&mut out, &all, config.policy.dry_run)?;
        }
        let acts = all.iter().any(|judged| judged.decision > Decision::Allow);
        Ok(if acts { Exit::Findings } else { Exit::Nothing })
    }
}

fn judge(config: &Config, cache: Option<CacheKind>, scanned: Scanned) -> Judged {
    let policy = &config.policy;
    let mut origin = scanned.origin.clone().unwrap_or_else(Origin::folder);
    origin.cache = cache.unwrap_or(origin.cache);
    let owner = std::fs::metadata(&scanned.path).map_or(0, |metadata| metadata.uid());
    let owner_name = policy::needs_owner_name(policy)
        .then(|| nix::unistd::User::from_uid(owner.into()).ok().flatten().map(|user| user.name))
        .flatten();
    let sha256 = policy::needs_hash(policy).then(|| allow::hash_of(&scanned.path).ok()).flatten();
    let sha256 = sha256.map(|sha256| sha256.to_string());
    let subject = Subject {
        path: &scanned.path.canonicalize().unwrap_or_else(|_| scanned.path.clone()),
        origin: &origin,
        owner,
        owner_name: owner_name.as_deref(),
        sha256: sha256.as_deref(),
        allowed: scanned.allowed.as_deref(),
    };
    let judged = policy::judge(&scanned.report, &subject, policy);
    let lines = judged.iter().map(|(about, judgement)| Line::of(about, judgement)).collect();
    let (about, judgement) = policy::strongest(judged);
    Judged {
        decision: judgement.decision,
        because: Line::of(&about, &judgement),
        lines,
        verdict: scanned.report.verdict,
        path: scanned.path.clone(),
        origin,
    }
}
