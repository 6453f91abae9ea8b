//! What a person can do next: the last line under every result.

use std::path::Path;

use super::path::shell_word;
use crate::report::{Coverage, Finding, PartialCause, Verdict};
use crate::store::{Hold, HoldKind, HoldState, ScanDetail};

/// What to do about a file that is still in its place; empty when there is nothing to do. `findings` are worst first.
pub fn in_place(path: &Path, verdict: Verdict, coverage: &Coverage, findings: &[Finding]) -> Vec<String> {
    match verdict {
        Verdict::Malicious => vec![
            "Do not load this file: loading it runs what is shown above. Delete it, and tell whoever offers it."
                .to_owned(),
            allow_hint(path),
        ],
        Verdict::Suspicious => {
            vec![format!("Load it only if you trust its author; {}", explain_hint(findings)), allow_hint(path)]
        }
        Verdict::Unscannable => vec![why_unscannable(coverage).to_owned()],
        Verdict::Clean | Verdict::NotAModel => Vec::new(),
    }
}

/// What to do about a file of the history.
pub fn of_scan(scan: &ScanDetail) -> Vec<String> {
    let summary = &scan.summary;
    match &scan.hold {
        Some(hold) if !matches!(hold.state, HoldState::Failed | HoldState::Restored) => held(hold),
        _ => in_place(&summary.path, summary.verdict, &summary.coverage, &scan.findings),
    }
}

/// What to do about a file that is or was out of reach.
pub fn held(hold: &Hold) -> Vec<String> {
    let id = hold.id;
    match (hold.state, hold.kind) {
        (HoldState::Held, HoldKind::Quarantine) => vec![
            format!(
                "To put it back, if you know that it is safe: modelscand quarantine restore {id} --allow --reason '…'"
            ),
            format!("To delete it for good: modelscand quarantine delete {id}"),
        ],
        (HoldState::Held, HoldKind::Lock) => {
            vec![format!(
                "To unlock it, if you know that it is safe: modelscand quarantine restore {id} --allow --reason '…'"
            )]
        }
        (HoldState::Taking | HoldState::Restoring | HoldState::Deleting, _) => {
            vec!["This was cut short; modelscand watch repairs it when it starts.".to_owned()]
        }
        (HoldState::Restored | HoldState::Deleted | HoldState::Failed, _) => Vec::new(),
    }
}

fn allow_hint(path: &Path) -> String {
    format!("If you know that it is safe: modelscand allow add --file {} --reason '…'", shell_word(path))
}

fn explain_hint(findings: &[Finding]) -> String {
    match findings.first() {
        Some(finding) => format!("modelscand explain {} says more.", finding.rule),
        None => "ask for a copy in safetensors format.".to_owned(),
    }
}

fn why_unscannable(coverage: &Coverage) -> &'static str {
    let Coverage::Partial { cause, .. } = coverage else { return "Scan it again." };
    match cause {
        PartialCause::Limit => {
            "Nobody knows what is in the part that was not read. Raise the limit in [scan.limits] and scan again, or do not load it."
        }
        PartialCause::Fault => {
            "The file is damaged or made to look so. Download it again; if it stays so, do not load it."
        }
        PartialCause::Encrypted => {
            "Nobody can see what is inside. Unpack it with its password in a safe place and scan what comes out."
        }
        PartialCause::Unsupported => {
            "modelscand does not read this part of the format. Load it only if you trust its author."
        }
        PartialCause::Io => "Check the path, and that this user may read what is there.",
        PartialCause::Worker => {
            "The scan was stopped. Do not load the file, and please report it: a file should never be able to do this."
        }
    }
}
