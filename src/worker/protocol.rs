//! What daemon and worker say to each other: one JSON object a message, over a socket that keeps messages apart.
//!
//! The daemon's side is trusted by the worker; the worker's side is trusted by nobody. Every message is bounded in length before it
//! is parsed, unknown keys are errors, and every text from a worker is made printable and cut again before anything else sees it.
//! A worker cannot send a verdict: there is no word for it here.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::measure::MeasureName;
use crate::report::{Coverage, Finding, MAX_EVIDENCE_BYTES, MAX_MEMBER_BYTES, PartialCause, Rule, Severity, printable};
use crate::scan::{Hints, Limits};

/// Both sides are the same program; a difference means that something is wrong, not that something is old.
pub(super) const VERSION: u32 = 1;
/// The longest message in bytes. The longest honest one, a finding with all its texts full of escaped quotes, is under 13 KiB.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Bytes of allow entries in one message, escaped, quoted and with commas.
const MAX_ALLOW_BYTES_A_MESSAGE: usize = MAX_MESSAGE_BYTES - 64;
/// The longest file name that is passed along, in bytes; Linux has none over 255, lossy conversion may triple it.
pub(super) const MAX_NAME_BYTES: usize = 1024;
/// The longest name of a rule or of a format in bytes.
const MAX_WORD_BYTES: usize = 64;
/// The most formats of one file.
const MAX_FORMATS: usize = 64;

/// From the daemon to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum ToWorker {
    /// Some of the callables that the user trusts. Any number of these come first.
    Allow(Vec<String>),
    /// The settings; the worker now locks itself down and answers with [`FromWorker::Hello`].
    Setup(Setup),
    /// Scan the file whose descriptor comes with this message.
    Scan {
        /// Echoed in every message about it.
        id: u64,
        /// What is known of the file besides its bytes.
        hints: Hints,
    },
}

/// What a worker is told once, at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    /// [`VERSION`] of the daemon.
    pub(super) version: u32,
    /// What one scan may spend.
    pub(super) limits: Limits,
    /// Address space, in bytes.
    pub(super) max_memory_bytes: u64,
    /// Processor time over the worker's life, in seconds. The deadline of a single scan is the daemon's.
    pub(super) max_cpu_s: u64,
}

/// From a worker to the daemon.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum FromWorker {
    /// Locked down and ready.
    Hello {
        /// [`VERSION`] of the worker.
        version: u32,
        /// The measures that do not hold, with what the system said.
        missing: Vec<(MeasureName, String)>,
    },
    /// Something was found.
    Finding {
        /// The scan that this belongs to.
        id: u64,
        /// What.
        finding: SaidFinding,
    },
    /// This worker must not be given another file. It is said before a step that may corrupt the worker (a parser in C), since
    /// afterwards it may be unable, or unwilling, to say it; or after a scan that left it large.
    Spent {
        /// The scan that this belongs to.
        id: u64,
    },
    /// The scan is over.
    Done {
        /// The scan that this belongs to.
        id: u64,
        /// As [`crate::report::Report::formats`].
        formats: Vec<String>,
        /// How much was read.
        coverage: SaidCoverage,
        /// Findings that were counted and not said.
        findings_dropped: u64,
        /// Bytes read from the file.
        bytes_read: u64,
    },
}

/// A finding as a worker says it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidFinding {
    rule: Rule,
    severity: Severity,
    message: String,
    member: String,
    offset: Option<u64>,
    evidence: String,
    callable: Option<String>,
}

/// A coverage as a worker says it: `None` is complete.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SaidCoverage(Option<(PartialCause, String)>);

/// Something that must not be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Nonsense(pub(super) String);

/// A message as bytes.
///
/// # Errors
/// When it is longer than a message may be.
pub(super) fn encode(message: &impl Serialize) -> Result<Vec<u8>, Nonsense> {
    let bytes = serde_json::to_vec(message).map_err(|e| Nonsense(e.to_string()))?;
    if bytes.len() > MAX_MESSAGE_BYTES { Err(too_long()) } else { Ok(bytes) }
}

/// Bytes as a message.
///
/// # Errors
/// When they are too long or not such a message. The text is printable.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Nonsense> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(too_long());
    }
    serde_json::from_slice(bytes).map_err(|e| Nonsense(printable(&format!("not a message: {e}"), 256)))
}

pub(super) fn too_long() -> Nonsense {
    Nonsense(format!("a message of more than {MAX_MESSAGE_BYTES} bytes"))
}

impl From<&Finding> for SaidFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            severity: finding.severity,
            message: printable(&finding.message, MAX_EVIDENCE_BYTES),
            member: printable(&finding.member, MAX_MEMBER_BYTES),
            offset: finding.offset,
            evidence: printable(&finding.evidence, MAX_EVIDENCE_BYTES),
            callable: finding.callable.as_ref().map(|name| printable(name, MAX_MEMBER_BYTES)),
        }
    }
}

impl SaidFinding {
    /// The finding, with every text made printable and cut.
    ///
    /// # Errors
    /// When the rule is no name of a rule.
    pub(super) fn check(self) -> Result<Finding, Nonsense> {
        if !is_word(self.rule.as_str()) {
            return Err(Nonsense("a rule that is no word".to_owned()));
        }
        Ok(Finding {
            rule: self.rule,
            severity: self.severity,
            message: printable(&self.message, MAX_EVIDENCE_BYTES),
            member: printable(&self.member, MAX_MEMBER_BYTES),
            offset: self.offset,
            evidence: printable(&self.evidence, MAX_EVIDENCE_BYTES),
            callable: self.callable.map(|name| printable(&name, MAX_MEMBER_BYTES)),
        })
    }
}

impl From<&Coverage> for SaidCoverage {
    fn from(coverage: &Coverage) -> Self {
        Self(match coverage {
            Coverage::Complete => None,
            Coverage::Partial { cause, reason } => Some((*cause, printable(reason, MAX_EVIDENCE_BYTES))),
        })
    }
}

impl SaidCoverage {
    /// The coverage, with its reason made printable and cut.
    pub(super) fn check(self) -> Coverage {
        match self.0 {
            None => Coverage::Complete,
            Some((cause, reason)) => Coverage::Partial { cause, reason: printable(&reason, MAX_EVIDENCE_BYTES) },
        }
    }
}

/// The names of formats, each known to be a word.
///
/// # Errors
/// When one is no word, or they are too many.
pub(super) fn check_formats(formats: Vec<String>) -> Result<Vec<String>, Nonsense> {
    if formats.len() <= MAX_FORMATS && formats.iter().all(|name| is_word(name)) {
        Ok(formats)
    } else {
        Err(Nonsense("formats that are no words".to_owned()))
    }
}

/// Whether this is a name as rules and formats have: `pickle.dangerous-call`.
fn is_word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    !text.is_empty() && text.len() <= MAX_WORD_BYTES && text.bytes().all(plain)
}

/// The allow entries in as many messages as they need.
///
/// # Errors
/// The entry that is too long for any message.
pub(super) fn allow_messages(entries: &[String]) -> Result<Vec<ToWorker>, Nonsense> {
    let mut messages = vec![Vec::new()];
    let mut room = MAX_ALLOW_BYTES_A_MESSAGE;
    for entry in entries {
        let needs = serde_json::to_string(entry).map_or(usize::MAX, |json| json.len() + 1);
        if needs > MAX_ALLOW_BYTES_A_MESSAGE {
            return Err(Nonsense(format!("`{}` is too long", printable(entry, 80))));
        }
        if needs > room {
            messages.push(Vec::new());
            room = MAX_ALLOW_BYTES_A_MESSAGE;
        }
        room -= needs;
        if let Some(last) = messages.last_mut() {
            last.push(entry.clone());
        }
    }
    Ok(messages.into_iter().map(ToWorker::Allow).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Result<FromWorker, Nonsense> {
        decode(json.as_bytes())
    }

    #[test]
    fn the_longest_finding_fits_into_a_message() {
        let mut finding = Finding::new(Rule::new("a.b"), Severity::High, "\"".repeat(9000)).evidence("\\".repeat(9000));
        finding.member = "\"".repeat(9000);
        let finding = finding.callable("\"".repeat(9000)).at(u64::MAX);
        let message = FromWorker::Finding { id: u64::MAX, finding: SaidFinding::from(&finding) };
        assert!(encode(&message).unwrap().len() < 13 * 1024);
    }

    #[test]
    fn a_worker_cannot_send_a_verdict_nor_any_other_unknown_key() {
        let done = r#"{"done":{"id":1,"formats":[],"coverage":null,"findings_dropped":0,"bytes_read":0}}"#;
        assert!(said(done).is_ok());
        assert!(said(&done.replace("\"id\"", "\"verdict\":\"clean\",\"id\"")).is_err());
        assert!(said(&format!("{done} {done}")).is_err());
    }

    #[test]
    fn hostile_text_of_a_worker_is_printable_and_short_when_it_arrives() {
        let json = r#"{"finding":{"id":1,"finding":{"rule":"a.b","severity":"low","message":"\u001b[2J\n","member":"",
            "offset":null,"evidence":"E","callable":null}}}"#;
        let json = json.replace("\"E\"", &format!("\"{}\"", "x".repeat(9000)));
        let Ok(FromWorker::Finding { finding, .. }) = said(&json) else { panic!("not parsed") };
        let finding = finding.check().unwrap();
        assert_eq!(finding.message, "\\u{1b}[2J\\n");
        assert_eq!(finding.evidence.len(), MAX_EVIDENCE_BYTES);
    }

    #[test]
    fn names_of_rules_and_formats_are_words() {
        assert!(is_word("pickle.dangerous-call"));
        for bad in ["", "a b", "A", "a\n", "\u{202e}", &"a".repeat(65)] {
            assert!(!is_word(bad), "{bad:?}");
        }
        assert!(check_formats(vec!["zip".to_owned(); 65]).is_err());
    }

    #[test]
    fn any_number_of_allow_entries_fits_into_messages() {
        let mut entries: Vec<_> = (0..10_000).map(|n| format!("package_{n}.models.*")).collect();
        entries.push("\u{1}".repeat(2000));
        let messages = allow_messages(&entries).unwrap();
        assert!(messages.len() < 30 && messages.iter().all(|message| encode(message).is_ok()));
        let arrived = messages.into_iter().flat_map(|message| match message {
            ToWorker::Allow(some) => some,
            _ => Vec::new(),
        });
        assert!(arrived.eq(entries));
        assert!(allow_messages(&["x".repeat(MAX_MESSAGE_BYTES)]).is_err());
    }
}
