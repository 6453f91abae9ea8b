//! `modelscand show ID` for people: everything known of one scan, and what to do next.

use std::io::{self, Write};
use std::time::Duration;

use super::findings::{coverage, findings};
use super::{duration, moment, name_of, size};
use crate::config::Decision;
use crate::render::advice;
use crate::render::path::text_of;
use crate::render::style::{self, STRONG};
use crate::store::{ActionRecord, Outcome, ScanDetail};

/// Prints one scan.
///
/// # Errors
/// When `to` cannot be written.
pub fn show(to: &mut dyn Write, scan: &ScanDetail) -> io::Result<()> {
    let summary = &scan.summary;
    let style = style::of_verdict(summary.verdict);
    writeln!(to, "{STRONG}scan {}{STRONG:#}: {style}{}{style:#}", summary.id, super::words_of(summary.verdict))?;
    facts(to, scan)?;
    if !scan.findings.is_empty() {
        writeln!(to, "{STRONG}findings{STRONG:#}")?;
        findings(to, &scan.findings, scan.findings_dropped)?;
    }
    coverage(to, &summary.coverage)?;
    what_was_done(to, scan)?;
    super::advice(to, &advice::of_scan(scan))
}

fn facts(to: &mut dyn Write, scan: &ScanDetail) -> io::Result<()> {
    let summary = &scan.summary;
    let mut fact =
        |name: &str, value: &str| if value.is_empty() { Ok(()) } else { writeln!(to, "  {name:<9} {value}") };
    fact("file", &text_of(&summary.path))?;
    let name = name_of(&summary.origin, &summary.path);
    fact("is", if name == text_of(&summary.path) { "" } else { &name })?;
    for name in &summary.names {
        fact("leads to", &format!("{} ({})", text_of(&name.path), name_of(&name.origin, &name.path)))?;
    }
    fact("size", &size(scan.identity.size))?;
    fact("sha256", &scan.sha256.map_or_else(String::new, |hash| hash.to_string()))?;
    fact("formats", &summary.formats.join(", "))?;
    let took = duration(Duration::from_micros(scan.duration_us));
    fact("scanned", &format!("{}, in {took}, {} read", moment(summary.started_at), size(scan.bytes_read)))?;
    fact("by", &format!("engine {}, rules {}", scan.engine, scan.rules))?;
    let times = summary.incident.map_or(1, |incident| incident.times);
    fact("arrived", &if times > 1 { format!("{times} times") } else { String::new() })
}

fn what_was_done(to: &mut dyn Write, scan: &ScanDetail) -> io::Result<()> {
    writeln!(to, "{STRONG}done{STRONG:#}")?;
    writeln!(to, "  {} ({})", decision(scan.summary.decision), scan.summary.decided_by)?;
    for action in &scan.actions {
        let colon = if action.detail.is_empty() { "" } else { ": " };
        writeln!(to, "  {}  {}{colon}{}", moment(action.at), act(action), action.detail)?;
    }
    match &scan.hold {
        Some(hold) if !hold.remark.is_empty() => writeln!(to, "  {}", hold.remark),
        _ => Ok(()),
    }
}

/// What was done, in the past: `quarantine` is not.
pub(super) fn act(action: &ActionRecord) -> String {
    let word = match action.kind.as_str() {
        "quarantine" => "quarantined",
        "lock" => "locked",
        "unlock" => "unlocked",
        "restore" => "restored",
        "delete" => "deleted",
        other => other,
    };
    match action.outcome {
        Outcome::Done => word.to_owned(),
        Outcome::Failed => format!("not {word}"),
    }
}

/// What policy said to do, as a line of the history has it.
pub(super) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "recorded",
        Decision::Alert => "alerted",
        Decision::Lock => "to be locked",
        Decision::Quarantine => "to be quarantined",
    }
}
