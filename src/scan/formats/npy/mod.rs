//! NumPy's npy: a magic number, a header that is a Python literal, raw numbers, or a pickle where the numbers are objects.
//!
//! `numpy.load(allow_pickle=True)` hands everything behind the header of an object array to `pickle.load`; so is it here, to the
//! engine. The header is parsed as the small part of Python's literals that NumPy writes; nothing is evaluated. The numbers are
//! never read. Layout: numpy/lib/format.py (NEP 1).

mod literal;

use std::io;

use super::{Format, RuleInfo, pickle};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use literal::{Literal, parse};

const HEADER: Rule = Rule::new("npy.header");
const SIZE: Rule = Rule::new("npy.size");
const HIDDEN_DATA: Rule = Rule::new("npy.hidden-data");

/// npy files, also as members of npz.
pub static FORMAT: Format = Format {
    name: "npy",
    title: "NumPy array (npy, and npz as zip)",
    recognised_by: "magic number 93 `NUMPY`",
    looks_for: "object arrays, whose pickle is scanned; a header that lies; bytes behind the numbers",
    rules: &[
        RuleInfo { rule: HEADER, severity: Severity::Medium, summary: "The header is not what NumPy writes" },
        RuleInfo { rule: SIZE, severity: Severity::Low, summary: "The file is smaller than the array" },
        RuleInfo {
            rule: HIDDEN_DATA,
            severity: Severity::Medium,
            summary: "Bytes behind the numbers; medium when they are no further array but a model themselves",
        },
    ],
    recognise,
    scan,
};

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses headers over 10,000 bytes unless told otherwise; structured types of many fields can be longer.
const MAX_HEADER_BYTES: u64 = 1 << 20;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    Ok(probe.head.starts_with(MAGIC))
}

/// What the header says of the array.
struct Array {
    /// Whether any element is an object.
    has_objects: bool,
    /// Bytes of the numbers; `None` when that cannot be told.
    bytes: Option<u64>,
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let size = input.size()?;
    let (text_at, text_size) = header_place(&input.bytes_at(0, 12)?)?;
    let data_at = text_at.saturating_add(text_size);
    let text = input.bytes_at(text_at, usize::try_from(text_size.min(MAX_HEADER_BYTES)).unwrap_or(0))?;
    let Some(array) = parse(&text).as_ref().and_then(array) else {
        let message = "The header is not a dictionary that NumPy writes";
        let finding = Finding::new(HEADER, Severity::Medium, message).at(text_at);
        scan.finding(input, finding.evidence(String::from_utf8_lossy(&text)));
        // Whatever it is: the bytes behind it are what a reader would go on with.
        scan_rest(scan, input, "(behind the header)", data_at, size);
        return Err(Stop::Fault("the npy header cannot be read".into()));
    };
    let room = size.saturating_sub(data_at);
    match array.bytes {
        _ if array.has_objects => {
            // Whatever it looks like, numpy hands it to pickle.
            let objects = input.slice(data_at, room).as_member("(object array)");
            scan.member_as(&pickle::FORMAT, &objects);
        }
        Some(bytes) if bytes > room => {
            let message = "The file is smaller than the array that its header describes";
            scan.finding(
                input,
                Finding::new(SIZE, Severity::Low, message).evidence(format!("{bytes} of {room} bytes")),
            );
            scan_rest(scan, input, "(array)", data_at, size);
        }
        Some(bytes) if bytes < room => judge_trailing(scan, input, data_at.saturating_add(bytes), size)?,
        Some(_) => {}
        None => {
            scan_rest(scan, input, "(array)", data_at, size);
        }
    }
    Ok(())
}

/// Where the header's text is and how long: versions 1 (two bytes of length), 2 and 3 (four).
fn header_place(head: &[u8]) -> Result<(u64, u64), Stop> {
    match head.get(6..) {
        Some(&[1, _, l0, l1, ..]) => Ok((10, u64::from(u16::from_le_bytes([l0, l1])))),
        Some(&[2 | 3, _, l0, l1, l2, l3]) => Ok((12, u64::from(u32::from_le_bytes([l0, l1, l2, l3])))),
        Some([version, ..]) => Err(Stop::Unsupported(format!("npy version {version} is not read"))),
        _ => Err(Stop::Fault("the npy header is cut off".into())),
    }
}

fn scan_rest(scan: &mut Scan<'_>, input: &Input, name: &str, from: u64, size: u64) -> bool {
    scan.member(&input.slice(from, size.saturating_sub(from)).as_member(name))
}

/// Several arrays saved to one file are honest; anything else that is recognised is not.
fn judge_trailing(scan: &mut Scan<'_>, input: &Input, from: u64, size: u64) -> Result<(), Stop> {
    let is_recognised = scan_rest(scan, input, &format!("(bytes at {from})"), from, size);
    let is_array = input.bytes_at(from, MAGIC.len())? == MAGIC;
    if !is_array {
        let severity = if is_recognised { Severity::Medium } else { Severity::Low };
        let message = "There are bytes behind the numbers of the array";
        let evidence = format!("{} bytes", size.saturating_sub(from));
        scan.finding(input, Finding::new(HIDDEN_DATA, severity, message).at(from).evidence(evidence));
    }
    Ok(())
}

/// What the header's dictionary says; `None` when it is not one of NumPy's.
fn array(header: &Literal) -> Option<Array> {
    let Literal::Dict(entries) = header else { return None };
    // Of a key that stands twice, Python keeps the last.
    let get = |key: &str| entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value);
    let Some(Literal::Sequence(shape)) = get("shape") else { return None };
    let sizes = shape.iter().map(|size| if let Literal::Number(n) = size { Some(*n) } else { None });
    let elements = sizes.collect::<Option<Vec<u64>>>()?.into_iter().try_fold(1_u64, u64::checked_mul);
    let element = element(get("descr")?, 0)?;
    Some(Array {
        has_objects: element.has_objects,
        bytes: elements.zip(element.bytes).and_then(|(n, b)| n.checked_mul(b)),
    })
}

/// One element of an array.
struct Element {
    has_objects: bool,
    bytes: Option<u64>,
}

/// Fields inside fields that are followed.
const MAX_DEPTH: u32 = 16;

/// What a type description means: a type string, or a list of fields (name, type, optional shape).
fn element(descr: &Literal, depth: u32) -> Option<Element> {
    if depth > MAX_DEPTH {
        return None;
    }
    match descr {
        Literal::Text(text) => simple_type(text),
        Literal::Sequence(parts) => match parts.as_slice() {
            // (type, shape): a sub-array; it is not a field, whose first part is a name and whose second a type.
            [base @ (Literal::Text(_) | Literal::Sequence(_)), Literal::Sequence(shape)] if is_shape(shape) => {
                Some(repeated(element(base, depth + 1)?, shape))
            }
            fields => fields.iter().try_fold(Element { has_objects: false, bytes: Some(0) }, |sum, part| {
                let field = field(part, depth + 1)?;
                let bytes = sum.bytes.zip(field.bytes).and_then(|(a, b)| a.checked_add(b));
                Some(Element { has_objects: sum.has_objects || field.has_objects, bytes })
            }),
        },
        _ => None,
    }
}

fn field(part: &Literal, depth: u32) -> Option<Element> {
    let Literal::Sequence(parts) = part else { return None };
    match parts.as_slice() {
        [_, descr] => element(descr, depth),
        [_, descr, Literal::Sequence(shape)] => Some(repeated(element(descr, depth)?, shape)),
        [_, descr, Literal::Number(n)] => Some(repeated(element(descr, depth)?, &[Literal::Number(*n)])),
        _ => None,
    }
}

fn is_shape(parts: &[Literal]) -> bool {
    parts.iter().all(|part| matches!(part, Literal::Number(_)))
}

fn repeated(element: Element, shape: &[Literal]) -> Element {
    let times = shape.iter().try_fold(1_u64, |product, size| match size {
        Literal::Number(n) => product.checked_mul(*n),
        _ => None,
    });
    Element { bytes: element.bytes.zip(times).and_then(|(bytes, n)| bytes.checked_mul(n)), ..element }
}

/// `<f8`, `|O`, `|S10`, `<U3`, `<M8[ns]`, and bare names. What is not understood may hold objects.
fn simple_type(text: &str) -> Option<Element> {
    let code = text.trim_start_matches(['<', '>', '|', '=']);
    let mut chars = code.chars();
    let kind = chars.next()?;
    let digits: String = chars.by_ref().take_while(char::is_ascii_digit).collect();
    let count: Option<u64> = digits.parse().ok();
    let is_known = matches!(kind, 'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'a' | 'U' | 'V' | 'm' | 'M') && count.is_some();
    let bytes = if kind == 'U' { count.and_then(|n| n.checked_mul(4)) } else { count };
    Some(Element { has_objects: !is_known, bytes: if is_known { bytes } else { None } })
}

#[cfg(test)]
mod tests;
