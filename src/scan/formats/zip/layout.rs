//! What the names in an archive tell of a layout whose loader runs Python sources out of it: torch.package and TorchServe.
//!
//! `torch.package.PackageImporter` executes the interned modules of an archive (pytorch.org/docs/stable/package.html), TorchServe
//! runs the handler that `MAR-INF/MANIFEST.json` names. Carrying code is a capability; code that reaches for the system is more.

use super::member::open;
use super::survey::{Member, Survey};
use crate::report::{Finding, Rule, Severity};
use crate::scan::Scan;
use crate::scan::formats::RuleInfo;
use crate::scan::input::Input;

const PACKAGE: Rule = Rule::new("torch.package-code");
const HANDLER: Rule = Rule::new("torch.serve-handler");

pub(super) const PACKAGE_INFO: RuleInfo = RuleInfo {
    rule: PACKAGE,
    severity: Severity::High,
    summary: "A torch.package archive with Python sources; high when they reach for the system",
};
pub(super) const HANDLER_INFO: RuleInfo = RuleInfo {
    rule: HANDLER,
    severity: Severity::High,
    summary: "A TorchServe archive with a Python handler; high when it reaches for the system",
};

/// Words of Python sources that have no place in the description of a model.
const REACHING_WORDS: &[&str] = &[
    "os.system",
    "os.popen",
    "os.exec",
    "os.spawn",
    "subprocess",
    "socket",
    "ctypes",
    "pty.",
    "eval(",
    "exec(",
    "__import__",
    "importlib",
    "marshal",
    "base64",
    "urllib",
    "requests",
    "http.client",
    "shutil",
    "runpy",
    "pickle.loads",
];
/// Read of one source, in bytes.
const MAX_SOURCE_BYTES: usize = 1 << 20;
/// Sources read of one archive.
const MAX_SOURCES: usize = 256;

/// Reports layouts whose loader runs Python sources.
pub(super) fn judge(scan: &mut Scan<'_>, input: &Input, survey: &Survey) {
    let has = |end: &[u8]| survey.members.iter().any(|member| member.name.ends_with(end));
    if has(b".data/extern_modules") {
        judge_sources(scan, input, survey, PACKAGE, "torch.package runs the Python sources in this archive on import");
    }
    if has(b"MAR-INF/MANIFEST.json") {
        judge_sources(scan, input, survey, HANDLER, "TorchServe runs the Python handler in this archive");
    }
}

fn judge_sources(scan: &mut Scan<'_>, input: &Input, survey: &Survey, rule: Rule, message: &str) {
    let sources = survey.members.iter().filter(|member| member.name.ends_with(b".py")).take(MAX_SOURCES);
    for member in sources {
        let name = String::from_utf8_lossy(&member.name);
        let finding = match reaching_word(input, member) {
            Some(word) => Finding::new(rule.clone(), Severity::High, message).evidence(format!("{name}: {word}")),
            None => Finding::new(rule.clone(), Severity::Medium, message).evidence(name),
        };
        scan.finding(input, finding.at(member.at));
    }
}

fn reaching_word(input: &Input, member: &Member) -> Option<&'static str> {
    let bytes = open(input, member)?.bytes_at(0, MAX_SOURCE_BYTES).ok()?;
    REACHING_WORDS.iter().copied().find(|word| memchr::memmem::find(&bytes, word.as_bytes()).is_some())
}
