//! What to do about a report: (report, where the file is, configuration, allow entries) to a decision. Pure; tested as a table.

use crate::caches::CacheKind;
use crate::config::{Decision, Policy};
use crate::report::{Report, Severity, Verdict};

/// A decision and the one line that says which setting led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What to do.
    pub decision: Decision,
    /// Which setting said so: `policy.downloads.critical`.
    pub reason: String,
}

/// Decides what to do about `report`, of a file in a cache of kind `cache`. `allowed` says that the file's content is on the
/// allow list, with the reason that was given.
pub fn decide(report: &Report, cache: CacheKind, policy: &Policy, allowed: Option<&str>) -> Judgement {
    if let Some(reason) = allowed {
        return Judgement { decision: Decision::Allow, reason: format!("allowed by hash: {reason}") };
    }
    let decisions = policy.decisions_for(cache);
    let (decision, key) = match (report.verdict, report.worst()) {
        (Verdict::Malicious | Verdict::Suspicious, Some(severity)) => {
            (decisions.for_severity(severity), severity.as_str())
        }
        (Verdict::Unscannable, _) => (decisions.unscannable, "unscannable"),
        (_, Some(_)) => (decisions.low, Severity::Low.as_str()),
        (_, None) => return Judgement { decision: Decision::Allow, reason: "nothing found".to_owned() },
    };
    Judgement { decision, reason: format!("policy.{}.{key}", table_of(cache, policy)) }
}

fn table_of(cache: CacheKind, policy: &Policy) -> &'static str {
    match cache {
        CacheKind::Huggingface if policy.cache.contains_key(&cache) => "cache.huggingface",
        CacheKind::TorchHub if policy.cache.contains_key(&cache) => "cache.torch-hub",
        CacheKind::Keras if policy.cache.contains_key(&cache) => "cache.keras",
        CacheKind::Mlflow if policy.cache.contains_key(&cache) => "cache.mlflow",
        CacheKind::Folder if policy.cache.contains_key(&cache) => "cache.folder",
        CacheKind::Huggingface | CacheKind::TorchHub | CacheKind::Keras => "downloads",
        CacheKind::Mlflow | CacheKind::Folder => "work",
    }
}
