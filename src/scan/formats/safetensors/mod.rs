//! safetensors: a length, a JSON header and raw tensors.
//!
//! The format carries no code. What can hide in it: bytes behind the tensors or behind the JSON that another loader reads as its
//! own format, and a header that two parsers read differently. Only the header is read; tensors are arithmetic on its offsets.
//! Layout and limits: github.com/huggingface/safetensors, README "Format" and `tensor.rs`.

mod header;

use std::io::{self, Read};

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};
use header::{Header, Tensor};

const HEADER: Rule = Rule::new("safetensors.header");
const DUPLICATE_KEY: Rule = Rule::new("safetensors.duplicate-key");
const LAYOUT: Rule = Rule::new("safetensors.layout");
const HIDDEN_DATA: Rule = Rule::new("safetensors.hidden-data");

/// safetensors files.
pub static FORMAT: Format = Format {
    name: "safetensors",
    title: "safetensors",
    recognised_by: "a header length and a JSON object",
    looks_for: "a header that lies or is read differently by different parsers; bytes that no tensor owns",
    rules: &[
        RuleInfo {
            rule: HEADER,
            severity: Severity::High,
            summary: "The header is longer than the file or is not valid JSON",
        },
        RuleInfo {
            rule: DUPLICATE_KEY,
            severity: Severity::Medium,
            summary: "A key stands twice in the header: parsers differ in which one counts",
        },
        RuleInfo {
            rule: LAYOUT,
            severity: Severity::Medium,
            summary: "Tensors overlap, leave gaps, go beyond the file or have another size than their shape",
        },
        RuleInfo {
            rule: HIDDEN_DATA,
            severity: Severity::Medium,
            summary: "Bytes behind the tensors or behind the header's JSON",
        },
    ],
    recognise,
    scan,
};

/// Bytes of the length field.
const LENGTH_BYTES: u64 = 8;
/// The longest header that the reference implementation reads, in bytes.
const MAX_HEADER_BYTES: u64 = 100_000_000;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let Some((length, json)) = probe.head.split_first_chunk::<8>() else { return Ok(false) };
    let length = u64::from_le_bytes(*length);
    let mut text = json.iter().skip_while(|byte| byte.is_ascii_whitespace());
    let is_object = text.next() == Some(&b'{')
        && text.find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'"' | b'}'));
    // A length that no file has is not taken for a lie but for another format.
    Ok(is_object && (2..=MAX_HEADER_BYTES * 10).contains(&length))
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let size = input.size()?;
    let mut length = [0; LENGTH_BYTES as usize];
    input.read_at(0, &mut length)?;
    let length = u64::from_le_bytes(length);
    let data_at = LENGTH_BYTES.saturating_add(length);
    if data_at > size || length > MAX_HEADER_BYTES {
        let message = "The header is longer than the file, or than any reader accepts";
        scan.finding(input, Finding::new(HEADER, Severity::High, message).at(0).evidence(format!("{length} bytes")));
    }
    if input.bytes_at(LENGTH_BYTES, 1)? != b"{" {
        let message = "The header does not begin with `{`: something else may stand before it";
        scan.finding(input, Finding::new(HEADER, Severity::Medium, message).at(LENGTH_BYTES));
    }
    let json = input.slice(LENGTH_BYTES, length.min(MAX_HEADER_BYTES));
    let header = read_header(scan, input, &json)?;
    judge_layout(scan, input, &header, size.saturating_sub(data_at));
    let trailing_at = data_at.saturating_add(header.tensors.iter().map(|tensor| tensor.end).max().unwrap_or(0));
    if trailing_at < size {
        hidden(scan, input, "behind the last tensor", trailing_at, size);
    }
    Ok(())
}

fn read_header(scan: &mut Scan<'_>, input: &Input, json: &Input) -> Result<Header, Stop> {
    let mut reader = HeaderReader { cursor: json.cursor(0), end: json.size()? };
    let header = match header::parse(&mut reader) {
        Ok(header) => header,
        Err(error) => {
            let message = "The header is not valid JSON of tensors";
            scan.finding(
                input,
                Finding::new(HEADER, Severity::High, message).at(LENGTH_BYTES).evidence(error.to_string()),
            );
            return Err(Stop::Fault(format!("the safetensors header cannot be read: {error}")));
        }
    };
    for key in &header.duplicates {
        let message = "A key stands twice in the header: parsers differ in which one counts";
        scan.finding(input, Finding::new(DUPLICATE_KEY, Severity::Medium, message).evidence(key));
    }
    let json_end = LENGTH_BYTES.saturating_add(reader.cursor.offset());
    let header_end = LENGTH_BYTES.saturating_add(reader.end);
    if !is_padding(input, json_end, header_end)? {
        hidden(scan, input, "between the header's JSON and its end", json_end, header_end);
    }
    Ok(header)
}

/// The padding that the writer adds to align the tensors is spaces.
fn is_padding(input: &Input, from: u64, to: u64) -> io::Result<bool> {
    let padding = input.slice(0, to);
    let mut cursor = padding.cursor(from);
    loop {
        let bytes = cursor.peek(1)?;
        if bytes.iter().any(|byte| *byte != b' ') {
            return Ok(false);
        }
        if bytes.is_empty() {
            return Ok(true);
        }
        let n = bytes.len() as u64;
        cursor.skip(n);
    }
}

fn judge_layout(scan: &mut Scan<'_>, input: &Input, header: &Header, data_bytes: u64) {
    let mut layout = |severity, message: &str, tensor: &Tensor| {
        let evidence = format!("{}: bytes {} to {}", tensor.name, tensor.begin, tensor.end);
        scan.finding(input, Finding::new(LAYOUT, severity, message).evidence(evidence));
    };
    let mut tensors: Vec<&Tensor> = header.tensors.iter().collect();
    tensors.sort_unstable_by_key(|tensor| (tensor.begin, tensor.end));
    let mut covered = 0;
    for tensor in tensors {
        if tensor.begin > tensor.end || tensor.end > data_bytes {
            layout(Severity::Medium, "A tensor goes beyond the end of the file", tensor);
        } else if tensor.begin < covered && tensor.begin < tensor.end {
            layout(Severity::Medium, "Two tensors share bytes", tensor);
        } else if tensor.begin > covered {
            layout(Severity::Medium, "There are bytes before this tensor that no tensor owns", tensor);
        }
        if tensor.expected_bytes.is_none_or(|expected| Some(expected) != tensor.end.checked_sub(tensor.begin)) {
            layout(Severity::Low, "A tensor has another size than its shape and type", tensor);
        }
        covered = covered.max(tensor.end);
    }
}

/// Reports bytes that belong to nothing, and hands them to the engine.
fn hidden(scan: &mut Scan<'_>, input: &Input, place: &str, from: u64, to: u64) {
    let message = format!("There are bytes {place}, where another loader may find something");
    let evidence = format!("{} bytes", to.saturating_sub(from));
    scan.finding(input, Finding::new(HIDDEN_DATA, Severity::Medium, message).at(from).evidence(evidence));
    scan.member(&input.slice(from, to.saturating_sub(from)).as_member(&format!("(bytes at {from})")));
}

/// Reads the header and knows how far it got.
struct HeaderReader<'a> {
    cursor: Cursor<'a>,
    end: u64,
}

impl Read for HeaderReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.cursor.peek(1)?;
        let n = bytes.len().min(buf.len());
        buf.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.cursor.skip(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
