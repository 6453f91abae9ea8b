//! `modelscand status` for people: one glance.

use std::io::{self, Write};

use jiff::{SpanRound, Timestamp, Unit};

use super::count;
use crate::render::Overview;
use crate::render::path::text_of;
use crate::render::style::{BAD, FAINT, GOOD, STRONG, WARN, of_verdict};
use crate::report::Verdict;
use crate::status::Status;
use crate::store::{Counts, ScanSummary};

/// Files in progress and folders that are listed one by one.
const MAX_LINES: usize = 10;

/// Writes how everything stands.
///
/// # Errors
/// When `to` cannot be written.
pub fn status(to: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    match &overview.daemon {
        Some(status) => daemon(to, status)?,
        None => writeln!(
            to,
            "{BAD}not running{BAD:#}: start it with `modelscand watch`; what follows is what is on record"
        )?,
    }
    counts(to, &overview.counts)?;
    last_findings(to, &overview.last_findings)
}

fn daemon(to: &mut dyn Write, status: &Status) -> io::Result<()> {
    let since = ago(status.started_at);
    if status.degraded.is_empty() {
        writeln!(to, "{GOOD}running{GOOD:#} since {since} (process {}, modelscand {})", status.pid, status.program)?;
    } else {
        writeln!(to, "{WARN}degraded{WARN:#}, running since {since} (process {})", status.pid)?;
    }
    for degraded in &status.degraded {
        writeln!(to, "  {WARN}cannot watch{WARN:#} {}: {}; {}", degraded.what, degraded.reason, degraded.remedy)?;
    }
    writeln!(to, "\n{STRONG}watching{STRONG:#}")?;
    for watched in &status.watching {
        let state =
            if watched.state == "watching" { String::new() } else { format!(" {FAINT}({}){FAINT:#}", watched.state) };
        writeln!(to, "  {:<12} {}{state}", watched.cache, watched.path)?;
    }
    let more = status.scanning.len().saturating_sub(MAX_LINES);
    if status.backlog > 0 || !status.scanning.is_empty() {
        writeln!(to, "\n{STRONG}scanning{STRONG:#} ({} waiting)", status.backlog)?;
    }
    for file in status.scanning.iter().take(MAX_LINES) {
        writeln!(to, "  {} {FAINT}({}){FAINT:#}", file.path, ago(file.since))?;
    }
    if more > 0 { writeln!(to, "  and {more} more") } else { Ok(()) }
}

fn counts(to: &mut dyn Write, counts: &Counts) -> io::Result<()> {
    writeln!(to, "\n{STRONG}on record{STRONG:#} {}", count(counts.files, "file"))?;
    let files_of = [
        (Verdict::Clean, counts.clean),
        (Verdict::Suspicious, counts.suspicious),
        (Verdict::Malicious, counts.malicious),
        (Verdict::Unscannable, counts.unscannable),
        (Verdict::NotAModel, counts.not_a_model),
    ];
    for (verdict, files) in files_of {
        let style = if files == 0 { FAINT } else { of_verdict(verdict) };
        writeln!(to, "  {style}{files:>8} {verdict}{style:#}")?;
    }
    let style = if counts.quarantined == 0 { FAINT } else { STRONG };
    writeln!(to, "  {style}{:>8} in quarantine, {} locked{style:#}", counts.quarantined, counts.locked)
}

fn last_findings(to: &mut dyn Write, scans: &[ScanSummary]) -> io::Result<()> {
    if scans.is_empty() {
        return Ok(());
    }
    writeln!(to, "\n{STRONG}last findings{STRONG:#} {FAINT}(`modelscand show ID` tells everything){FAINT:#}")?;
    for scan in scans {
        let style = of_verdict(scan.verdict);
        let name = scan.names.first().map_or(&scan.path, |name| &name.path);
        let rule = scan.worst_finding.as_ref().map(|finding| finding.rule.as_str()).unwrap_or_default();
        let done = scan.action.as_ref().map(|action| action.kind.as_str()).unwrap_or_default();
        writeln!(
            to,
            "  {:>5}  {style}{}{style:#}  {}  {rule}  {done}  {}",
            scan.id,
            scan.verdict,
            ago(scan.started_at),
            text_of(name)
        )?;
    }
    Ok(())
}

/// A moment as people read it: `2h 3m ago`.
fn ago(moment: Timestamp) -> String {
    let unit = SpanRound::new().largest(Unit::Day).smallest(Unit::Second).days_are_24_hours();
    match Timestamp::now().since(moment).and_then(|span| span.round(unit)) {
        Ok(span) if span.is_positive() => format!("{span:#} ago"),
        _ => "just now".to_owned(),
    }
}
