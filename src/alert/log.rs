//! The log as a channel: a line on standard error (or wherever the configuration sends log lines), with the facts as fields.

use crate::alert::Alert;
use crate::report::Severity;

/// Writes one line for `alert`: an error for `critical` and `high`, a warning below.
pub(super) fn tell(alert: &Alert) {
    let message = format!("{} {}", alert.sentence(), alert.advice());
    let (scan, verdict, outcome) = (alert.scan_id, alert.report.verdict.as_str(), alert.outcome.as_str());
    if alert.severity() >= Severity::High {
        tracing::error!(target: "modelscand::alert", scan, verdict, outcome, "{message}");
    } else {
        tracing::warn!(target: "modelscand::alert", scan, verdict, outcome, "{message}");
    }
}
