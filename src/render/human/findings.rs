//! Findings and coverage for people, as `scan` and `show` print them.

use std::io::{self, Write};

use crate::render::style::{self, FAINT};
use crate::report::{Coverage, Finding};

/// Findings beyond this many of one file are only counted; `--json` has them all.
const MAX_SHOWN: usize = 20;

/// Prints findings, worst first, each with its message, evidence and place.
///
/// # Errors
/// When `to` cannot be written.
pub fn findings(to: &mut dyn Write, findings: &[Finding], dropped: u64) -> io::Result<()> {
    for finding in findings.iter().take(MAX_SHOWN) {
        one(to, finding)?;
    }
    let more = findings.len().saturating_sub(MAX_SHOWN) as u64 + dropped;
    if more > 0 {
        writeln!(to, "  {FAINT}and {}{FAINT:#}", super::count(more, "more finding"))?;
    }
    Ok(())
}

fn one(to: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let style = style::of_severity(finding.severity);
    writeln!(to, "  {style}{:<8}{style:#}  {}  {}", finding.severity, finding.rule, finding.message)?;
    if !finding.evidence.is_empty() {
        writeln!(to, "            {}", finding.evidence)?;
    }
    match place(finding) {
        Some(place) => writeln!(to, "            {FAINT}{place}{FAINT:#}"),
        None => Ok(()),
    }
}

/// `in archive/data.pkl at byte 120`
fn place(finding: &Finding) -> Option<String> {
    match (finding.member.as_str(), finding.offset) {
        ("", None) => None,
        ("", Some(offset)) => Some(format!("at byte {offset}")),
        (member, None) => Some(format!("in {member}")),
        (member, Some(offset)) => Some(format!("in {member} at byte {offset}")),
    }
}

/// Prints what was not read, if anything.
///
/// # Errors
/// When `to` cannot be written.
pub fn coverage(to: &mut dyn Write, coverage: &Coverage) -> io::Result<()> {
    match coverage {
        Coverage::Complete => Ok(()),
        Coverage::Partial { reason, .. } => writeln!(to, "  partial   {reason}"),
    }
}
