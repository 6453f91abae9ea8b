//! Which `[[policy.rule]]` makes sense: one that could never match is a mistake, and the machine would be guarded less than its
//! author believes.

use globset::Glob;

use super::{Complaints, complain, is_sha256};
use crate::config::PolicyRule;
use crate::report::printable;
use crate::scan::formats::rules;

/// The longest name that is repeated in a complaint, in bytes.
const MAX_NAME_BYTES: usize = 200;

pub(super) fn check(index: usize, rule: &PolicyRule, to: &mut Complaints) {
    let key = |name: &str, at: usize| format!("policy.rule.{index}.{name}.{at}");
    for (at, name) in rule.rule.iter().enumerate() {
        if let Some(message) = not_a_rule(name) {
            complain(to, key("rule", at), message);
        }
    }
    for (at, callable) in rule.callable.iter().enumerate() {
        if callable.is_empty() || callable.contains(char::is_whitespace) {
            complain(to, key("callable", at), "not a callable: a dotted name, or the beginning of one and a `*`");
        }
    }
    for (name, globs) in [("path", &rule.path), ("repository", &rule.repository)] {
        for (at, glob) in globs.iter().enumerate() {
            if let Err(e) = Glob::new(glob) {
                complain(to, key(name, at), format!("not a glob: {}", e.kind()));
            } else if name == "path" && !glob.starts_with(['/', '*']) {
                complain(to, key(name, at), "a path starts with `/`, or with `**/` for any folder");
            }
        }
    }
    for (at, sha256) in rule.sha256.iter().enumerate() {
        if !is_sha256(sha256) {
            complain(to, key("sha256", at), "not a SHA-256: 64 hexadecimal digits, as `sha256sum FILE` prints");
        }
    }
}

/// Why no finding could have such a rule.
fn not_a_rule(name: &str) -> Option<String> {
    let known: Vec<_> = rules().collect();
    let names: Vec<&str> = known.iter().map(|info| info.rule.as_str()).collect();
    let is_known = match name.strip_suffix('*') {
        Some(beginning) => names.iter().any(|known| known.starts_with(beginning)),
        None => names.contains(&name),
    };
    if is_known {
        return None;
    }
    let hint = match crate::config::nearest(name, &names) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`modelscand formats` lists all rules".to_owned(),
    };
    Some(format!("no finding has the rule `{}`; {hint}", printable(name, MAX_NAME_BYTES)))
}
