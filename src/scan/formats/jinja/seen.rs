//! What a walk through a template saw, each thing once.

use super::names::{self, Reach};
use super::{DYNAMIC_ATTRIBUTE, ESCAPE, FOREIGN_GLOBAL, INCLUDE, RESOURCE, UNPARSABLE};
use crate::report::{Finding, Rule, Severity};

/// Findings that are kept of one template.
const MAX_FINDINGS: usize = 64;
/// Kept of the tag around a finding, in characters.
const MAX_EXCERPT: usize = 120;

/// The findings so far and the tag that is being read.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    /// More was computed than is followed.
    pub(super) is_exhausted: bool,
    at: u64,
    excerpt: String,
}

impl Seen {
    /// Remembers the tag that is read next, as the place of what is seen in it.
    pub(super) fn enter(&mut self, at: usize, tag: &str) {
        self.at = at as u64;
        self.excerpt = tag.chars().take(MAX_EXCERPT).collect();
    }

    fn add(&mut self, rule: Rule, severity: Severity, message: &str, what: &str) {
        let evidence = if what.is_empty() { self.excerpt.clone() } else { format!("{what} in {}", self.excerpt) };
        let finding = Finding::new(rule, severity, message).at(self.at).evidence(evidence);
        if self.findings.len() < MAX_FINDINGS && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// The attribute or item `name` of some object.
    pub(super) fn attribute(&mut self, name: &str) {
        let (severity, message) = match names::reach(name) {
            Reach::Plain => return,
            Reach::Private => (Severity::Medium, "The template reaches for a private attribute"),
            Reach::Mangled => {
                (Severity::High, "The template reaches for an attribute that is private to a class of Python's")
            }
            Reach::Internals => {
                (Severity::Critical, "The template reaches for Python's internals, which is how code is run from it")
            }
        };
        self.add(ESCAPE, severity, message, name);
    }

    /// A string that the template holds or puts together.
    pub(super) fn string(&mut self, text: &str) {
        if names::holds_escape(text) {
            let message = "The template puts together the name of one of Python's internals";
            self.add(ESCAPE, Severity::Critical, message, text);
        }
    }

    /// An attribute whose name is not known.
    pub(super) fn dynamic(&mut self, severity: Severity, how: &str) {
        let message = "The template reaches for an attribute whose name it computes; conversations have known names";
        self.add(DYNAMIC_ATTRIBUTE, severity, message, how);
    }

    /// A function or object that is not the conversation's.
    pub(super) fn foreign(&mut self, severity: Severity, name: &str) {
        let message = "The template uses an object that no conversation has, from which Python's internals are near";
        self.add(FOREIGN_GLOBAL, severity, message, name);
    }

    pub(super) fn include(&mut self) {
        self.add(INCLUDE, Severity::Medium, "The template reads another template or file when it is rendered", "");
    }

    pub(super) fn large_number(&mut self, number: i64) {
        let message = "The template counts to a very large number, which stops whoever renders it";
        self.add(RESOURCE, Severity::Low, message, &number.to_string());
    }

    pub(super) fn unparsable(&mut self, at: usize, reason: &str) {
        self.at = at as u64;
        let message = "The template cannot be parsed, so nobody knows what a renderer makes of it";
        self.add(UNPARSABLE, Severity::Medium, message, reason);
    }
}
