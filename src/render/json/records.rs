//! What the history holds, as JSON: scans, holds and allow entries. Their keys are the fields of [`crate::store`]'s records.

use std::io::{self, Write};

use serde::Serialize;

use super::document;
use crate::config::Allow;
use crate::render::advice;
use crate::store::{AllowEntry, Hold, ScanDetail, ScanSummary};

/// Prints scans: `modelscand history --json`.
///
/// # Errors
/// When `to` cannot be written; so for every function here.
pub fn history(to: &mut dyn Write, scans: &[ScanSummary]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        scans: &'a [ScanSummary],
    }
    document(to, &Body { scans })
}

/// Prints one scan: `modelscand show ID --json`.
///
/// # Errors
/// See [`history`].
pub fn scan(to: &mut dyn Write, scan: &ScanDetail) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(flatten)]
        scan: &'a ScanDetail,
        next_steps: Vec<String>,
    }
    document(to, &Body { scan, next_steps: advice::of_scan(scan) })
}

/// Prints what is out of reach: `modelscand quarantine list --json`.
///
/// # Errors
/// See [`history`].
pub fn holds(to: &mut dyn Write, holds: &[Hold]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        quarantine: &'a [Hold],
    }
    document(to, &Body { quarantine: holds })
}

/// Prints one of them: `modelscand quarantine show ID --json`.
///
/// # Errors
/// See [`history`].
pub fn hold(to: &mut dyn Write, hold: &Hold) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(flatten)]
        hold: &'a Hold,
        next_steps: Vec<String>,
    }
    document(to, &Body { hold, next_steps: advice::held(hold) })
}

/// Prints what is allowed: `modelscand allow list --json`.
///
/// # Errors
/// See [`history`].
pub fn allow(to: &mut dyn Write, allow: &[AllowEntry], configured: &[Allow]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        allow: &'a [AllowEntry],
        configured: &'a [Allow],
    }
    document(to, &Body { allow, configured })
}
