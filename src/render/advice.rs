//! What a person can do next: the last line under every result.

use std::path::Path;

use super::path::shell_word;
use crate::report::{Coverage, PartialCause, Report, Verdict};

/// What to do about a file that is still in its place; empty when there is nothing to do.
pub fn after_scan(path: &Path, report: &Report) -> Vec<String> {
    match report.verdict {
        Verdict::Malicious => vec![
            "Do not load this file: loading it runs what is shown above. Delete it, and tell whoever offers it."
                .to_owned(),
            allow_hint(path),
        ],
        Verdict::Suspicious => {
            vec![format!("Load it only if you trust its author; {}", explain_hint(report)), allow_hint(path)]
        }
        Verdict::Unscannable => vec![why_unscannable(&report.coverage).to_owned()],
        Verdict::Clean | Verdict::NotAModel => Vec::new(),
    }
}

fn allow_hint(path: &Path) -> String {
    format!("If you know that it is safe: modelscand allow add --file {} --reason '…'", shell_word(path))
}

fn explain_hint(report: &Report) -> String {
    match report.findings.first() {
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
