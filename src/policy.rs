//! What to do about a report: (report, what is known of the file, configuration) to a decision. Pure; tested as a table.
//!
//! Each finding is judged by itself, by the first `[[policy.rule]]` that matches it, else by the table of its severity; the strongest
//! decision is taken. So a rule that lets one callable pass lets nothing else pass that the same file holds.

mod matching;

use std::path::Path;

use crate::caches::{CacheKind, Origin};
use crate::config::{Decision, Policy};
use crate::report::{Coverage, Finding, Report, printable};

use matching::Rules;

/// The longest reason of a rule that is repeated, in bytes.
const MAX_REASON_BYTES: usize = 1024;

/// What is known of a file besides its report.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// What its path means.
    pub origin: &'a Origin,
    /// Its owner's number.
    pub owner: u32,
    /// Its owner's name, where it was looked up: see [`needs_owner_name`].
    pub owner_name: Option<&'a str>,
    /// The SHA-256 of its content in hex, where it was computed: see [`needs_hash`].
    pub sha256: Option<&'a str>,
    /// Why its content is on the allow list, if it is.
    pub allowed: Option<&'a str>,
}

/// A decision and the one line that says which setting led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What to do.
    pub decision: Decision,
    /// Which setting said so: `policy.downloads.critical`, or `policy.rule[2]: its reason`, counted from 1.
    pub reason: String,
}

/// What a judgement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// One finding.
    Finding(&'a Finding),
    /// What was not read.
    Unread,
    /// The file as a whole.
    File,
}

/// Decides what to do about a file. Of several decisions that apply, the strongest is taken.
pub fn decide(report: &Report, subject: &Subject<'_>, policy: &Policy) -> Judgement {
    strongest(judge(report, subject, policy)).1
}

/// The judgement that decides: of those with the strongest decision the first, which is about the worst finding.
pub fn strongest<'a>(judged: Vec<(About<'a>, Judgement)>) -> (About<'a>, Judgement) {
    let stronger = |one: (About<'a>, Judgement), other: (About<'a>, Judgement)| {
        if other.1.decision > one.1.decision { other } else { one }
    };
    judged.into_iter().reduce(stronger).unwrap_or_else(|| (About::File, nothing_found()))
}

/// Judges everything that was found, worst first. Never empty.
pub fn judge<'a>(report: &'a Report, subject: &Subject<'_>, policy: &Policy) -> Vec<(About<'a>, Judgement)> {
    if let Some(reason) = subject.allowed {
        let reason = format!("allowed by hash: {reason}");
        return vec![(About::File, Judgement { decision: Decision::Allow, reason })];
    }
    let rules = Rules::about(subject, policy);
    let cache = subject.origin.cache;
    let decisions = policy.decisions_for(cache);
    let by_table =
        |decision, key: &str| Judgement { decision, reason: format!("policy.{}.{key}", table_of(cache, policy)) };
    let mut judged: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let severity = finding.severity;
            let default = || by_table(decisions.for_severity(severity), severity.as_str());
            (About::Finding(finding), rules.first_for(finding).unwrap_or_else(default))
        })
        .collect();
    if matches!(report.coverage, Coverage::Partial { .. }) {
        let default = || by_table(decisions.unscannable, "unscannable");
        judged.push((About::Unread, rules.first_for_the_file().unwrap_or_else(default)));
    }
    if judged.is_empty() {
        judged.push((About::File, rules.first_by_hash().unwrap_or_else(nothing_found)));
    }
    judged
}

/// Whether the configuration asks for the hash of every file.
pub fn needs_hash(policy: &Policy) -> bool {
    policy.rule.iter().any(|rule| !rule.sha256.is_empty())
}

/// Whether the configuration asks for owners by name.
pub fn needs_owner_name(policy: &Policy) -> bool {
    policy.rule.iter().flat_map(|rule| &rule.owner).any(|owner| matches!(owner, crate::config::Owner::Name(_)))
}

fn nothing_found() -> Judgement {
    Judgement { decision: Decision::Allow, reason: "nothing found".to_owned() }
}

/// The name of a rule, and why it is there: `policy.rule[2]: read by us`.
fn name_of_rule(index: usize, reason: &str) -> String {
    let name = format!("policy.rule[{}]", index + 1);
    if reason.is_empty() { name } else { format!("{name}: {}", printable(reason, MAX_REASON_BYTES)) }
}

/// The table of the configuration that holds for a cache.
fn table_of(cache: CacheKind, policy: &Policy) -> String {
    match cache {
        _ if policy.cache.contains_key(&cache) => format!("cache.{}", cache.as_str()),
        CacheKind::Huggingface | CacheKind::TorchHub | CacheKind::Keras => "downloads".to_owned(),
        CacheKind::Mlflow | CacheKind::Folder => "work".to_owned(),
    }
}

#[cfg(test)]
mod tests;
