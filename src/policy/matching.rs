//! Which `[[policy.rule]]` matches: what the rules ask of the file is looked at once, what they ask of a finding for each.

use globset::GlobBuilder;

use super::{Judgement, Subject, name_of_rule};
use crate::config::{Owner, Policy, PolicyRule};
use crate::report::Finding;

/// The rules that match a file, as far as they ask for it, in their order.
pub(super) struct Rules<'a>(Vec<(usize, &'a PolicyRule)>);

impl<'a> Rules<'a> {
    pub(super) fn about(subject: &Subject<'_>, policy: &'a Policy) -> Self {
        Self(policy.rule.iter().enumerate().filter(|(_, rule)| matches_file(rule, subject)).collect())
    }

    /// What the first rule says that matches a finding.
    pub(super) fn first_for(&self, finding: &Finding) -> Option<Judgement> {
        self.first(|rule| matches_finding(rule, finding))
    }

    /// What the first rule says that asks nothing of a finding.
    pub(super) fn first_for_the_file(&self) -> Option<Judgement> {
        self.first(asks_no_finding)
    }

    /// What the first rule says that names this very content. Where nothing was found, no other rule has anything to judge.
    pub(super) fn first_by_hash(&self) -> Option<Judgement> {
        self.first(|rule| asks_no_finding(rule) && !rule.sha256.is_empty())
    }

    fn first(&self, matches: impl Fn(&PolicyRule) -> bool) -> Option<Judgement> {
        let (index, rule) = self.0.iter().find(|(_, rule)| matches(rule))?;
        Some(Judgement { decision: rule.decision, reason: name_of_rule(*index, &rule.reason) })
    }
}

fn matches_file(rule: &PolicyRule, subject: &Subject<'_>) -> bool {
    let is_owner = |owner: &Owner| match owner {
        Owner::Uid(uid) => *uid == subject.owner,
        Owner::Name(name) => subject.owner_name == Some(name),
    };
    let is_content = |sha256: &String| subject.sha256.is_some_and(|known| known.eq_ignore_ascii_case(sha256));
    let in_repository = |glob: &String| subject.origin.repository.as_deref().is_some_and(|name| is_match(glob, name));
    any(&rule.cache, |cache| *cache == subject.origin.cache)
        && any(&rule.owner, is_owner)
        && any(&rule.sha256, is_content)
        && any(&rule.repository, in_repository)
        && any(&rule.path, |glob| is_match(glob, subject.path))
}

fn matches_finding(rule: &PolicyRule, finding: &Finding) -> bool {
    let is_callable = |pattern: &String| finding.callable.as_deref().is_some_and(|name| is_named(pattern, name));
    any(&rule.severity, |severity| *severity == finding.severity)
        && any(&rule.rule, |pattern| is_named(pattern, finding.rule.as_str()))
        && any(&rule.callable, is_callable)
}

fn asks_no_finding(rule: &PolicyRule) -> bool {
    rule.severity.is_empty() && rule.rule.is_empty() && rule.callable.is_empty()
}

/// A key that is not given matches everything.
fn any<T>(wanted: &[T], matches: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

/// Exactly, or by its beginning when the pattern ends in `*`.
fn is_named(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// Compiled anew each time: rules are few, and only files with findings are asked about. What is no glob was refused before.
fn is_match(glob: &str, text: impl AsRef<std::path::Path>) -> bool {
    let glob = GlobBuilder::new(glob).literal_separator(true).build();
    glob.is_ok_and(|glob| glob.compile_matcher().is_match(text))
}
