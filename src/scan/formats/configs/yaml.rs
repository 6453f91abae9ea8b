//! YAML: gives values one by one, and finds tags that make Python objects and names that Hydra calls.

use std::collections::HashMap;
use std::io;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Entry, Format, Input, Probe, Rule, RuleInfo, Scan, Severity, Value, beginning, has_key, target};
use crate::report::Finding;
use crate::scan::Stop;

const PYTHON_TAG: Rule = Rule::new("yaml.python-tag");

/// YAML that names what is to be called.
pub static YAML: Format = Format {
    name: "yaml",
    title: "YAML that makes objects (Hydra, OmegaConf, PyYAML)",
    recognised_by: "YAML with a `_target_` key or a `!!python/` tag",
    looks_for: "callables that a loader calls by their names",
    rules: &[
        RuleInfo {
            rule: PYTHON_TAG,
            severity: Severity::Critical,
            summary: "A tag makes PyYAML's unsafe loaders import or call something",
        },
        target::RULE,
    ],
    recognise,
    scan,
};

/// The longest YAML that is read, in bytes. The parser holds the whole of it.
const MAX_YAML_BYTES: usize = 4 << 20;
/// Mappings and lists in each other.
const MAX_DEPTH: usize = 128;
/// Anchored values that are remembered, and their longest.
const MAX_ANCHORS: usize = 1024;
const MAX_ANCHORED_BYTES: usize = 1024;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let Some(start) = beginning(probe)? else { return Ok(false) };
    let has = |word: &[u8]| memchr::memmem::find(&start, word).is_some();
    let has_tag = has(b"!python/") || has(b":python/") || has(b"%TAG");
    // Escapes in names and tags hide these words; only a file that says that it is YAML is parsed for them.
    let hides = is_named_yaml(probe) && (has(b"\\x") || has(b"\\u") || has(b"!!%"));
    if !has_tag && !hides && !has_key(&start, "_target_") || start.trim_ascii_start().starts_with(b"{") {
        return Ok(false);
    }
    // Other text may quote such YAML; only a file that is YAML as a whole, or says that it is, is loaded as such.
    let is_said = is_named_yaml(probe) && (has(b"python/") || has_key(&start, "_target_"));
    let Ok(text) = read(probe.input) else { return Ok(is_said) };
    let mut is_found = false;
    let result = walk(&text, &mut |seen| {
        is_found |=
            matches!(seen, Seen::PythonTag(_)) || matches!(seen, Seen::Entry(entry) if entry.key() == "_target_");
    });
    Ok(if result.is_ok() { is_found } else { is_said })
}

fn is_named_yaml(probe: &Probe<'_>) -> bool {
    let member = probe.input.member();
    let name = if member.is_empty() { probe.hints.name.as_str() } else { member };
    name.ends_with(".yaml") || name.ends_with(".yml")
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let text = read(input)?;
    walk(&text, &mut |seen| match seen {
        Seen::Entry(entry) => target::judge(scan, input, entry),
        Seen::PythonTag(tag) => python_tag(scan, input, tag),
    })
}

/// Reports a tag that makes Python objects, but for those that make plain data.
pub(super) fn python_tag(scan: &mut Scan<'_>, input: &Input, tag: &str) {
    let plain = ["tuple", "str", "unicode", "int", "long", "float", "complex", "bool", "none", "bytes", "list", "dict"];
    let kind = tag.rsplit("python/").next().unwrap_or(tag);
    if !plain.contains(&kind) {
        let message = "A tag makes PyYAML's unsafe loaders import or call something";
        scan.finding(input, Finding::new(PYTHON_TAG, Severity::Critical, message).evidence(tag));
    }
}

/// What the parser meets.
pub(super) enum Seen<'a> {
    Entry(&'a Entry<'a>),
    PythonTag(&'a str),
}

/// The whole text of a YAML file.
///
/// # Errors
/// When it is too long or no UTF-8.
pub(super) fn read(input: &Input) -> Result<String, Stop> {
    let bytes = input.bytes_at(0, MAX_YAML_BYTES + 1)?;
    if bytes.len() > MAX_YAML_BYTES {
        return Err(Stop::Limit(format!("YAML of more than {MAX_YAML_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Stop::Fault("the YAML is no UTF-8".into()))
}

/// An open mapping or list.
enum Open {
    List,
    /// Whether a key was read and its value comes next.
    Mapping {
        has_key: bool,
    },
}

struct Walk<'w> {
    open: Vec<Open>,
    keys: Vec<String>,
    anchors: HashMap<usize, String>,
    each: &'w mut dyn FnMut(Seen<'_>),
}

/// Hands every single value and every tag of Python's to `each`.
///
/// # Errors
/// When the text is no YAML, or nested too deep.
pub(super) fn walk(text: &str, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), Stop> {
    let mut walk = Walk { open: Vec::new(), keys: Vec::new(), anchors: HashMap::new(), each };
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| Stop::Fault(format!("the YAML cannot be read: {error}")))?;
        walk.event(&event)?;
    }
    Ok(())
}

impl Walk<'_> {
    fn event(&mut self, event: &Event<'_>) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref());
                self.remember(*anchor, text);
                self.scalar(text, *style);
            }
            Event::Alias(anchor) => {
                let text = self.anchors.get(anchor).cloned().unwrap_or_default();
                self.scalar(&text, ScalarStyle::DoubleQuoted);
            }
            Event::MappingStart(_, tag) => {
                self.tag(tag.as_deref());
                self.enter(Open::Mapping { has_key: false })?;
            }
            Event::SequenceStart(_, tag) => {
                self.tag(tag.as_deref());
                self.enter(Open::List)?;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                self.value_ends();
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, open: Open) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Stop::Limit(format!("YAML is nested deeper than {MAX_DEPTH}")));
        }
        // A mapping or list as a key has no name.
        if let Some(Open::Mapping { has_key: has_key @ false }) = self.open.last_mut() {
            *has_key = true;
            self.keys.push(String::new());
            self.open.push(open);
            return Ok(());
        }
        self.open.push(open);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle) {
        if let Some(Open::Mapping { has_key: has_key @ false }) = self.open.last_mut() {
            *has_key = true;
            self.keys.push(text.get(..text.floor_char_boundary(MAX_ANCHORED_BYTES)).unwrap_or_default().to_owned());
            return;
        }
        let value = match (style, text) {
            (ScalarStyle::Plain, "true" | "True" | "TRUE" | "yes" | "on") => Value::True,
            (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL" | "false" | "False" | "FALSE") => Value::Other,
            _ => Value::Text(text),
        };
        (self.each)(Seen::Entry(&Entry { keys: &self.keys, value }));
        self.value_ends();
    }

    /// The value of a key has been read: the key goes. What ends may itself have been a key, whose value comes next.
    fn value_ends(&mut self) {
        if let Some(Open::Mapping { has_key: has_key @ true }) = self.open.last_mut() {
            *has_key = false;
            self.keys.pop();
        }
    }

    fn remember(&mut self, anchor: usize, text: &str) {
        if anchor > 0 && self.anchors.len() < MAX_ANCHORS && text.len() <= MAX_ANCHORED_BYTES {
            self.anchors.insert(anchor, text.to_owned());
        }
    }

    fn tag(&mut self, tag: Option<&Tag>) {
        let Some(tag) = tag else { return };
        let whole = decoded(&format!("{}{}", tag.handle, tag.suffix));
        if whole.contains("python/") {
            (self.each)(Seen::PythonTag(&whole));
        }
    }
}

/// A tag with its percent escapes decoded, as PyYAML does.
fn decoded(tag: &str) -> String {
    let mut pieces = tag.split('%');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match (code, piece.get(2..)) {
            (Some(code), Some(rest)) => {
                text.push(char::from(code));
                text.push_str(rest);
            }
            _ => {
                text.push('%');
                text.push_str(piece);
            }
        }
    }
    text
}
