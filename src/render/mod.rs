//! Forms of output: one file (or folder) a form, for people and for programs.
//!
//! Takes what other rooms found and writes it; decides nothing and reads nothing from disk. Text from scanned files was escaped
//! when it was found; names of files are escaped here, by [`path`], so that no name can write to a terminal what it likes.

pub mod advice;
pub mod checks;
pub mod human;
pub mod json;
pub mod judged;
pub mod out;
pub mod overview;
pub mod path;
pub mod scanned;
pub mod style;

pub use out::Out;
pub use overview::Overview;
pub use scanned::{ScanForm, Scanned, Tally};

use crate::report::Severity;

/// The forms in which `modelscand scan` can print what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Lines for people
    Human,
    /// JSON, documented in docs/json.md
    Json,
}

/// What a person asked to see of a scan.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The least severity that counts as a finding.
    pub fail_on: Severity,
    /// Files without findings too.
    pub show_clean: bool,
}

impl Form {
    /// This form, ready to print a scan.
    pub fn of_scan(self, wanted: Wanted) -> Box<dyn ScanForm> {
        match self {
            Self::Human => Box::new(human::scan::Human::new(wanted)),
            Self::Json => Box::new(json::scan::Json::new(wanted)),
        }
    }
}
