//! `modelscand scan` for people.

use std::io::{self, Write};
use std::time::Duration;

use super::findings::{coverage, findings};
use crate::render::path::text_of;
use crate::render::style::{self, FAINT, STRONG};
use crate::render::{ScanForm, Scanned, Tally, Wanted, advice};
use crate::report::{Verdict, printable};

/// The longest reason that is printed, in bytes.
const MAX_REASON_BYTES: usize = 1024;

/// Lines for people, of a scan under way.
pub struct Human {
    wanted: Wanted,
}

impl Human {
    /// Nothing printed yet.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted }
    }

    fn is_wanted(&self, scanned: &Scanned) -> bool {
        let is_quiet = matches!(scanned.report.verdict, Verdict::Clean | Verdict::NotAModel);
        self.wanted.show_clean || !is_quiet || scanned.report.worst() >= Some(self.wanted.fail_on)
    }
}

impl ScanForm for Human {
    fn file(&mut self, to: &mut dyn Write, scanned: &Scanned) -> io::Result<()> {
        if !self.is_wanted(scanned) {
            return Ok(());
        }
        let report = &scanned.report;
        headline(to, scanned)?;
        for name in &scanned.names {
            writeln!(to, "  {FAINT}also {}{FAINT:#}", text_of(name))?;
        }
        findings(to, &report.findings, report.findings_dropped)?;
        coverage(to, &report.coverage)?;
        if let Some(reason) = &scanned.allowed {
            return writeln!(to, "  {STRONG}allowed{STRONG:#}: {}", printable(reason, MAX_REASON_BYTES));
        }
        super::advice(to, &advice::in_place(&scanned.path, report.verdict, &report.coverage, &report.findings))?;
        // Each result is seen when it is there, also through a pipe.
        to.flush()
    }

    fn end(&mut self, to: &mut dyn Write, tally: &Tally, duration: Duration) -> io::Result<()> {
        let counts = tally.by_verdict().into_iter().filter(|(_, n)| *n > 0).map(|(verdict, n)| {
            let style = style::of_verdict(verdict);
            format!("{style}{n} {}{style:#}", super::words_of(verdict))
        });
        let counts: Vec<_> = counts.collect();
        let scanned = super::count(tally.files, "file");
        let colon = if counts.is_empty() { "" } else { ": " };
        writeln!(to, "Scanned {scanned} in {}{colon}{}.", super::duration(duration), counts.join(", "))
    }
}

fn headline(to: &mut dyn Write, scanned: &Scanned) -> io::Result<()> {
    let report = &scanned.report;
    let style = style::of_verdict(report.verdict);
    let path = text_of(&scanned.path);
    let formats = report.formats.join(", ");
    let size = scanned.size.map(super::size);
    let about: Vec<_> = [Some(formats), size].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let about = if about.is_empty() { String::new() } else { format!("  {FAINT}({}){FAINT:#}", about.join("; ")) };
    writeln!(to, "{STRONG}{path}{STRONG:#}: {style}{}{style:#}{about}", super::words_of(report.verdict))
}
