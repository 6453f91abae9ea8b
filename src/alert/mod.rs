//! Tells people what was found and what was done: one file a channel, one line each in [`Channels`].
//!
//! An alert is made after its scan and its act are on record. A channel that fails is logged and never stops the daemon.

mod journald;
mod log;

use std::path::PathBuf;

use crate::caches::Origin;
use crate::config::{self, Decision};
use crate::report::{Report, Severity, Verdict, printable};

/// What people are told of one file.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The row in the history, for `modelscand show`.
    pub scan_id: i64,
    /// The file as the daemon knows it (for a hub cache: the blob).
    pub path: PathBuf,
    /// Where it comes from.
    pub origin: Origin,
    /// What was found.
    pub report: Report,
    /// What policy said.
    pub decision: Decision,
    /// What was done about it, or why not.
    pub outcome: Outcome,
}

/// How the act that policy asked for ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was to be done but to tell.
    Told,
    /// Nothing was done, since `policy.dry_run` is on.
    DryRun,
    /// Moved into the vault, under this number.
    Quarantined {
        /// For `modelscand quarantine restore`.
        id: i64,
    },
    /// Set to mode 000, under this number.
    Locked {
        /// For `modelscand quarantine restore`.
        id: i64,
    },
    /// Not done; the text says why.
    Failed(String),
}

impl Alert {
    /// The severity that decides which channels hear it: the worst finding's, or `medium` for a file that was not read.
    pub fn severity(&self) -> Severity {
        let unread = (self.report.verdict == Verdict::Unscannable).then_some(Severity::Medium);
        self.report.worst().max(unread).unwrap_or(Severity::Low)
    }

    /// The path as text that is safe to print.
    pub fn path_text(&self) -> String {
        printable(&self.path.to_string_lossy(), 4096)
    }

    /// The repository, or experiment and run, that the file belongs to, where known.
    pub fn source(&self) -> Option<String> {
        let origin = &self.origin;
        let run = || Some(format!("experiment {}, run {}", origin.experiment.as_deref()?, origin.run.as_deref()?));
        origin.repository.clone().or_else(run).or_else(|| origin.model.as_ref().map(|model| format!("model {model}")))
    }

    /// One sentence: what was found in which file, and what was done.
    pub fn sentence(&self) -> String {
        let source = self.source().map(|source| format!(" (from {source})")).unwrap_or_default();
        let found = match self.report.findings.first() {
            Some(worst) if worst.evidence.is_empty() => format!("{}: {}", worst.rule, worst.message),
            Some(worst) => format!("{}: {}", worst.rule, worst.evidence),
            None => match &self.report.coverage {
                crate::report::Coverage::Partial { reason, .. } => reason.clone(),
                crate::report::Coverage::Complete => "nothing found".to_owned(),
            },
        };
        format!("{} is {}{source}: {found}. {}", self.path_text(), self.report.verdict, self.outcome.sentence())
    }

    /// What the person can do next.
    pub fn advice(&self) -> String {
        let show = format!("`modelscand show {}` tells everything", self.scan_id);
        match &self.outcome {
            Outcome::Quarantined { id } => {
                format!("{show}; `modelscand quarantine restore {id}` brings the file back.")
            }
            Outcome::Locked { id } => format!("{show}; `modelscand quarantine restore {id}` unlocks the file."),
            Outcome::Told | Outcome::DryRun | Outcome::Failed(_) => {
                format!("{show}; do not load the file before you trust where it comes from.")
            }
        }
    }
}

impl Outcome {
    /// One sentence that ends an alert.
    pub fn sentence(&self) -> String {
        match self {
            Self::Told => "Nothing was done to the file.".to_owned(),
            Self::DryRun => "Nothing was done, since policy.dry_run is on.".to_owned(),
            Self::Quarantined { id } => format!("It was moved into the vault as number {id}."),
            Self::Locked { id } => format!("It was set to mode 000 (number {id}); its owner can undo that."),
            Self::Failed(why) => format!("It is STILL IN PLACE: {why}."),
        }
    }

    /// The word for it in fields of log lines.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Told => "alerted",
            Self::DryRun => "dry-run",
            Self::Quarantined { .. } => "quarantined",
            Self::Locked { .. } => "locked",
            Self::Failed(_) => "failed",
        }
    }
}

/// The channels that are in use.
pub struct Channels {
    config: config::Alert,
    journal: Option<journald::Journal>,
}

impl Channels {
    /// Opens the channels that the configuration enables. A journal that is not there is no error: there is none on many machines.
    /// Where log lines go to the journal too (`log_in_journal`), an alert is written there once, with its own fields.
    pub fn open(config: &config::Alert, log_in_journal: bool) -> Self {
        let journal = if config.journald.enabled { journald::Journal::open() } else { None };
        let mut config = config.clone();
        config.log.enabled &= !(log_in_journal && journal.is_some());
        Self { config, journal }
    }

    /// Tells `alert` on each channel whose least severity it reaches.
    pub fn tell(&self, alert: &Alert) {
        if self.config.log.enabled && alert.severity() >= self.config.log.min_severity {
            log::tell(alert);
        }
        let journal = self.journal.as_ref().filter(|_| alert.severity() >= self.config.journald.min_severity);
        if let Some(Err(error)) = journal.map(|journal| journal.tell(alert)) {
            tracing::warn!(%error, "an alert could not be written to the journal");
        }
    }
}
