//! The engine: bytes in, findings out.
//!
//! Pure: no path, no clock, no network, no database, no process. [`Engine::scan`] takes an [`Input`], finds out by content what it
//! may be ([`identify`]), lets every format that recognises it look ([`formats`]), and gives back a [`Report`]. Findings are also
//! handed out one by one as they come, so that a worker that is killed in the middle has told what it saw.

pub mod formats;
pub mod identify;
pub mod input;
pub mod rules;

use std::collections::HashSet;
use std::io;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::report::{
    Coverage, Finding, MAX_EVIDENCE_BYTES, MAX_FINDINGS, PartialCause, Report, Rule, Severity, Verdict, printable,
};
use formats::Format;
use formats::pickle::Use;
use input::{Budget, Input, Source};
use rules::Rules;

/// The version of what the engine can see. A file is scanned again when this, or [`rules::version`], is not what scanned it.
pub const ENGINE_VERSION: u32 = 1;

const LIMIT_DEPTH: Rule = Rule::new("limit.depth");
const LIMIT_MEMBERS: Rule = Rule::new("limit.members");
const LIMIT_HIT: Rule = Rule::new("limit.exceeded");

/// What one scan may spend. A limit that is hit is a finding and makes the coverage partial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Containers inside containers.
    pub max_depth: u32,
    /// Members opened, over all containers of a file.
    pub max_members: u64,
    /// Bytes that decompression may produce, over all members of a file.
    pub max_decoded_bytes: u64,
    /// Memory that the pickle machine may use for its stack, memo and values, in bytes.
    pub max_machine_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: 12, max_members: 100_000, max_decoded_bytes: 64 << 30, max_machine_bytes: 256 << 20 }
    }
}

/// What is known of a file besides its bytes. It may add suspicion and never removes any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// The file's name without its folder, lossy and bounded by the caller.
    pub name: String,
}

/// Why a format could not read on. Each makes the coverage partial; what was found before stays.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The bytes are damaged, truncated or contradict themselves.
    #[error("{0}")]
    Fault(String),
    /// A limit was hit.
    #[error("{0}")]
    Limit(String),
    /// The content is encrypted.
    #[error("{0}")]
    Encrypted(String),
    /// A feature of the format is not read.
    #[error("{0}")]
    Unsupported(String),
    /// The file could not be read.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}

impl Stop {
    fn cause(&self) -> PartialCause {
        match self {
            Self::Fault(_) => PartialCause::Fault,
            Self::Limit(_) => PartialCause::Limit,
            Self::Encrypted(_) => PartialCause::Encrypted,
            Self::Unsupported(_) => PartialCause::Unsupported,
            Self::Io(_) => PartialCause::Io,
        }
    }
}

/// The scanner: limits and rules, used for any number of files.
pub struct Engine {
    limits: Limits,
    rules: Rules,
}

impl Engine {
    /// An engine with the built-in rules, extended by `rules`' own allow entries.
    pub fn new(limits: Limits, rules: Rules) -> Self {
        Self { limits, rules }
    }

    /// Scans one file. `observe` sees each finding as it is made, before the report is complete.
    pub fn scan(&self, source: Rc<dyn Source>, hints: &Hints, observe: &mut dyn FnMut(&Finding)) -> Report {
        let budget = Rc::new(Budget::new(&self.limits));
        let input = Input::new(source, Rc::clone(&budget));
        let mut scan = self.start(hints, observe);
        scan.any(&input);
        scan.into_report(budget.bytes_read())
    }

    /// Lists what the pickles of one file import, each with what the rules say of it: for people who extend the tables.
    pub fn uses(&self, source: Rc<dyn Source>, hints: &Hints) -> Vec<Use> {
        self.list_uses(source, hints, |scan, input| scan.any(input))
    }

    /// As [`Engine::uses`], of bytes that are a pickle whatever they look like.
    pub fn uses_of_pickle(&self, source: Rc<dyn Source>) -> Vec<Use> {
        self.list_uses(source, &Hints::default(), |scan, input| scan.scan_as(&formats::pickle::FORMAT, input))
    }

    fn list_uses(&self, source: Rc<dyn Source>, hints: &Hints, look: fn(&mut Scan<'_>, &Input)) -> Vec<Use> {
        let input = Input::new(source, Rc::new(Budget::new(&self.limits)));
        let mut ignore = |_: &Finding| {};
        let mut scan = self.start(hints, &mut ignore);
        scan.uses = Some(Vec::new());
        look(&mut scan, &input);
        let mut seen = HashSet::new();
        let uses = scan.uses.unwrap_or_default().into_iter();
        uses.filter(|entry| seen.insert((entry.module.clone(), entry.name.clone()))).collect()
    }

    fn start<'a>(&'a self, hints: &'a Hints, observe: &'a mut dyn FnMut(&Finding)) -> Scan<'a> {
        Scan {
            limits: &self.limits,
            rules: &self.rules,
            hints,
            observe,
            findings: Vec::new(),
            dropped: 0,
            formats: Vec::new(),
            coverage: Coverage::Complete,
            uses: None,
        }
    }
}

/// One scan under way: what formats report to.
pub struct Scan<'a> {
    limits: &'a Limits,
    rules: &'a Rules,
    hints: &'a Hints,
    observe: &'a mut dyn FnMut(&Finding),
    findings: Vec<Finding>,
    dropped: u64,
    formats: Vec<String>,
    coverage: Coverage,
    /// What pickles import, when somebody asked for the list.
    uses: Option<Vec<Use>>,
}

impl<'a> Scan<'a> {
    /// The limits in force.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// The rules in force.
    pub fn rules(&self) -> &'a Rules {
        self.rules
    }

    /// What is known of the file besides its bytes.
    pub fn hints(&self) -> &'a Hints {
        self.hints
    }

    /// The list of what pickles import, when one is kept.
    pub(crate) fn uses(&mut self) -> Option<&mut Vec<Use>> {
        self.uses.as_mut()
    }

    /// Records a finding in `input`. The same rule at the same place with the same evidence is kept once.
    pub fn finding(&mut self, input: &Input, mut finding: Finding) {
        finding.member = input.member().to_owned();
        finding.message = printable(&finding.message, MAX_EVIDENCE_BYTES);
        if self.findings.contains(&finding) {
            return;
        }
        if self.findings.len() >= MAX_FINDINGS && !self.make_room(finding.severity) {
            self.dropped += 1;
            return;
        }
        (self.observe)(&finding);
        self.findings.push(finding);
    }

    /// Drops a finding that is less severe than `severity`; `false` when there is none.
    fn make_room(&mut self, severity: Severity) -> bool {
        let least = self.findings.iter().enumerate().min_by_key(|(_, f)| f.severity);
        let Some((index, _)) = least.filter(|(_, f)| f.severity < severity) else { return false };
        self.findings.swap_remove(index);
        self.dropped += 1;
        true
    }

    /// Records that something in `input` was not read. The first reason is kept.
    pub fn partial(&mut self, input: &Input, cause: PartialCause, reason: &str) {
        if self.coverage == Coverage::Complete {
            let place = if input.member().is_empty() { String::new() } else { format!("{}: ", input.member()) };
            let reason = printable(&format!("{place}{reason}"), MAX_EVIDENCE_BYTES);
            self.coverage = Coverage::Partial { cause, reason };
        }
    }

    /// Records that the scan of `input` could not go on.
    pub fn stopped(&mut self, input: &Input, stop: &Stop) {
        if let Stop::Limit(limit) = stop {
            self.finding(
                input,
                Finding::new(LIMIT_HIT, Severity::Low, "A limit was hit; not everything was read").evidence(limit),
            );
        }
        self.partial(input, stop.cause(), &stop.to_string());
    }

    /// Finds out what a member is and scans it, within the limits on depth and members. `input` comes from
    /// [`Input::as_member`] or [`Input::derived`].
    pub fn member(&mut self, input: &Input) {
        if self.may_enter(input) {
            self.any(input);
        }
    }

    /// Scans a member as `format`, whatever it looks like, because that is what its loader takes it for; within the same limits.
    pub fn member_as(&mut self, format: &'static Format, input: &Input) {
        if self.may_enter(input) {
            self.scan_as(format, input);
        }
    }

    fn may_enter(&mut self, input: &Input) -> bool {
        if input.depth() > self.limits.max_depth {
            let message = "Containers are nested deeper than the limit; what is inside was not read";
            self.finding(input, Finding::new(LIMIT_DEPTH, Severity::Medium, message));
            self.partial(input, PartialCause::Limit, "nested too deep");
            false
        } else if !input.budget().take_member() {
            let message = "The file has more members than the limit; the rest was not read";
            self.finding(input, Finding::new(LIMIT_MEMBERS, Severity::Medium, message));
            self.partial(input, PartialCause::Limit, "too many members");
            false
        } else {
            true
        }
    }

    /// Scans `input` as every format that recognises it.
    fn any(&mut self, input: &Input) {
        match identify::identify(input, self.hints) {
            Ok(formats) => formats.into_iter().for_each(|format| self.scan_as(format, input)),
            Err(e) => self.stopped(input, &Stop::Io(e)),
        }
    }

    /// Scans `input` as `format`, and records that it was.
    pub fn scan_as(&mut self, format: &'static Format, input: &Input) {
        if !self.formats.iter().any(|name| name == format.name) {
            self.formats.push(format.name.to_owned());
        }
        if let Err(stop) = (format.scan)(self, input) {
            self.stopped(input, &stop);
        }
    }

    fn into_report(mut self, bytes_read: u64) -> Report {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let worst = self.findings.first().map(|f| f.severity);
        let verdict = Verdict::derive(worst, &self.coverage, !self.formats.is_empty());
        Report {
            verdict,
            formats: self.formats,
            coverage: self.coverage,
            findings: self.findings,
            findings_dropped: self.dropped,
            bytes_read,
        }
    }
}
