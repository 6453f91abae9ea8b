//! The metadata: goes over every value, and hands the chat templates on.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use super::reader::Reader;
use super::{DUPLICATE_KEY, LYING_HEADER, NESTED_ARRAY, TOKEN_ID};
use crate::report::{Finding, Severity, printable};
use crate::scan::formats::jinja;
use crate::scan::{Scan, Stop};

/// Keys and tensor names are at most this long (ggml, `GGML_MAX_NAME`; keys by the specification 65,535).
pub(super) const MAX_NAME_BYTES: usize = 256;
/// Arrays in arrays that are followed.
const MAX_NESTING: u32 = 4;
/// Where tensors begin unless `general.alignment` says otherwise.
const DEFAULT_ALIGNMENT: u64 = 32;
/// The largest alignment that makes sense: a huge page.
const MAX_ALIGNMENT: u64 = 1 << 21;

const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Names that were seen, as hashes under a key that no attacker knows.
#[derive(Default)]
pub(super) struct Names {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl Names {
    /// `false` when the name was there before.
    pub(super) fn insert(&mut self, name: &str) -> bool {
        self.seen.insert(self.hasher.hash_one(name))
    }
}

/// What later parts of the file depend on.
struct Facts {
    alignment: u64,
    vocabulary: Option<u64>,
    token_ids: Vec<(String, i64)>,
}

/// Reads `count` entries and returns the alignment of the tensors in bytes.
pub(super) fn read(scan: &mut Scan<'_>, reader: &mut Reader<'_>, count: u64) -> Result<u64, Stop> {
    let mut names = Names::default();
    let mut facts = Facts { alignment: DEFAULT_ALIGNMENT, vocabulary: None, token_ids: Vec::new() };
    for _ in 0..count {
        let key = reader.name(scan, "metadata key", MAX_NAME_BYTES)?;
        if !names.insert(&key) {
            duplicate(scan, reader, "metadata key", &key);
        }
        entry(scan, reader, &key, &mut facts)?;
    }
    judge_token_ids(scan, reader, &facts);
    if !facts.alignment.is_power_of_two() || facts.alignment > MAX_ALIGNMENT {
        let message = "The alignment is no power of two, which readers divide by";
        let evidence = format!("general.alignment = {}", facts.alignment);
        scan.finding(reader.input, Finding::new(LYING_HEADER, Severity::High, message).evidence(&evidence));
        return Err(Stop::Fault(format!("the tensors cannot be placed: {evidence}")));
    }
    Ok(facts.alignment)
}

pub(super) fn duplicate(scan: &mut Scan<'_>, reader: &Reader<'_>, what: &str, name: &str) {
    let message = "A name stands twice in the header: readers differ in which one counts";
    let evidence = format!("{what} {name}");
    scan.finding(reader.input, Finding::new(DUPLICATE_KEY, Severity::Medium, message).evidence(evidence));
}

fn entry(scan: &mut Scan<'_>, reader: &mut Reader<'_>, key: &str, facts: &mut Facts) -> Result<(), Stop> {
    let kind = reader.u32()?;
    match kind {
        STRING => {
            let (at, length) = reader.string(scan, key)?;
            if jinja::is_template_key(key) {
                template(scan, reader, key, at, length)?;
            }
            Ok(())
        }
        ARRAY => {
            let count = array(scan, reader, key, 0)?;
            if key == "tokenizer.ggml.tokens" {
                facts.vocabulary = Some(count);
            }
            Ok(())
        }
        _ => number(scan, reader, key, kind, facts),
    }
}

fn number(scan: &mut Scan<'_>, reader: &mut Reader<'_>, key: &str, kind: u32, facts: &mut Facts) -> Result<(), Stop> {
    let width = width_of(scan, reader, kind, key)?;
    let is_integer32 = matches!(kind, 4 | 5);
    if is_integer32 && key == "general.alignment" {
        facts.alignment = reader.u32()?.into();
    } else if is_integer32 && key.starts_with("tokenizer.") && key.ends_with("_token_id") {
        let id = reader.u32()?;
        // All bits set is how writers say that there is no such token.
        let id = if kind == 5 || id == u32::MAX { i64::from(id.cast_signed()) } else { i64::from(id) };
        if facts.token_ids.len() < 64 {
            facts.token_ids.push((printable(key, MAX_NAME_BYTES), id));
        }
    } else {
        reader.skip(scan, width, key)?;
    }
    Ok(())
}

/// Goes over an array and gives the count of its elements.
fn array(scan: &mut Scan<'_>, reader: &mut Reader<'_>, key: &str, nesting: u32) -> Result<u64, Stop> {
    let kind = reader.u32()?;
    let count = reader.size_field()?;
    let least = match kind {
        STRING => 4,
        ARRAY => 8,
        _ => width_of(scan, reader, kind, key)?,
    };
    let bytes = count.checked_mul(least).filter(|bytes| *bytes <= reader.left());
    let Some(bytes) = bytes else {
        let evidence = format!("{key}: {count} elements, {} bytes left", reader.left());
        return Err(reader.lie(scan, count, "An array is larger than the file", evidence));
    };
    match kind {
        STRING => strings(scan, reader, key, count)?,
        ARRAY => arrays(scan, reader, key, count, nesting)?,
        _ => reader.skip(scan, bytes, key)?,
    }
    Ok(count)
}

fn strings(scan: &mut Scan<'_>, reader: &mut Reader<'_>, key: &str, count: u64) -> Result<(), Stop> {
    let holds_templates = jinja::is_template_key(key);
    for index in 0..count {
        let (at, length) = reader.string(scan, key)?;
        if holds_templates {
            template(scan, reader, &format!("{key}[{index}]"), at, length)?;
        }
    }
    Ok(())
}

fn arrays(scan: &mut Scan<'_>, reader: &mut Reader<'_>, key: &str, count: u64, nesting: u32) -> Result<(), Stop> {
    let message = "The metadata holds arrays of arrays, which readers that recurse fall over";
    scan.finding(reader.input, Finding::new(NESTED_ARRAY, Severity::Medium, message).at(reader.offset()).evidence(key));
    if nesting >= MAX_NESTING {
        return Err(Stop::Limit(format!("arrays are nested deeper than {MAX_NESTING}")));
    }
    for _ in 0..count {
        array(scan, reader, key, nesting + 1)?;
    }
    Ok(())
}

/// Bytes of a value of fixed size.
fn width_of(scan: &mut Scan<'_>, reader: &Reader<'_>, kind: u32, key: &str) -> Result<u64, Stop> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => {
            let evidence = format!("{key}: type {kind}");
            Err(reader.lie(scan, u64::MAX, "A metadata value is of a type that does not exist", evidence))
        }
    }
}

fn template(scan: &mut Scan<'_>, reader: &Reader<'_>, key: &str, at: u64, length: u64) -> Result<(), Stop> {
    // One byte more than is read of a template, so that a longer one is told of and not cut in silence.
    let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(jinja::MAX_TEMPLATE_BYTES + 1);
    let text = reader.input.bytes_at(at, wanted)?;
    scan.member_as(&jinja::FORMAT, &reader.input.derived(key, Rc::new(text)));
    Ok(())
}

fn judge_token_ids(scan: &mut Scan<'_>, reader: &Reader<'_>, facts: &Facts) {
    for (key, id) in &facts.token_ids {
        let beyond = facts.vocabulary.is_some_and(|count| u64::try_from(*id).is_ok_and(|id| id >= count));
        let (severity, message) = match *id {
            ..=-2 => (Severity::Medium, "A special token's number is negative, which readers use as an index"),
            _ if beyond => (Severity::Low, "A special token's number is beyond the vocabulary"),
            _ => continue,
        };
        scan.finding(reader.input, Finding::new(TOKEN_ID, severity, message).evidence(format!("{key} = {id}")));
    }
}
