//! What the daemon needs before it can watch: folders, history, vault, workers, channels; also what a reload replaces.

use std::cell::RefCell;
use std::path::PathBuf;
use std::thread::JoinHandle;

use anyhow::Context as _;

use crate::action::{Recovered, Vault};
use crate::alert::Channels;
use crate::caches::{self, CacheKind, Environment, Root};
use crate::config::{Config, PolicyRule, paths::Paths};
use crate::report::printable;
use crate::scan::{ENGINE_VERSION, rules};
use crate::store::{AllowSubject, Writer};
use crate::worker::Pool;

use super::log;
use super::pipeline::Context;
use super::recorder::{Keep, Recorder};

/// Opens the history and the vault, finishes what a crash left unfinished, and starts the recorder.
pub(super) fn open_records(paths: &Paths, config: &Config) -> anyhow::Result<(Recorder, JoinHandle<()>)> {
    let (mut writer, repaired) = Writer::open_or_repair(&paths.database)?;
    if let Some(repaired) = repaired {
        let moved_to = printable(&repaired.moved_to.to_string_lossy(), 4096);
        tracing::error!("the history was damaged ({}) and is moved to {moved_to}; a new one is begun", repaired.reason);
    }
    let vault = Vault::open_or_create(&paths.vault, config.vault.leave_note)?;
    tell_recovered(&vault.recover(&mut writer)?);
    Recorder::start(writer, vault, Keep::of(config)).context("cannot start the recorder's thread")
}

fn tell_recovered(recovered: &Recovered) {
    for id in &recovered.completed {
        tracing::warn!(hold = id.0, "an act that a crash had cut short was brought to its end");
    }
    for id in &recovered.rolled_back {
        tracing::warn!(hold = id.0, "an act that a crash had cut short was undone");
    }
    for stray in &recovered.strays {
        tracing::warn!("the vault holds {}, which is not on record", printable(&stray.to_string_lossy(), 4096));
    }
    for (id, error) in &recovered.failed {
        tracing::error!(hold = id.0, %error, "an act that a crash had cut short could not be repaired");
    }
}

/// What all files share under `config`.
pub(super) async fn context(config: Config, recorder: Recorder) -> anyhow::Result<Context> {
    let callables = allowed_callables(&config, &recorder).await?;
    let rules = rules_version(&callables, &config.policy.rule);
    let pool = Pool::new(&config.scan, &config.sandbox, callables)?;
    let channels = Channels::open(&config.alert, log::is_in_journal(config.log.format));
    Ok(Context {
        pool,
        recorder,
        channels,
        engine: ENGINE_VERSION.to_string(),
        rules,
        config,
        told_unrecorded: RefCell::default(),
    })
}

/// The callables that are allowed by name, in the configuration and in the history, sorted.
async fn allowed_callables(config: &Config, recorder: &Recorder) -> anyhow::Result<Vec<String>> {
    let configured = config.allow.iter().filter_map(|allow| allow.callable.clone());
    let recorded = recorder.allowed().await?.into_iter().filter_map(|entry| match entry.subject {
        AllowSubject::Callable(name) => Some(name),
        AllowSubject::Sha256(_) => None,
    });
    let mut callables: Vec<String> = configured.chain(recorded).collect();
    callables.sort();
    callables.dedup();
    Ok(callables)
}

/// The version of the rule set, the owner's own entries and policy rules included: files are scanned again when either changes.
pub(super) fn rules_version(callables: &[String], policy: &[PolicyRule]) -> String {
    use sha2::Digest;
    if callables.is_empty() && policy.is_empty() {
        return rules::version().to_string();
    }
    let digest = sha2::Sha256::digest(format!("{callables:?}{policy:?}"));
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}+{short}", rules::version())
}

/// The folders to be watched: the caches that the configuration asks for, its paths, and those of the command line.
pub(super) fn roots(config: &Config, paths: &[PathBuf]) -> Vec<Root> {
    let mut watch = config.watch.clone();
    watch.paths.extend(paths.iter().cloned());
    let roots = caches::discover(&Environment::of_process(), &watch);
    for root in &roots {
        let kind = if root.cache == CacheKind::Folder { "folder" } else { "cache" };
        let path = printable(&root.path.to_string_lossy(), 4096);
        tracing::info!(path, cache = root.cache.as_str(), "watching a {kind}");
    }
    roots
}
