//! What `modelscand scan` hands to a form of output: files one by one, then the sum.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::caches::Origin;
use crate::report::{Coverage, Report, Severity, Verdict};

/// One scanned file.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// The file, as the person named it or as the walk came to it.
    pub path: PathBuf,
    /// Further paths of the same walk that lead to the same content.
    pub names: Vec<PathBuf>,
    /// What the path means; `None` where it could not be looked at.
    pub origin: Option<Origin>,
    /// Its size in bytes, where it could be opened.
    pub size: Option<u64>,
    /// What was found.
    pub report: Report,
    /// Why its owner has declared it to be safe, if so: what was found does not count then.
    pub allowed: Option<String>,
    /// How long the scan took.
    pub duration: Duration,
}

/// How many files there were of each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Files, of every verdict.
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
    /// Files with a finding that counts (`--fail-on`).
    pub at_fail_on: u64,
    /// Files that were not read to their end, and are not allowed.
    pub failed: u64,
    /// Files that are allowed in spite of what was found.
    pub allowed: u64,
}

impl Tally {
    /// Counts one file.
    pub fn add(&mut self, scanned: &Scanned, fail_on: Severity) {
        let report = &scanned.report;
        let counts = scanned.allowed.is_none();
        self.files += 1;
        let of_verdict = match report.verdict {
            Verdict::Clean => &mut self.clean,
            Verdict::Suspicious => &mut self.suspicious,
            Verdict::Malicious => &mut self.malicious,
            Verdict::Unscannable => &mut self.unscannable,
            Verdict::NotAModel => &mut self.not_a_model,
        };
        *of_verdict += 1;
        self.at_fail_on += u64::from(counts && report.worst() >= Some(fail_on));
        self.failed += u64::from(counts && report.coverage != Coverage::Complete);
        self.allowed += u64::from(!counts);
    }

    /// The counts with the verdicts' words, worst first.
    pub fn by_verdict(&self) -> [(Verdict, u64); 5] {
        [
            (Verdict::Malicious, self.malicious),
            (Verdict::Suspicious, self.suspicious),
            (Verdict::Unscannable, self.unscannable),
            (Verdict::Clean, self.clean),
            (Verdict::NotAModel, self.not_a_model),
        ]
    }
}

/// A form of output for a scan. Files come in order, one by one, so that nothing grows with their number.
pub trait ScanForm {
    /// Prints one file.
    ///
    /// # Errors
    /// When `to` cannot be written.
    fn file(&mut self, to: &mut dyn Write, scanned: &Scanned) -> io::Result<()>;

    /// Prints what stands at the end.
    ///
    /// # Errors
    /// When `to` cannot be written.
    fn end(&mut self, to: &mut dyn Write, tally: &Tally, duration: Duration) -> io::Result<()>;
}
