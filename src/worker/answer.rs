//! What a worker says about one file, checked message by message, and the report that is made of it.
//!
//! This is where a worker's word meets the daemon. A finding counts from the moment that it arrives and cannot be taken back; the
//! verdict is derived here from the findings and the coverage. Everything that an honest worker would not say is nonsense.

use std::cmp::Reverse;

use super::protocol::{FromWorker, Nonsense, check_formats};
use crate::report::{Coverage, Finding, MAX_FINDINGS, PartialCause, Report, Verdict};

/// Findings said in one scan at most: the engine says more than it keeps when worse ones push milder ones out, at most once for
/// each of the four severities.
const MAX_SAID: usize = 4 * MAX_FINDINGS;

/// The answer to one scan, as far as it has come.
#[derive(Debug)]
pub(super) struct Answer {
    id: u64,
    findings: Vec<Finding>,
    said: usize,
    spent: bool,
    done: Option<Done>,
}

#[derive(Debug)]
struct Done {
    formats: Vec<String>,
    coverage: Coverage,
    findings_dropped: u64,
    bytes_read: u64,
}

impl Answer {
    /// An answer to scan `id` that has not begun.
    pub(super) fn new(id: u64) -> Self {
        Self { id, findings: Vec::new(), said: 0, spent: false, done: None }
    }

    /// Takes the next message; `true` when it was the last.
    ///
    /// # Errors
    /// When an honest worker would not say this now.
    pub(super) fn take(&mut self, message: FromWorker) -> Result<bool, Nonsense> {
        match message {
            FromWorker::Finding { id, finding } => {
                self.check_id(id)?;
                self.said += 1;
                if self.said > MAX_SAID {
                    return Err(Nonsense(format!("more than {MAX_SAID} findings")));
                }
                self.findings.push(finding.check()?);
                Ok(false)
            }
            FromWorker::Spent { id } => {
                self.check_id(id)?;
                self.spent = true;
                Ok(false)
            }
            FromWorker::Done { id, formats, coverage, findings_dropped, bytes_read } => {
                self.check_id(id)?;
                let (formats, coverage) = (check_formats(formats)?, coverage.check());
                self.done = Some(Done { formats, coverage, findings_dropped, bytes_read });
                Ok(true)
            }
            FromWorker::Hello { .. } => Err(Nonsense("a second hello".to_owned())),
        }
    }

    fn check_id(&self, id: u64) -> Result<(), Nonsense> {
        if id == self.id { Ok(()) } else { Err(Nonsense("a message about another file".to_owned())) }
    }

    /// Whether the worker has said that it must not be given another file.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    /// Adds what an earlier, failed try on the same file had found.
    pub(super) fn keep(&mut self, earlier: Self) {
        for finding in earlier.findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    /// The report; where the scan was not done, its coverage is partial for `reason`.
    pub(super) fn into_report(mut self, reason: &str) -> Report {
        let mut report = Report::unscannable(PartialCause::Worker, reason);
        if let Some(done) = self.done {
            report.formats = done.formats;
            report.coverage = done.coverage;
            report.findings_dropped = done.findings_dropped;
            report.bytes_read = done.bytes_read;
        }
        self.findings.sort_by_key(|finding| Reverse(finding.severity));
        let beyond = self.findings.len().saturating_sub(MAX_FINDINGS);
        self.findings.truncate(MAX_FINDINGS);
        report.findings_dropped = report.findings_dropped.max(beyond as u64);
        report.findings = self.findings;
        report.verdict = Verdict::derive(report.worst(), &report.coverage, !report.formats.is_empty());
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Rule, Severity};
    use crate::worker::protocol::{SaidCoverage, SaidFinding};

    fn finding(id: u64, severity: Severity) -> FromWorker {
        let finding = Finding::new(Rule::new("a.b"), severity, "seen");
        FromWorker::Finding { id, finding: SaidFinding::from(&finding) }
    }

    fn done(id: u64) -> FromWorker {
        let coverage = SaidCoverage::from(&Coverage::Complete);
        FromWorker::Done { id, formats: vec!["pickle".to_owned()], coverage, findings_dropped: 0, bytes_read: 9 }
    }

    #[test]
    fn a_finding_once_said_cannot_be_taken_back() {
        let mut answer = Answer::new(7);
        assert_eq!(answer.take(finding(7, Severity::Critical)), Ok(false));
        assert_eq!(answer.take(done(7)), Ok(true));
        assert_eq!(answer.into_report("unused").verdict, Verdict::Malicious);
    }

    #[test]
    fn a_worker_that_stops_in_the_middle_leaves_what_it_had_found() {
        let mut answer = Answer::new(7);
        answer.take(finding(7, Severity::High)).unwrap();
        let report = answer.into_report("the worker died");
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Suspicious, 1));
        assert!(matches!(report.coverage, Coverage::Partial { cause: PartialCause::Worker, .. }));
        assert_eq!(Answer::new(7).into_report("the worker died").verdict, Verdict::Unscannable);
    }

    #[test]
    fn nothing_is_said_about_another_file() {
        assert!(Answer::new(7).take(finding(8, Severity::Low)).is_err());
        assert!(Answer::new(7).take(done(6)).is_err());
        assert!(Answer::new(7).take(FromWorker::Hello { version: 1, missing: Vec::new() }).is_err());
    }

    #[test]
    fn the_number_of_findings_is_bounded_and_the_worst_are_kept() {
        let mut answer = Answer::new(7);
        for _ in 0..MAX_SAID - 1 {
            answer.take(finding(7, Severity::Low)).unwrap();
        }
        answer.take(finding(7, Severity::Critical)).unwrap();
        assert!(answer.take(finding(7, Severity::Low)).is_err());
        let report = answer.into_report("");
        assert_eq!((report.findings.len(), report.verdict), (MAX_FINDINGS, Verdict::Malicious));
        assert_eq!(report.findings_dropped, (MAX_SAID - MAX_FINDINGS) as u64);
    }
}
