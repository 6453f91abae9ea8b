//! Model configurations in YAML, as Keras up to 2.6 wrote and loaded them: with a loader that makes Python objects by name
//! (CVE-2021-37678). Only the tags matter, and they are found without a parser.

use std::io;

use super::PYTHON_TAG;
use crate::report::{Finding, Severity};
use crate::scan::Scan;
use crate::scan::input::Input;

/// The longest configuration that is looked at to recognise it, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// How tags of Python objects begin: short, written out, and with their colon escaped.
const TAGS: [&[u8]; 3] = [b"!!python/", b"!<tag:yaml.org,2002:python/", b"tag:yaml.org,2002:python"];
/// Tags that make plain data. Keras wrote tuples so.
const PLAIN: [&[u8]; 10] =
    [b"tuple", b"none", b"bool", b"str", b"unicode", b"int", b"long", b"float", b"complex", b"dict"];

/// Whether a file that begins so may be YAML: text that is no JSON.
pub(super) fn may_be(head: &[u8]) -> bool {
    let is_text = head.iter().all(|byte| *byte >= b' ' || byte.is_ascii_whitespace());
    is_text && head.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| !b"{[\"".contains(byte))
}

/// Whether it names the class of a model, or makes Python objects.
pub(super) fn has_class(input: &Input) -> io::Result<bool> {
    let text = input.bytes_at(0, usize::try_from(input.size()?).unwrap_or(MAX_BYTES).min(MAX_BYTES))?;
    let has = |word: &[u8]| memchr::memmem::find(&text, word).is_some();
    Ok(has(b"class_name:") && has(b"config:"))
}

/// Reports tags of Python objects.
pub(super) fn scan(scan: &mut Scan<'_>, input: &Input, text: &[u8]) {
    for start in TAGS {
        for at in memchr::memmem::find_iter(text, start) {
            let rest = text.get(at + start.len()..).unwrap_or_default();
            let end = rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len()).min(200);
            let tag = rest.get(..end).unwrap_or_default();
            if !PLAIN.contains(&tag.trim_ascii_end()) {
                let message = "The YAML makes a Python object by name when it is loaded as Keras did";
                let evidence = String::from_utf8_lossy(tag);
                let finding = Finding::new(PYTHON_TAG, Severity::Critical, message).at(at as u64);
                scan.finding(input, finding.evidence(evidence));
                return;
            }
        }
    }
}
