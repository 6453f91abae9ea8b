//! The words that every other room speaks: what a scan saw and what it means.
//!
//! A [`Report`] is made by the engine, carried over the worker's socket, judged by policy, stored in the history and printed by
//! render. It holds only bounded, printable text: whatever came from a scanned file was escaped by [`printable`] before it got in
//! here, so that no reader of a report has to think of terminal escapes, newlines in logs or gigabytes of evidence.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest evidence of one finding, in bytes after escaping.
pub const MAX_EVIDENCE_BYTES: usize = 2048;
/// The longest member path of one finding, in bytes after escaping.
pub const MAX_MEMBER_BYTES: usize = 1024;
/// Findings kept of one file; the rest is counted in [`Report::findings_dropped`]. The worst are kept.
pub const MAX_FINDINGS: usize = 256;

/// How bad a finding is. Ordered: `Low < Medium < High < Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A capability worth knowing, with no effect by itself.
    Low,
    /// Code of unknown origin that is only constructed and filled, or code carried along whose effect is harmless.
    Medium,
    /// A callable with no place in a model, a container that lies, or a member that climbs out of it.
    High,
    /// A callable known to run code or commands, write or delete files, or open connections, called or reachable.
    Critical,
}

/// The judgement of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Read to its end; nothing above `low`.
    Clean,
    /// At least one finding of `medium` or `high`.
    Suspicious,
    /// At least one finding of `critical`.
    Malicious,
    /// Not read to its end (coverage is partial), and nothing above `low` in what was read.
    Unscannable,
    /// No format that modelscand knows, read far enough to be sure. Not the same as clean.
    NotAModel,
}

/// How much of a file was read by the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Coverage {
    /// All bytes that can hold code were read.
    Complete,
    /// Something was not read; `reason` says what and why. Never `clean`.
    Partial {
        /// The kind of obstacle.
        cause: PartialCause,
        /// What was not read and why, printable and bounded.
        reason: String,
    },
}

/// The kinds of obstacles that make a coverage partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartialCause {
    /// A limit of the configuration or of the engine was hit.
    Limit,
    /// The bytes are damaged, truncated or contradict themselves.
    Fault,
    /// The content is encrypted.
    Encrypted,
    /// The format or a feature of it is recognised but not read.
    Unsupported,
    /// The file could not be opened or read.
    Io,
    /// The confined worker died, hung or answered nonsense.
    Worker,
}

/// The stable kebab-case name of a kind of finding, with its prefix: `pickle.dangerous-call`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rule(Cow<'static, str>);

impl Rule {
    /// A rule of the engine. Names are constants in the format that raises them.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name, as people write it in policy rules and read it in `modelscand explain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that the scanner saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind of finding.
    pub rule: Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// One sentence for a person: what was seen and why it matters. Printable.
    pub message: String,
    /// The member inside the file, outermost first, separated by `!`: `archive.zip!model/data.pkl`. Empty for the file itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub member: String,
    /// The byte offset inside the member (or the file) where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What was seen, as a person would write it: `os.system("true")`. Printable, at most [`MAX_EVIDENCE_BYTES`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// The dotted name of the callable that the finding is about, so that an allow rule can name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callable: Option<String>,
}

impl Finding {
    /// A finding without a place yet; `message` must be printable (a constant, or passed through [`printable`]).
    pub fn new(rule: Rule, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity,
            message: message.into(),
            member: String::new(),
            offset: None,
            evidence: String::new(),
            callable: None,
        }
    }

    /// Sets the byte offset inside the member that is being read.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Sets the evidence, escaped and cut to [`MAX_EVIDENCE_BYTES`].
    #[must_use]
    pub fn evidence(mut self, evidence: impl AsRef<str>) -> Self {
        self.evidence = printable(evidence.as_ref(), MAX_EVIDENCE_BYTES);
        self
    }

    /// Sets the callable that the finding is about, escaped and cut.
    #[must_use]
    pub fn callable(mut self, name: impl AsRef<str>) -> Self {
        self.callable = Some(printable(name.as_ref(), MAX_MEMBER_BYTES));
        self
    }
}

/// Everything that one scan of one file found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The judgement, derived from the findings and the coverage.
    pub verdict: Verdict,
    /// The formats that the content was recognised and scanned as, outermost first; empty when it is not a model.
    pub formats: Vec<String>,
    /// How much was read.
    pub coverage: Coverage,
    /// What was seen, worst first.
    pub findings: Vec<Finding>,
    /// Findings beyond [`MAX_FINDINGS`] that were counted and not kept.
    #[serde(default)]
    pub findings_dropped: u64,
    /// Bytes read from the file (not its size: tensors are skipped).
    pub bytes_read: u64,
}

impl Report {
    /// A report for a file that could not be scanned at all.
    pub fn unscannable(cause: PartialCause, reason: impl AsRef<str>) -> Self {
        Self {
            verdict: Verdict::Unscannable,
            formats: Vec::new(),
            coverage: Coverage::Partial { cause, reason: printable(reason.as_ref(), MAX_EVIDENCE_BYTES) },
            findings: Vec::new(),
            findings_dropped: 0,
            bytes_read: 0,
        }
    }

    /// The worst severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
}

impl Verdict {
    /// The verdict that follows from the worst finding, the coverage, and whether any format was recognised.
    pub fn derive(worst: Option<Severity>, coverage: &Coverage, recognised: bool) -> Self {
        match (worst, coverage) {
            (Some(Severity::Critical), _) => Self::Malicious,
            (Some(Severity::High | Severity::Medium), _) => Self::Suspicious,
            (_, Coverage::Partial { .. }) => Self::Unscannable,
            (None, Coverage::Complete) if !recognised => Self::NotAModel,
            (_, Coverage::Complete) => Self::Clean,
        }
    }

    /// The word for it, as in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Suspicious => "suspicious",
            Self::Malicious => "malicious",
            Self::Unscannable => "unscannable",
            Self::NotAModel => "not-a-model",
        }
    }
}

impl Severity {
    /// The word for it, as in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not one of an enumeration's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{word}`, expected one of {expected}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
    expected: &'static str,
}

impl std::str::FromStr for Severity {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Low, Self::Medium, Self::High, Self::Critical]
            .into_iter()
            .find(|severity| severity.as_str() == word)
            .ok_or_else(|| UnknownWord {
                what: "severity",
                word: printable(word, 64),
                expected: "low, medium, high, critical",
            })
    }
}

impl std::str::FromStr for Verdict {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Clean, Self::Suspicious, Self::Malicious, Self::Unscannable, Self::NotAModel]
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .ok_or_else(|| UnknownWord {
                what: "verdict",
                word: printable(word, 64),
                expected: "clean, suspicious, malicious, unscannable, not-a-model",
            })
    }
}

/// Makes text from a scanned file safe to print, log and store: control characters, bidirectional overrides, zero-width and other
/// invisible characters become `\u{..}` escapes (CVE-2021-42574 is why), and the result is cut to `max_bytes` with a `…`.
pub fn printable(text: &str, max_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_bytes));
    let mut cut_at = 0;
    for c in text.chars() {
        if is_plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
        if out.len() > max_bytes {
            out.truncate(cut_at);
            out.push('…');
            return out;
        }
        if out.len() + '…'.len_utf8() <= max_bytes {
            cut_at = out.len();
        }
    }
    out
}

/// Whether a character can be printed as it is: it neither steers a terminal nor hides or reorders what stands around it.
pub fn is_plain(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_printable() {
        assert_eq!(printable("a\nb\u{1b}[31m\u{202e}", 100), "a\\nb\\u{1b}[31m\\u{202e}");
    }

    #[test]
    fn long_text_is_cut_within_the_limit() {
        for max in [3, 4, 10, 100] {
            let cut = printable(&"é".repeat(1000), max);
            assert!(cut.len() <= max, "{} > {max}", cut.len());
            assert!(cut.ends_with('…'));
        }
        assert_eq!(printable("abc", 3), "abc");
    }

    #[test]
    fn a_partial_scan_is_never_clean() {
        let partial = Coverage::Partial { cause: PartialCause::Limit, reason: "x".into() };
        assert_eq!(Verdict::derive(None, &partial, true), Verdict::Unscannable);
        assert_eq!(Verdict::derive(Some(Severity::Low), &partial, true), Verdict::Unscannable);
        assert_eq!(Verdict::derive(Some(Severity::Critical), &partial, true), Verdict::Malicious);
    }
}
