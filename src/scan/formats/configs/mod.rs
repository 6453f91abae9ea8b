//! The configuration files that lie beside weights: of hub repositories, of MLflow models, of Hydra and OmegaConf.
//!
//! They hold no code but say which code is loaded: a module in the repository or in another one, a callable by its dotted name, a
//! package from somewhere. Files are recognised by keys that only such files have, so that other JSON, YAML and text stays what it is.
//! The parsers give single values with the keys above them; nothing is built and no anchor is expanded.

mod environment;
mod hub;
mod json;
mod mlmodel;
mod target;
mod yaml;

use std::io;

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::Scan;
use crate::scan::identify::Probe;
use crate::scan::input::Input;

pub use environment::ENVIRONMENT;
pub use hub::HUB;
pub use mlmodel::MLMODEL;
pub use yaml::YAML;

/// Bytes of a file in which the keys that it is recognised by are looked for.
const MAX_LOOK_BYTES: usize = 256 << 10;
/// The longest file that is read; the longest honest ones are indexes of sharded weights, of some MB.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A single value and the keys above it, outermost first. Lists add no key.
struct Entry<'a> {
    keys: &'a [String],
    value: Value<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Text(&'a str),
    True,
    /// `null`, `false`, a number.
    Other,
}

impl<'a> Entry<'a> {
    fn key(&self) -> &'a str {
        self.keys.last().map_or("", String::as_str)
    }

    fn is_under(&self, key: &str) -> bool {
        self.keys.iter().any(|own| own == key)
    }

    fn text(&self) -> Option<&'a str> {
        if let Value::Text(text) = self.value { Some(text) } else { None }
    }

    fn report(&self, scan: &mut Scan<'_>, input: &Input, rule: Rule, severity: Severity, message: &str) {
        let place = self.keys.join(".");
        let evidence = match self.value {
            Value::Text(text) => format!("{place}: {text}"),
            Value::True => format!("{place}: true"),
            Value::Other => place,
        };
        scan.finding(input, Finding::new(rule, severity, message).evidence(evidence));
    }
}

/// The beginning of a text file as far as keys are looked for; `None` for what is no text.
fn beginning(probe: &Probe<'_>) -> io::Result<Option<Vec<u8>>> {
    if probe.head.is_empty() || probe.head.iter().any(|byte| matches!(byte, 0..=8 | 14..=31)) {
        return Ok(None);
    }
    Ok(Some(probe.input.bytes_at(0, MAX_LOOK_BYTES)?))
}

/// Whether `word` stands somewhere as a key: followed by a colon, behind its quote if it has one.
fn has_key(text: &[u8], word: &str) -> bool {
    memchr::memmem::find_iter(text, word).any(|at| {
        let after = text.get(at + word.len()..).unwrap_or_default();
        let after = after.strip_prefix(b"\"").or_else(|| after.strip_prefix(b"'")).unwrap_or(after);
        after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    })
}

/// Whether a path leaves the folder that it is relative to.
fn climbs(path: &str) -> bool {
    path.split(['/', '\\']).any(|part| part == "..")
}

/// Whether a path names a place of its own: absolute, of a home folder, of a drive, or a URL.
fn is_elsewhere(path: &str) -> bool {
    path.starts_with(['/', '\\', '~']) || path.contains("://") || path.as_bytes().get(1) == Some(&b':')
}

#[cfg(test)]
mod tests;
