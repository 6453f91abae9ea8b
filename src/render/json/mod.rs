//! JSON for programs. Every document is an object with `version`; keys and words are DESIGN.md's; docs/json.md describes each.
//!
//! A new key may appear at any time; when one changes its meaning or goes away, `version` grows.

pub mod checks;
pub mod config;
pub mod formats;
pub mod judged;
pub mod records;
pub mod scan;

use std::io::{self, Write};

use serde::Serialize;

use crate::report::is_plain;

/// The version of every document.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// Writes an object with `version` and the keys of `body`, indented, and a newline.
///
/// # Errors
/// When `to` cannot be written, or `body` is not an object.
pub fn document(to: &mut dyn Write, body: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(&Document { version: VERSION, body })?;
    writeln!(to, "{}", harmless(&json))
}

/// One value on one line, without a newline.
fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(harmless(&serde_json::to_string(value)?))
}

/// JSON text in which every character that could steer a terminal is an escape. serde_json escapes those below U+0020 by itself.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || is_plain(c) {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_string_steers_a_terminal_and_every_string_survives() {
        let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\u{e0041}\né";
        let json = line(&hostile).unwrap();
        assert!(json.chars().all(is_plain), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn the_version_comes_first() {
        let mut out = Vec::new();
        document(&mut out, &std::collections::BTreeMap::from([("files", 1)])).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\n  \"version\": 1,\n  \"files\": 1\n}\n");
    }
}
