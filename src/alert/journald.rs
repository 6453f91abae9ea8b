//! journald as a channel: one entry an alert over the native socket, with the facts as fields.
//!
//! tracing-journald gives every entry the same fields; an alert has its own MESSAGE_ID, so that `journalctl MESSAGE_ID=…` and a
//! message catalog find it, and its fields keep newlines and bytes as they are. The protocol is a datagram of `NAME=value` lines,
//! or `NAME`, a newline, the length as a little-endian u64 and the bytes (systemd's "Native Journal Protocol").

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;

use crate::alert::{Alert, Outcome};
use crate::report::Severity;

const SOCKET: &str = "/run/systemd/journal/socket";
/// Findings that get a field each; all of them stand in the history.
const MAX_RULES: usize = 16;

/// Message ids of alerts (128 bits each, made once with `systemd-id128 new`); they never change.
mod message_id {
    pub(super) const QUARANTINED: &str = "a5c946643dd247eea6c0a94e92c38d34";
    pub(super) const LOCKED: &str = "0482df6606e6412da80f34050ec1d183";
    pub(super) const FOUND: &str = "7fd406ab094d4d20a5b0ae75c63d7abb";
    pub(super) const ACTION_FAILED: &str = "0a85d1556b904ef1bf0ff36869eac694";
}

/// A connection to the journal.
pub(super) struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    /// Connects, where the journal's socket is there.
    pub(super) fn open() -> Option<Self> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(SOCKET).ok()?;
        Some(Self { socket })
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// When the journal does not take it; a full socket is an error and not a wait.
    pub(super) fn tell(&self, alert: &Alert) -> io::Result<()> {
        self.socket.send(&entry(alert)).map(drop)
    }
}

fn entry(alert: &Alert) -> Vec<u8> {
    let mut entry = Vec::with_capacity(1024);
    let mut field = |name: &str, value: &[u8]| push_field(&mut entry, name, value);
    field("MESSAGE", format!("{} {}", alert.sentence(), alert.advice()).as_bytes());
    field("MESSAGE_ID", message_id(&alert.outcome).as_bytes());
    field("PRIORITY", priority(alert.severity()));
    field("SYSLOG_IDENTIFIER", b"modelscand");
    field("MODELSCAND_SCAN", alert.scan_id.to_string().as_bytes());
    field("MODELSCAND_PATH", alert.path.as_os_str().as_bytes());
    field("MODELSCAND_VERDICT", alert.report.verdict.as_str().as_bytes());
    field("MODELSCAND_SEVERITY", alert.severity().as_str().as_bytes());
    field("MODELSCAND_OUTCOME", alert.outcome.as_str().as_bytes());
    if let Some(repository) = &alert.origin.repository {
        field("MODELSCAND_REPOSITORY", repository.as_bytes());
    }
    if let Some(run) = &alert.origin.run {
        field("MODELSCAND_RUN", run.as_bytes());
    }
    for finding in alert.report.findings.iter().take(MAX_RULES) {
        field("MODELSCAND_RULE", finding.rule.as_str().as_bytes());
        field("MODELSCAND_EVIDENCE", finding.evidence.as_bytes());
    }
    entry
}

fn push_field(entry: &mut Vec<u8>, name: &str, value: &[u8]) {
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    entry.extend_from_slice(value);
    entry.push(b'\n');
}

fn message_id(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Quarantined { .. } => message_id::QUARANTINED,
        Outcome::Locked { .. } => message_id::LOCKED,
        Outcome::Told | Outcome::DryRun => message_id::FOUND,
        Outcome::Failed(_) => message_id::ACTION_FAILED,
    }
}

/// syslog(3) levels: `crit`, `err`, `warning`, `notice`.
fn priority(severity: Severity) -> &'static [u8] {
    match severity {
        Severity::Critical => b"2",
        Severity::High => b"3",
        Severity::Medium => b"4",
        Severity::Low => b"5",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::Origin;
    use crate::config::Decision;
    use crate::report::{Finding, Report, Rule, Verdict};

    #[test]
    fn a_newline_in_a_path_stays_inside_its_field() {
        let mut report = Report::unscannable(crate::report::PartialCause::Fault, "x");
        report.verdict = Verdict::Malicious;
        report.findings.push(Finding::new(Rule::new("pickle.dangerous-call"), Severity::Critical, "m"));
        let alert = Alert {
            scan_id: 7,
            path: "/a\nPRIORITY=7".into(),
            origin: Origin::folder(),
            report,
            decision: Decision::Quarantine,
            outcome: Outcome::Quarantined { id: 1 },
        };
        let entry = entry(&alert);
        let needle = b"MODELSCAND_PATH\n\x0d\0\0\0\0\0\0\0/a\nPRIORITY=7\n";
        assert!(entry.windows(needle.len()).any(|window| window == needle));
        assert!(entry.windows(10).any(|window| window == b"MESSAGE_ID"));
    }
}
