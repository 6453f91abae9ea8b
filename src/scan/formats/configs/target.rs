//! `_target_`: a dotted name that Hydra imports and calls with the keys beside it.
//!
//! Any configuration may hold one, and loaders that instantiate models from their configuration call whatever it names
//! (CVE-2025-23304 in NeMo, CVE-2026-22584 in Uni2TS).

use super::{Entry, Rule, RuleInfo, Severity};
use crate::scan::Scan;
use crate::scan::input::Input;
use crate::scan::rules::Judgement;

const TARGET: Rule = Rule::new("config.target");

pub(super) const RULE: RuleInfo = RuleInfo {
    rule: TARGET,
    severity: Severity::Critical,
    summary: "The configuration names a callable that is called when a model is made from it",
};

/// Packages of which configurations honestly name classes; what is dangerous in them is known by name.
const FRAMEWORKS: &[&str] = &[
    "torch",
    "torchvision",
    "torchaudio",
    "torchmetrics",
    "lightning",
    "pytorch_lightning",
    "nemo",
    "transformers",
    "diffusers",
    "omegaconf",
    "hydra",
    "monai",
    "timm",
    "einops",
    "fairseq2",
];

/// Judges the value of a `_target_` key.
pub(super) fn judge(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>) {
    let Some(name) = entry.text().filter(|_| entry.key() == "_target_") else { return };
    let (module, last) = name.rsplit_once('.').unwrap_or(("builtins", name));
    let is_framework = FRAMEWORKS.contains(&name.split('.').next().unwrap_or_default());
    let (severity, message) = match judge_name(scan, name, (module, last)) {
        _ if name.contains("${") => (Severity::High, "The configuration calls something whose name it computes"),
        Judgement::Dangerous { severity, .. } => {
            (severity, "The configuration calls something that can run code or reach out")
        }
        Judgement::StandardLibrary | Judgement::NoPlaceInModels { .. } => {
            (Severity::High, "The configuration calls something that has no place in a model")
        }
        Judgement::Conditional(_) => {
            (Severity::High, "The configuration calls something that is safe only with the right arguments")
        }
        Judgement::Unknown if is_framework => (Severity::Low, "The configuration calls something of a framework"),
        Judgement::Unknown => (Severity::Medium, "The configuration calls something of which nothing is known"),
        Judgement::Inert | Judgement::Model { .. } | Judgement::Reference | Judgement::Allowed => return,
    };
    let finding = super::Finding::new(TARGET, severity, message);
    scan.finding(input, finding.evidence(format!("{}: {name}", entry.keys.join("."))).callable(name));
}

/// Hydra looks a name up attribute by attribute from its first part on, so what lies on the way counts too. NeMo's collections are
/// what its own configurations are made of: the tables refuse them whole, for pickles.
fn judge_name(scan: &Scan<'_>, name: &str, (module, last): (&str, &str)) -> Judgement {
    let rules = scan.rules();
    if let Some(inside) = name.strip_prefix("nemo.collections.") {
        return rules.judge("collections_of_nemo", inside);
    }
    let (first, rest) = name.split_once('.').unwrap_or((module, last));
    match rules.judge(first, rest) {
        danger @ Judgement::Dangerous { severity: Severity::Critical, .. } => danger,
        _ => rules.judge(module, last),
    }
}
