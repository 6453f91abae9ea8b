//! Bytecode in a configuration: Keras writes a function without a name as marshalled code in base64, since Keras 2, or as text with an
//! escape for each byte, before.
//!
//! Old readers run it as they load; new ones ask for `safe_mode=False`, which only `.keras` archives know (CVE-2024-3660, CVE-2025-9905).

use super::json::Value;
use super::{LAMBDA, base64};
use crate::report::{Finding, Severity};
use crate::scan::Scan;
use crate::scan::formats::pickle::{self, Reach};
use crate::scan::input::Input;
use crate::scan::rules::Rules;

/// Code in a text shorter than this does nothing: an empty function of Python 2.7 takes more, in bytes.
const LEAST_TEXT_BYTES: usize = 40;

/// The text that holds the code, in a value that stands where Keras looks for code: the text itself, `[code, defaults, closure]`, or an
/// object with it.
pub(super) fn carried(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::List(items) => items.first().and_then(Value::text),
        Value::Object(object) => object.all("code").chain(object.all("value")).find_map(|value| match value {
            Value::List(items) => items.first().and_then(Value::text),
            other => other.text(),
        }),
        Value::Other => None,
    }
}

/// Reports the code in `text`, which stands where Keras looks for code.
pub(super) fn report(scan: &mut Scan<'_>, input: &Input, layer: &str, text: &str) {
    let reach = reach(text, scan.rules());
    let reach = reach.unwrap_or(Reach { severity: Severity::High, listed: Vec::new(), is_whole: false });
    found(scan, input, layer, &reach);
}

/// Reports the code in `text` if it is any, wherever it stands.
pub(super) fn report_if_code(scan: &mut Scan<'_>, input: &Input, layer: &str, text: &str) {
    if text.len() >= LEAST_TEXT_BYTES
        && may_be_code(text)
        && let Some(reach) = reach(text, scan.rules())
    {
        found(scan, input, layer, &reach);
    }
}

/// The type byte of code, with or without its flag, as base64 or as a character.
fn may_be_code(text: &str) -> bool {
    let first = text.chars().find(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '\u{e3}'));
    matches!(first, Some('4' | 'Y' | 'c' | '\u{e3}'))
}

fn reach(text: &str, rules: &Rules) -> Option<Reach> {
    let encoded = base64::decode(text).and_then(|bytes| pickle::reach_of_marshal(&bytes, rules));
    encoded.or_else(|| pickle::reach_of_marshal(&raw(text), rules))
}

/// `text.encode("raw_unicode_escape")`, for the characters that stand for a byte.
fn raw(text: &str) -> Vec<u8> {
    text.chars().map_while(|c| u8::try_from(u32::from(c)).ok()).collect()
}

fn found(scan: &mut Scan<'_>, input: &Input, layer: &str, reach: &Reach) {
    let mut evidence = if layer.is_empty() { "a function".to_owned() } else { format!("layer `{layer}`") };
    if !reach.listed.is_empty() {
        evidence.push_str(": ");
        evidence.push_str(&reach.listed.join(", "));
    }
    scan.finding(input, Finding::new(LAMBDA, reach.severity, reach.message()).evidence(evidence));
}
