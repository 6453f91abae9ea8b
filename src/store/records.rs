//! The rows of the history as Rust and JSON see them. Field names are the words of every message, column and JSON key.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::caches::Origin;
use crate::config::Decision;
use crate::identity::Identity;
use crate::report::{Coverage, Finding, Report, Severity, Verdict};

use super::words;

macro_rules! row_id {
    ($name:ident, $what:literal) => {
        #[doc = concat!("The number of ", $what, ", as people type it.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

row_id!(ScanId, "one scan");
row_id!(HoldId, "one file in quarantine or under lock");

/// The SHA-256 of a file's content. Printed and parsed as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Text that is not 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is 64 hex digits")]
pub struct NotSha256;

impl FromStr for Sha256 {
    type Err = NotSha256;

    fn from_str(text: &str) -> Result<Self, NotSha256> {
        let bytes = words::from_hex(text).ok_or(NotSha256)?;
        bytes.try_into().map(Self).map_err(|_| NotSha256)
    }
}

/// One scan, to be recorded.
#[derive(Debug, Clone)]
pub struct NewScan {
    /// The file, absolute, as the kernel names it.
    pub path: PathBuf,
    /// What was scanned, from `fstat(2)` on the descriptor.
    pub identity: Identity,
    /// What the path means.
    pub origin: Origin,
    /// What the scan found.
    pub report: Report,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The engine's version.
    pub engine: String,
    /// The version of the rule set, the owner's own allow rules included.
    pub rules: String,
    /// What policy said to do.
    pub decision: Decision,
    /// Which setting or allow entry said so.
    pub decided_by: String,
    /// The hash of the content, where it is known already.
    pub sha256: Option<Sha256>,
}

/// What [`super::Writer::record`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The scan's number.
    pub scan: ScanId,
    /// The incident that it belongs to, when something was found.
    pub incident: Option<Incident>,
}

/// The same dangerous content, however often it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// Its number.
    pub id: i64,
    /// How often the content arrived; 1 the first time.
    pub times: u64,
}

/// What is known of an unchanged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The scan that told.
    pub scan: ScanId,
    /// Its verdict.
    pub verdict: Verdict,
    /// What policy said then.
    pub decision: Decision,
}

/// Another name that leads to a scanned file: a symlink in `snapshots/`, a hard link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// The name's own path.
    #[serde(serialize_with = "words::path_text")]
    pub path: PathBuf,
    /// What that path means.
    pub origin: Origin,
}

/// How many files there are of each verdict (the latest scan of each file that is not gone), and what is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Files known, of every verdict.
    pub files: u64,
    /// Verdict `clean`.
    pub clean: u64,
    /// Verdict `suspicious`.
    pub suspicious: u64,
    /// Verdict `malicious`.
    pub malicious: u64,
    /// Verdict `unscannable`.
    pub unscannable: u64,
    /// Verdict `not-a-model`.
    pub not_a_model: u64,
    /// Files in the vault.
    pub quarantined: u64,
    /// Files under lock.
    pub locked: u64,
    /// Scans remembered, of files that are gone too.
    pub scans: u64,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanSummary {
    /// The scan's number.
    pub id: ScanId,
    /// The file.
    #[serde(serialize_with = "words::path_text")]
    pub path: PathBuf,
    /// The path's bytes in hex, when the printed path cannot stand for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// Other names that lead to it.
    pub names: Vec<Name>,
    /// What the path means.
    pub origin: Origin,
    /// The judgement.
    pub verdict: Verdict,
    /// How much was read.
    pub coverage: Coverage,
    /// The worst severity found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The worst finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_finding: Option<Finding>,
    /// How many findings there are.
    pub finding_count: u64,
    /// What the content was recognised as.
    pub formats: Vec<String>,
    /// When the scan began.
    pub started_at: Timestamp,
    /// What policy said to do.
    pub decision: Decision,
    /// Which setting or allow entry said so.
    pub decided_by: String,
    /// The last thing that was done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionRecord>,
    /// The incident that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
}

/// Everything known of one scan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanDetail {
    /// The line of the history.
    #[serde(flatten)]
    pub summary: ScanSummary,
    /// What was scanned.
    pub identity: Identity,
    /// The hash of the content, where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// How long the scan took, in microseconds.
    pub duration_us: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// The engine's version.
    pub engine: String,
    /// The rule set's version.
    pub rules: String,
    /// What was seen, worst first.
    pub findings: Vec<Finding>,
    /// Findings that were counted and not kept.
    pub findings_dropped: u64,
    /// Everything that was done, oldest first.
    pub actions: Vec<ActionRecord>,
    /// The file's place in the vault or under lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// What was done about a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionRecord {
    /// `quarantine`, `lock`, `unlock`, `restore`, `delete`.
    pub kind: String,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// What it did or why it did not, for a person.
    pub detail: String,
    /// The vault's record, for `quarantine restore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldId>,
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it was meant.
    Done,
    /// Not at all; nothing was changed, or everything was put back.
    Failed,
}

/// What keeps a file out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// In the vault.
    Quarantine,
    /// In its place, with mode 000.
    Lock,
}

/// How far an act of quarantine, lock or restore has come. The first, third and fifth are found only after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldState {
    /// About to be taken.
    Taking,
    /// Out of reach.
    Held,
    /// About to be given back.
    Restoring,
    /// Given back.
    Restored,
    /// About to be deleted.
    Deleting,
    /// Deleted for good.
    Deleted,
    /// Could not be taken, and was left or put back as it was.
    Failed,
}

/// What a file was like besides its bytes, so that it can be given back the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attributes {
    /// Permission bits, `st_mode & 07777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links there were.
    pub links: u64,
    /// Access time, in nanoseconds since 1970.
    pub atime_ns: i64,
    /// Modification time, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The inode flags that stood in the way of an act, of `FS_IMMUTABLE_FL` and `FS_APPEND_FL`.
    pub flags: u32,
    /// Extended attributes, name and value; POSIX ACLs are among them.
    #[serde(skip)]
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An act that is about to begin.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// The scan that led to it.
    pub scan: ScanId,
    /// Quarantine or lock.
    pub kind: HoldKind,
    /// The file.
    pub path: PathBuf,
    /// Device and inode of the file.
    pub identity: Identity,
    /// What it is like.
    pub attributes: Attributes,
    /// The random part of its name in the vault, also of everything temporary that the act creates.
    pub token: String,
}

/// A file in quarantine or under lock, or that was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hold {
    /// Its number, for `quarantine restore ID`.
    pub id: HoldId,
    /// The scan that led to it.
    pub scan: ScanId,
    /// Quarantine or lock.
    pub kind: HoldKind,
    /// Where it stands.
    pub state: HoldState,
    /// The place that it was taken from.
    #[serde(serialize_with = "words::path_text")]
    pub path: PathBuf,
    /// The path's bytes in hex, when the printed path cannot stand for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// Other names that led to it.
    pub names: Vec<Name>,
    /// What the path means.
    pub origin: Origin,
    /// The judgement.
    pub verdict: Verdict,
    /// The rules that found something.
    pub rules_found: Vec<String>,
    /// What was scanned.
    pub identity: Identity,
    /// What it was like.
    pub attributes: Attributes,
    /// The hash of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Since when.
    pub since: Timestamp,
    /// When it was restored, deleted or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What else a person must know: other hard links, a weaker lock, attributes that could not be kept.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// The note that was left.
    #[serde(serialize_with = "words::optional_path_text", skip_serializing_if = "Option::is_none")]
    pub note: Option<PathBuf>,
    /// Where it is being or was restored to.
    #[serde(serialize_with = "words::optional_path_text", skip_serializing_if = "Option::is_none")]
    pub restored_to: Option<PathBuf>,
    /// The random part of its name in the vault.
    #[serde(skip)]
    pub token: String,
    /// Device and inode of what was placed at `restored_to`, while it is being restored across file systems.
    #[serde(skip)]
    pub placed: Option<(u64, u64)>,
}

/// What an allow entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowSubject {
    /// A file by its content.
    Sha256(Sha256),
    /// A callable by its dotted name, or all of a module with a last `.*`.
    Callable(String),
}

/// An allow entry to be made.
#[derive(Debug, Clone)]
pub struct NewAllow {
    /// What is allowed.
    pub subject: AllowSubject,
    /// Why.
    pub reason: String,
    /// Who, as a user id.
    pub author_uid: u32,
    /// Who, as a name.
    pub author: String,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// An allow entry. Removed ones stay in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllowEntry {
    /// Its number.
    pub id: i64,
    /// What is allowed.
    #[serde(flatten)]
    pub subject: AllowSubject,
    /// Why.
    pub reason: String,
    /// Who, as a user id.
    pub author_uid: u32,
    /// Who, as a name.
    pub author: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
}
