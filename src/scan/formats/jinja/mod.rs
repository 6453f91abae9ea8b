//! Chat templates: Jinja that a loader renders, judged by what it means.
//!
//! Transformers and llama-cpp-python render a model's template in a sandbox; others did not, and sandboxes have had holes. A way out
//! always asks an object for an attribute that no conversation has, so every expression is evaluated as far as its constants go, and
//! every attribute that it reaches for is looked at under the name that comes out. Nothing is rendered and nothing is called.
//! Grammar: Jinja2's `lexer.py` and `parser.py`; the parser is our own because one that refuses what Jinja2 takes would be a way in.

mod calls;
mod expression;
mod filters;
mod lexer;
mod names;
mod seen;
mod statement;
mod value;

use std::io;

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use lexer::Lexer;
use seen::Seen;
use statement::Walker;

const ESCAPE: Rule = Rule::new("jinja.escape");
const DYNAMIC_ATTRIBUTE: Rule = Rule::new("jinja.dynamic-attribute");
const FOREIGN_GLOBAL: Rule = Rule::new("jinja.foreign-global");
const INCLUDE: Rule = Rule::new("jinja.include");
const UNPARSABLE: Rule = Rule::new("jinja.unparsable");
const RESOURCE: Rule = Rule::new("jinja.resource");
const HIDDEN_TEXT: Rule = Rule::new("jinja.hidden-text");

/// Chat templates.
pub static FORMAT: Format = Format {
    name: "jinja",
    title: "Jinja chat template",
    recognised_by: "template tags and the words of a conversation, or the name `chat_template.jinja`",
    looks_for: "attributes that lead out of the sandbox, however their names are put together; includes; runaway loops",
    rules: &[
        RuleInfo {
            rule: ESCAPE,
            severity: Severity::Critical,
            summary: "The template reaches for an attribute that leads to Python's internals",
        },
        RuleInfo {
            rule: DYNAMIC_ATTRIBUTE,
            severity: Severity::High,
            summary: "The template reaches for an attribute whose name it computes",
        },
        RuleInfo {
            rule: FOREIGN_GLOBAL,
            severity: Severity::High,
            summary: "The template takes a built-in function apart, or uses one of a web framework",
        },
        RuleInfo {
            rule: INCLUDE,
            severity: Severity::Medium,
            summary: "The template includes, imports or extends another one",
        },
        RuleInfo {
            rule: UNPARSABLE,
            severity: Severity::Medium,
            summary: "The template cannot be parsed, so nobody knows what a renderer makes of it",
        },
        RuleInfo { rule: RESOURCE, severity: Severity::Low, summary: "The template counts to a very large number" },
        RuleInfo {
            rule: HIDDEN_TEXT,
            severity: Severity::Low,
            summary: "The template holds characters that are not seen or that turn the direction of text",
        },
    ],
    recognise,
    scan,
};

/// The longest template that is read, in bytes. Those of known models have at most 50 KB.
pub(super) const MAX_TEMPLATE_BYTES: usize = 1 << 20;

/// Whether a metadata or configuration key holds templates: `chat_template`, `tokenizer.chat_template.tool_use`, ...
pub(super) fn is_template_key(key: &str) -> bool {
    let key = key.strip_prefix("tokenizer.").unwrap_or(key);
    key == "chat_template" || key == "chat_templates" || key.starts_with("chat_template.")
}

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let head = probe.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(probe.head);
    if head.iter().any(|byte| matches!(byte, 0..=8 | 14..=31)) {
        return Ok(false);
    }
    let has = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    let has_tags = has(b"{%") || has(b"{{");
    let member = probe.input.member().rsplit(['!', '/']).next().unwrap_or_default();
    let name = if member.is_empty() { probe.hints.name.as_str() } else { member };
    if name.ends_with(".jinja") && name.contains("chat_template") {
        return Ok(true);
    }
    let text = head.trim_ascii_start();
    let begins_with_tag = [b"{%", b"{{", b"{#"].iter().any(|tag| text.starts_with(*tag));
    let is_chat = has(b"messages") && (has(b"role") || has(b"add_generation_prompt") || has(b"bos_token"));
    Ok(has_tags && begins_with_tag && (is_chat || names::DUNDERS.iter().any(|name| has(name.as_bytes()))))
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let mut bytes = input.bytes_at(0, MAX_TEMPLATE_BYTES + 1)?;
    let is_cut = bytes.len() > MAX_TEMPLATE_BYTES;
    bytes.truncate(MAX_TEMPLATE_BYTES);
    let text = String::from_utf8_lossy(&bytes);
    if let Some((at, character)) = text.char_indices().find(|(_, character)| names::is_hidden(*character)) {
        let message = "The template holds characters that are not seen or that turn the direction of text";
        let evidence = format!("U+{:04X}", u32::from(character));
        scan.finding(input, Finding::new(HIDDEN_TEXT, Severity::Low, message).at(at as u64).evidence(evidence));
    }
    let seen = walk(&text);
    let is_exhausted = seen.is_exhausted;
    for finding in seen.findings {
        scan.finding(input, finding);
    }
    if is_cut {
        return Err(Stop::Limit(format!("the template is longer than {MAX_TEMPLATE_BYTES} bytes")));
    }
    if is_exhausted {
        return Err(Stop::Limit("the template computes more than is followed".into()));
    }
    Ok(())
}

/// Goes through the template twice, so that what a loop sets at its end is known at its beginning, and tells what it saw.
fn walk(text: &str) -> Seen {
    let mut walker = Walker::new();
    for _ in 0..2 {
        let mut lexer = Lexer::new(text);
        loop {
            match lexer.next_part() {
                Ok(Some(part)) => walker.part(part),
                Ok(None) => break,
                Err(error) => {
                    walker.seen.unparsable(error.at, &error.reason);
                    break;
                }
            }
        }
    }
    walker.seen
}

#[cfg(test)]
mod tests;
