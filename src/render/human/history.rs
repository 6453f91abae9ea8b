//! `modelscand history` for people: a line a scan, newest first.

use std::io::{self, Write};

use comfy_table::Cell;

use super::{count, moment, name_of, table};
use crate::report::printable;
use crate::store::ScanSummary;

/// The longest evidence in a line of the history, in bytes; `show` has all of it.
const MAX_EVIDENCE_BYTES: usize = 60;

/// Prints scans, a line each.
///
/// # Errors
/// When `to` cannot be written.
pub fn history(to: &mut dyn Write, scans: &[ScanSummary]) -> io::Result<()> {
    if scans.is_empty() {
        return writeln!(to, "No such scan is recorded.");
    }
    let mut rows = table::new(&["ID", "When", "Verdict", "File", "Found", "Done"]);
    for scan in scans {
        rows.add_row([
            Cell::new(scan.id),
            Cell::new(moment(scan.started_at)),
            table::verdict(scan.verdict),
            Cell::new(file(scan)),
            Cell::new(found(scan)),
            Cell::new(done(scan)),
        ]);
    }
    table::write(to, &rows)?;
    writeln!(to, "{}. modelscand show ID says everything of one.", count(scans.len() as u64, "scan"))
}

/// A name in a snapshot says more than the blob that it leads to.
fn file(scan: &ScanSummary) -> String {
    match scan.names.first() {
        Some(name) => name_of(&name.origin, &name.path),
        None => name_of(&scan.origin, &scan.path),
    }
}

fn found(scan: &ScanSummary) -> String {
    let Some(worst) = &scan.worst_finding else { return "-".to_owned() };
    let more = scan.finding_count.saturating_sub(1);
    let more = if more > 0 { format!(" (+{more})") } else { String::new() };
    let evidence = if worst.evidence.is_empty() {
        String::new()
    } else {
        format!(": {}", printable(&worst.evidence, MAX_EVIDENCE_BYTES))
    };
    format!("{} {}{evidence}{more}", worst.severity, worst.rule)
}

fn done(scan: &ScanSummary) -> String {
    match &scan.action {
        Some(action) => super::show::act(action),
        None => super::show::decision(scan.decision).to_owned(),
    }
}
