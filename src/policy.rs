//! What to do about a report: (report, where the file is, configuration, allow entries) to a decision. Pure; tested as a table.

use crate::caches::CacheKind;
use crate::config::{Decision, Policy};
use crate::report::{Coverage, Report};

/// A decision and the one line that says which setting led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What to do.
    pub decision: Decision,
    /// Which setting said so: `policy.downloads.critical`.
    pub reason: String,
}

/// Decides what to do about `report`, of a file in a cache of kind `cache`. `allowed` says that the file's content is on the
/// allow list, with the reason that was given. Of several decisions that apply, the strongest is taken.
pub fn decide(report: &Report, cache: CacheKind, policy: &Policy, allowed: Option<&str>) -> Judgement {
    if let Some(reason) = allowed {
        return Judgement { decision: Decision::Allow, reason: format!("allowed by hash: {reason}") };
    }
    let decisions = policy.decisions_for(cache);
    let found = report.worst().map(|severity| (decisions.for_severity(severity), severity.as_str()));
    let partial = matches!(report.coverage, Coverage::Partial { .. });
    let unread = partial.then_some((decisions.unscannable, "unscannable"));
    match found.into_iter().chain(unread).max_by_key(|(decision, _)| *decision) {
        Some((decision, key)) => Judgement { decision, reason: format!("policy.{}.{key}", table_of(cache, policy)) },
        None => Judgement { decision: Decision::Allow, reason: "nothing found".to_owned() },
    }
}

/// The table of the configuration that holds for a cache.
fn table_of(cache: CacheKind, policy: &Policy) -> String {
    match cache {
        _ if policy.cache.contains_key(&cache) => format!("cache.{}", cache.as_str()),
        CacheKind::Huggingface | CacheKind::TorchHub | CacheKind::Keras => "downloads".to_owned(),
        CacheKind::Mlflow | CacheKind::Folder => "work".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DecisionOverrides;
    use crate::report::{Finding, PartialCause, Rule, Severity, Verdict};

    fn report(worst: Option<Severity>, coverage: Coverage) -> Report {
        let mut report = Report::unscannable(PartialCause::Fault, "");
        report.findings.extend(worst.map(|severity| Finding::new(Rule::new("pickle.dangerous-call"), severity, "m")));
        report.verdict = Verdict::derive(worst, &coverage, true);
        report.coverage = coverage;
        report
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        use CacheKind::{Folder, Huggingface, Keras, Mlflow, TorchHub};
        use Decision::{Alert, Allow, Quarantine};
        let table = [
            (Some(Severity::Critical), Quarantine, Quarantine),
            (Some(Severity::High), Quarantine, Alert),
            (Some(Severity::Medium), Alert, Alert),
            (Some(Severity::Low), Allow, Allow),
            (None, Allow, Allow),
        ];
        for (worst, downloads, work) in table {
            let report = report(worst, Coverage::Complete);
            let decide = |cache| decide(&report, cache, &Policy::default(), None).decision;
            assert!([Huggingface, TorchHub, Keras].into_iter().all(|cache| decide(cache) == downloads), "{worst:?}");
            assert!([Mlflow, Folder].into_iter().all(|cache| decide(cache) == work), "{worst:?}");
        }
    }

    #[test]
    fn a_file_that_was_not_read_to_its_end_is_told_even_if_nothing_was_found() {
        let partial = || Coverage::Partial { cause: PartialCause::Limit, reason: "x".to_owned() };
        let policy = Policy::default();
        for (worst, expected) in [(None, Decision::Alert), (Some(Severity::Low), Decision::Alert)] {
            assert_eq!(decide(&report(worst, partial()), CacheKind::Folder, &policy, None).decision, expected);
        }
        let judgement = decide(&report(Some(Severity::Critical), partial()), CacheKind::Folder, &policy, None);
        assert_eq!(judgement.decision, Decision::Quarantine);
        assert_eq!(judgement.reason, "policy.work.critical");
    }

    #[test]
    fn a_table_for_one_cache_stands_above_the_general_one() {
        let mut policy = Policy::default();
        let lock = DecisionOverrides { critical: Some(Decision::Lock), ..DecisionOverrides::default() };
        policy.cache.insert(CacheKind::Mlflow, lock);
        let judgement = decide(&report(Some(Severity::Critical), Coverage::Complete), CacheKind::Mlflow, &policy, None);
        assert_eq!(
            judgement,
            Judgement { decision: Decision::Lock, reason: "policy.cache.mlflow.critical".to_owned() }
        );
    }

    #[test]
    fn what_its_owner_allowed_is_left_alone_and_says_why() {
        let critical = report(Some(Severity::Critical), Coverage::Complete);
        let judgement = decide(&critical, CacheKind::Huggingface, &Policy::default(), Some("read by us"));
        assert_eq!(judgement.decision, Decision::Allow);
        assert!(judgement.reason.contains("read by us"));
    }
}
