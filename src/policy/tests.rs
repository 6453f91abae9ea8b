//! What is decided about which file, as tables.

use super::*;
use crate::config::DecisionOverrides;
use crate::report::{PartialCause, Rule, Severity, Verdict};

fn decide_in(report: &Report, cache: CacheKind, policy: &Policy, allowed: Option<&str>) -> Judgement {
    let origin = Origin::of(cache);
    decide(report, &Subject { allowed, ..subject(&origin) }, policy)
}

fn subject(origin: &Origin) -> Subject<'_> {
    let path = Path::new("/models/a/model.bin");
    Subject { path, origin, owner: 1000, owner_name: Some("ada"), sha256: None, allowed: None }
}

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
        let decide = |cache| decide_in(&report, cache, &Policy::default(), None).decision;
        assert!([Huggingface, TorchHub, Keras].into_iter().all(|cache| decide(cache) == downloads), "{worst:?}");
        assert!([Mlflow, Folder].into_iter().all(|cache| decide(cache) == work), "{worst:?}");
    }
}

#[test]
fn a_file_that_was_not_read_to_its_end_is_told_even_if_nothing_was_found() {
    let partial = || Coverage::Partial { cause: PartialCause::Limit, reason: "x".to_owned() };
    let policy = Policy::default();
    for (worst, expected) in [(None, Decision::Alert), (Some(Severity::Low), Decision::Alert)] {
        assert_eq!(decide_in(&report(worst, partial()), CacheKind::Folder, &policy, None).decision, expected);
    }
    let judgement = decide_in(&report(Some(Severity::Critical), partial()), CacheKind::Folder, &policy, None);
    assert_eq!(judgement.decision, Decision::Quarantine);
    assert_eq!(judgement.reason, "policy.work.critical");
}

#[test]
fn a_table_for_one_cache_stands_above_the_general_one() {
    let mut policy = Policy::default();
    let lock = DecisionOverrides { critical: Some(Decision::Lock), ..DecisionOverrides::default() };
    policy.cache.insert(CacheKind::Mlflow, lock);
    let judgement = decide_in(&report(Some(Severity::Critical), Coverage::Complete), CacheKind::Mlflow, &policy, None);
    assert_eq!(judgement, Judgement { decision: Decision::Lock, reason: "policy.cache.mlflow.critical".to_owned() });
}

#[test]
fn what_its_owner_allowed_is_left_alone_and_says_why() {
    let critical = report(Some(Severity::Critical), Coverage::Complete);
    let judgement = decide_in(&critical, CacheKind::Huggingface, &Policy::default(), Some("read by us"));
    assert_eq!(judgement.decision, Decision::Allow);
    assert!(judgement.reason.contains("read by us"));
}

/// A file with a harmless own callable, and with an attack besides.
fn two_findings() -> Report {
    let mut report = report(Some(Severity::Critical), Coverage::Complete);
    report.findings[0].callable = Some("posix.system".to_owned());
    let own = Finding::new(Rule::new("pickle.unknown-call"), Severity::High, "m").callable("our_pkg.models.Net");
    report.findings.push(own);
    report
}

fn policy(toml: &str) -> Policy {
    crate::config::parse(toml, Path::new("modelscand.toml")).unwrap().policy
}

fn rule(keys: &str) -> Policy {
    policy(&format!("[[policy.rule]]\n{keys}\ndecision = \"lock\"\n"))
}

#[test]
fn a_rule_matches_when_all_of_its_keys_do() {
    let report = two_findings();
    let hash = "ab".repeat(32);
    let repository = Some("our-org/net".to_owned());
    let origin = Origin { repository, ..Origin::of(CacheKind::Huggingface) };
    let subject = Subject { sha256: Some(&hash), ..subject(&origin) };
    for (keys, matches) in [
        ("", true),
        ("severity = \"critical\"", true),
        ("severity = [\"high\", \"critical\"]", true),
        ("severity = \"low\"", false),
        ("rule = \"pickle.dangerous-call\"", true),
        ("rule = \"pickle.*\"", true),
        ("rule = \"archive.*\"", false),
        ("callable = \"posix.system\"", true),
        ("callable = \"posix.*\"", true),
        ("callable = \"posix.sys\"", false),
        ("cache = \"huggingface\"", true),
        ("cache = [\"mlflow\", \"keras\"]", false),
        ("path = \"/models/**\"", true),
        ("path = \"/models/*\"", false),
        ("path = \"**/*.bin\"", true),
        ("owner = 1000", true),
        ("owner = \"ada\"", true),
        ("owner = [0, \"bob\"]", false),
        ("repository = \"our-org/*\"", true),
        ("repository = \"our-*\"", false),
        (&format!("sha256 = \"{}\"", hash.to_uppercase()), true),
        (&format!("sha256 = \"{}\"", "00".repeat(32)), false),
        ("owner = \"ada\"\ncache = \"huggingface\"\ncallable = \"posix.*\"", true),
        ("owner = \"ada\"\ncache = \"mlflow\"", false),
        ("severity = \"critical\"\ncallable = \"our_pkg.*\"", false),
    ] {
        let judged = judge(&report, &subject, &rule(keys));
        let is_by_rule = judged[0].1.reason == "policy.rule[1]";
        assert_eq!(is_by_rule, matches, "{keys}: {judged:?}");
        assert_eq!(judged[0].1.decision == Decision::Lock, matches, "{keys}");
    }
}

#[test]
fn the_first_rule_that_matches_wins_and_is_named_with_its_reason() {
    let policy = policy(
        "[[policy.rule]]\ncache = \"mlflow\"\ndecision = \"allow\"\n\
         [[policy.rule]]\nseverity = \"critical\"\ndecision = \"alert\"\nreason = \"a test machine\"\n\
         [[policy.rule]]\ndecision = \"lock\"\n",
    );
    let judgement = decide_in(&report(Some(Severity::Critical), Coverage::Complete), CacheKind::Folder, &policy, None);
    let expected = Judgement { decision: Decision::Alert, reason: "policy.rule[2]: a test machine".to_owned() };
    assert_eq!(judgement, expected);
}

#[test]
fn a_rule_for_one_callable_does_not_let_the_rest_of_the_file_pass() {
    let policy = policy("[[policy.rule]]\ncallable = \"our_pkg.*\"\ndecision = \"allow\"\n");
    let judgement = decide_in(&two_findings(), CacheKind::Folder, &policy, None);
    assert_eq!(judgement.decision, Decision::Quarantine);
    assert_eq!(judgement.reason, "policy.work.critical");
}

#[test]
fn what_could_not_be_read_is_judged_by_rules_about_the_file_only() {
    let partial = report(None, Coverage::Partial { cause: PartialCause::Limit, reason: "x".to_owned() });
    for (keys, decision) in [("cache = \"folder\"", Decision::Lock), ("rule = \"pickle.*\"", Decision::Alert)] {
        assert_eq!(decide_in(&partial, CacheKind::Folder, &rule(keys), None).decision, decision, "{keys}");
    }
}

#[test]
fn a_file_in_which_nothing_was_found_is_taken_only_by_its_hash() {
    let clean = report(None, Coverage::Complete);
    let (origin, hash) = (Origin::folder(), "ab".repeat(32));
    let subject = Subject { sha256: Some(&hash), ..subject(&origin) };
    assert_eq!(decide(&clean, &subject, &rule("path = \"/models/**\"")).decision, Decision::Allow);
    let by_hash = rule(&format!("sha256 = \"{hash}\""));
    assert_eq!(decide(&clean, &subject, &by_hash).decision, Decision::Lock);
    assert!(needs_hash(&by_hash) && !needs_hash(&Policy::default()));
}
