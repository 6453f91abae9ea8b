//! How a command ended, as the shell sees it: ModelScan's codes.

use std::process::ExitCode;

/// The exit codes. Where several hold, the first of `Findings`, `Failed`, `NothingToScan` is taken: one unreadable file must not
/// hide a critical one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing was found, or what was asked for is done.
    Nothing = 0,
    /// Something was found.
    Findings = 1,
    /// Something failed.
    Failed = 2,
    /// There was nothing to scan.
    NothingToScan = 3,
    /// The arguments or the configuration are wrong.
    Usage = 4,
}

/// The arguments are of the right form and make no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

impl Exit {
    /// The code for an error that ended a command.
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<UsageError>() || error.is::<crate::config::Error>() { Self::Usage } else { Self::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
