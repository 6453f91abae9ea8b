//! What can be set, as plain data with defaults.
//!
//! Unknown keys are refused by serde here; values that have the right type and make no sense are refused by `check`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::policy_rule::PolicyRule;
use crate::report::Severity;
use crate::scan::Limits;

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is watched.
    pub watch: Watch,
    /// How files are scanned.
    pub scan: Scan,
    /// How workers are confined.
    pub sandbox: Sandbox,
    /// What is done about a finding.
    pub policy: Policy,
    /// Where dangerous files are kept.
    pub vault: Vault,
    /// What is remembered, and for how long.
    pub history: History,
    /// What is logged.
    pub log: Log,
    /// Who is told.
    pub alert: Alert,
    /// What its owner has declared to be safe.
    pub allow: Vec<Allow>,
}

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// The known caches that are looked for.
    pub caches: Vec<CacheKind>,
    /// Folders besides them. `~` is the home folder; a folder that does not exist yet is waited for.
    pub paths: Vec<PathBuf>,
    /// Globs of paths that are not watched.
    pub exclude: Vec<String>,
    /// Where events come from.
    pub backend: Backend,
    /// Seconds between two looks at a file system that gives no events.
    pub poll_interval_s: u64,
    /// Hours between two reconciling walks; 0 is never.
    pub reconcile_interval_h: u64,
}

/// A cache layout that modelscand knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheKind {
    /// The hub cache of huggingface_hub.
    Huggingface,
    /// MLflow runs and artifacts in local folders.
    Mlflow,
    /// torch.hub checkpoints and repositories.
    TorchHub,
    /// Keras models and datasets.
    Keras,
    /// A plain folder.
    Folder,
}

impl CacheKind {
    /// The word for it, as in the configuration, the database and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Huggingface => "huggingface",
            Self::Mlflow => "mlflow",
            Self::TorchHub => "torch-hub",
            Self::Keras => "keras",
            Self::Folder => "folder",
        }
    }
}

/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// What the file system and the rights allow.
    Auto,
    /// inotify(7), a watch a folder.
    Inotify,
    /// Looking again and again, for file systems that give no events.
    Poll,
}

/// `[scan]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scan {
    /// Worker processes at most; 0 is one a core, at most 4.
    pub workers: usize,
    /// Seconds that the scan of one file may take.
    pub time_limit_s: u64,
    /// Seconds after which a worker without work ends.
    pub idle_timeout_s: u64,
    /// What one scan may spend.
    pub limits: Limits,
}

/// `[sandbox]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// Refuse to scan when a part of the confinement is missing on this machine.
    pub require: bool,
    /// Address space of one worker, in MiB.
    pub memory_mb: u64,
}

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Make a locked file immutable too, where the rights and the file system allow it.
    pub lock_immutable: bool,
    /// Where files are downloaded: hub caches, torch hub, Keras.
    #[serde(deserialize_with = "download_decisions")]
    pub downloads: Decisions,
    /// Where people's own work is written: MLflow, plain folders.
    #[serde(deserialize_with = "work_decisions")]
    pub work: Decisions,
    /// Decisions for single caches, before the two above: `[policy.cache.mlflow]`.
    pub cache: BTreeMap<CacheKind, DecisionOverrides>,
    /// Rules that go before all of these, the first match wins: `[[policy.rule]]`.
    pub rule: Vec<PolicyRule>,
}

/// What policy says to do about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Record it and nothing else.
    Allow,
    /// Tell people.
    Alert,
    /// Mode 000, the old mode kept.
    Lock,
    /// Into the vault.
    Quarantine,
}

/// A decision for each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decisions {
    /// For `critical` findings.
    pub critical: Decision,
    /// For `high` findings.
    pub high: Decision,
    /// For `medium` findings.
    pub medium: Decision,
    /// For `low` findings.
    pub low: Decision,
    /// For files that could not be read to their end.
    pub unscannable: Decision,
}

/// Some decisions, over those of a table below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionOverrides {
    /// For `critical` findings.
    pub critical: Option<Decision>,
    /// For `high` findings.
    pub high: Option<Decision>,
    /// For `medium` findings.
    pub medium: Option<Decision>,
    /// For `low` findings.
    pub low: Option<Decision>,
    /// For files that could not be read to their end.
    pub unscannable: Option<Decision>,
}

impl Decisions {
    /// What holds where files are downloaded.
    pub const DOWNLOADS: Self = Self {
        critical: Decision::Quarantine,
        high: Decision::Quarantine,
        medium: Decision::Alert,
        low: Decision::Allow,
        unscannable: Decision::Alert,
    };
    /// What holds where people's own work is written.
    pub const WORK: Self = Self { high: Decision::Alert, ..Self::DOWNLOADS };

    /// The decision for a severity.
    pub fn for_severity(&self, severity: Severity) -> Decision {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
        }
    }
}

impl DecisionOverrides {
    /// These decisions where given, and those of `base` elsewhere.
    #[must_use]
    pub fn over(&self, base: Decisions) -> Decisions {
        Decisions {
            critical: self.critical.unwrap_or(base.critical),
            high: self.high.unwrap_or(base.high),
            medium: self.medium.unwrap_or(base.medium),
            low: self.low.unwrap_or(base.low),
            unscannable: self.unscannable.unwrap_or(base.unscannable),
        }
    }
}

fn download_decisions<'de, D: Deserializer<'de>>(from: D) -> Result<Decisions, D::Error> {
    Ok(DecisionOverrides::deserialize(from)?.over(Decisions::DOWNLOADS))
}

fn work_decisions<'de, D: Deserializer<'de>>(from: D) -> Result<Decisions, D::Error> {
    Ok(DecisionOverrides::deserialize(from)?.over(Decisions::WORK))
}

impl Policy {
    /// The decisions that hold for files of a cache.
    pub fn decisions_for(&self, cache: CacheKind) -> Decisions {
        let base = match cache {
            CacheKind::Huggingface | CacheKind::TorchHub | CacheKind::Keras => self.downloads,
            CacheKind::Mlflow | CacheKind::Folder => self.work,
        };
        self.cache.get(&cache).map_or(base, |overrides| overrides.over(base))
    }
}

/// `[vault]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// The folder; empty is `vault` in the state folder.
    pub path: PathBuf,
    /// Days that a quarantined file is kept; 0 is for ever.
    pub keep_days: u32,
    /// Bytes that all quarantined files together may have; beyond it the oldest are deleted. 0 is no limit.
    pub max_bytes: u64,
    /// Leave `NAME.quarantined.txt` where a file was taken away, to say why.
    pub leave_note: bool,
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// The database file; empty is `history.sqlite` in the state folder.
    pub path: PathBuf,
    /// Days that a scan is remembered after its file is gone or was scanned anew; 0 is for ever.
    pub keep_days: u32,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Where and how log lines are written.
    pub format: LogFormat,
    /// The least level: error, warn, info, debug, trace; or a filter such as `info,modelscand::watch=debug`.
    pub level: String,
}

/// Where and how log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// The journal when it started us, else lines for people.
    Auto,
    /// Lines for people on standard error.
    Human,
    /// A JSON object a line on standard error.
    Json,
    /// journald's native socket.
    Journald,
}

/// `[alert]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alert {
    /// journald's native socket, with one stable MESSAGE_ID a kind of alert.
    pub journald: Channel,
    /// A line on standard error.
    pub log: Channel,
}

/// A way to tell people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Channel {
    /// Used at all.
    pub enabled: bool,
    /// The least severity that is told.
    pub min_severity: Severity,
}

/// `[[allow]]`: one of `callable` and `sha256`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// A callable by its dotted name, or all of a module with a last `.*`: `my_pkg.models.*`.
    pub callable: Option<String>,
    /// A file by the SHA-256 of its content, in hex.
    pub sha256: Option<String>,
    /// Why.
    pub reason: String,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            caches: vec![CacheKind::Huggingface, CacheKind::Mlflow, CacheKind::TorchHub, CacheKind::Keras],
            paths: Vec::new(),
            exclude: Vec::new(),
            backend: Backend::Auto,
            poll_interval_s: 30,
            reconcile_interval_h: 24,
        }
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self { workers: 0, time_limit_s: 300, idle_timeout_s: 30, limits: Limits::default() }
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { require: false, memory_mb: 1024 }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            dry_run: false,
            lock_immutable: false,
            downloads: Decisions::DOWNLOADS,
            work: Decisions::WORK,
            cache: BTreeMap::new(),
            rule: Vec::new(),
        }
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self { path: PathBuf::new(), keep_days: 90, max_bytes: 0, leave_note: true }
    }
}

impl Default for History {
    fn default() -> Self {
        Self { path: PathBuf::new(), keep_days: 365 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self { enabled: true, min_severity: Severity::Medium }
    }
}
