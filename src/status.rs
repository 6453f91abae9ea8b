//! What the daemon says of itself: the answer to `modelscand status`, and the counts in systemd's status line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the running daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its process id.
    pub pid: u32,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// The program's version.
    pub program: String,
    /// The engine's version.
    pub engine: String,
    /// The rule set's version.
    pub rules: String,
    /// Nothing that it should see or confine is out of its reach.
    pub degraded: Vec<Degraded>,
    /// What it watches.
    pub watching: Vec<Watched>,
    /// Files that wait for their scan.
    pub backlog: u64,
    /// Files that are being scanned now.
    pub scanning: Vec<Scanning>,
    /// Files scanned since it started.
    pub scanned: u64,
    /// inotify watches in use.
    pub watches: u64,
    /// inotify watches that this user may have.
    pub watch_limit: Option<u64>,
    /// Times that events were lost, each followed by a reconciling walk.
    pub overflows: u64,
    /// Reconciling walks since it started.
    pub walks: u64,
    /// Whether the walk at the start is over.
    pub caught_up: bool,
}

/// Something that the daemon cannot see or confine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Degraded {
    /// What, printable.
    pub what: String,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// A folder that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The folder, printable.
    pub path: String,
    /// The layout of the cache.
    pub cache: String,
    /// `watching`, `waiting` (it does not exist yet), `polling` or `degraded`.
    pub state: String,
}

/// A file that is being scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanning {
    /// The file, printable.
    pub path: String,
    /// Since when.
    pub since: Timestamp,
}

impl Status {
    /// One line for systemd's status (sd_notify(3)) and the log.
    pub fn line(&self) -> String {
        let state = if self.degraded.is_empty() { "" } else { "DEGRADED; " };
        format!(
            "{state}{} folders watched, {} files scanned, {} waiting",
            self.watching.iter().filter(|watched| watched.state == "watching").count(),
            self.scanned,
            self.backlog
        )
    }
}
