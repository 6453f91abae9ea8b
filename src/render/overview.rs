//! What `modelscand status` shows.

use serde::Serialize;

use crate::status::Status;
use crate::store::{Counts, ScanSummary};

/// How everything stands.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Whether a daemon runs for this user.
    pub running: bool,
    /// What it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Status>,
    /// What is on record.
    pub counts: Counts,
    /// The latest scans that found something, newest first.
    pub last_findings: Vec<ScanSummary>,
}
