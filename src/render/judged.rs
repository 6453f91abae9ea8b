//! What `modelscand policy test` hands to a form of output: what would be done about a file, and which rule says so.

use std::path::PathBuf;

use serde::Serialize;

use crate::caches::Origin;
use crate::config::Decision;
use crate::policy::{About, Judgement};
use crate::report::Verdict;

/// What would be done about one file.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The file, as the person named it.
    pub path: PathBuf,
    /// What its path means, or what the person said that it does.
    pub origin: Origin,
    /// What was found.
    pub verdict: Verdict,
    /// What would be done.
    pub decision: Decision,
    /// What led to that.
    pub because: Line,
    /// All that was judged, worst first.
    pub lines: Vec<Line>,
}

/// One thing that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What is judged: the rule of a finding, `unscannable` or `file`.
    pub about: String,
    /// What was seen, where there is a finding.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// What policy says.
    pub decision: Decision,
    /// Which setting says so: `policy.rule[2]: its reason`.
    pub decided_by: String,
}

impl Line {
    /// A judgement in words.
    pub fn of(about: &About<'_>, judgement: &Judgement) -> Self {
        let (about, evidence) = match about {
            About::Finding(finding) => (finding.rule.as_str(), finding.evidence.clone()),
            About::Unread => ("unscannable", String::new()),
            About::File => ("file", String::new()),
        };
        Self { about: about.to_owned(), evidence, decision: judgement.decision, decided_by: judgement.reason.clone() }
    }
}
