//! `modelscand formats --json`.

use std::io::{self, Write};

use serde::Serialize;

use super::document;
use crate::report::Severity;
use crate::scan::formats::{ENGINE_RULES, FORMATS, RuleInfo};

#[derive(Serialize)]
struct Body {
    formats: Vec<Format>,
    engine_rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Format {
    name: &'static str,
    title: &'static str,
    recognised_by: &'static str,
    looks_for: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    rule: &'static str,
    severity: Severity,
    summary: &'static str,
}

impl From<&'static RuleInfo> for Rule {
    fn from(info: &'static RuleInfo) -> Self {
        Self { rule: info.rule.as_str(), severity: info.severity, summary: info.summary }
    }
}

/// Prints every format and rule.
///
/// # Errors
/// When `to` cannot be written.
pub fn formats(to: &mut dyn Write) -> io::Result<()> {
    let formats = FORMATS.iter().map(|format| Format {
        name: format.name,
        title: format.title,
        recognised_by: format.recognised_by,
        looks_for: format.looks_for,
        rules: format.rules.iter().map(Rule::from).collect(),
    });
    document(to, &Body { formats: formats.collect(), engine_rules: ENGINE_RULES.iter().map(Rule::from).collect() })
}
