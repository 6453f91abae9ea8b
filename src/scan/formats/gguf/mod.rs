//! GGUF, the models of llama.cpp, and the formats that went before it.
//!
//! The tensors run nothing. What can hurt is a header whose counts and lengths overflow in a loader written in C, a chat template
//! that the loader renders, and bytes that no tensor owns. The header is read as a stream and tensors are skipped: of a vocabulary
//! only the lengths count. Layout: github.com/ggml-org/ggml, docs/gguf.md; quantised sizes: gguf-py, `constants.py`.

mod metadata;
mod reader;
mod tensors;

use std::io;

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use reader::{Endian, Reader};

const LYING_HEADER: Rule = Rule::new("gguf.lying-header");
const DUPLICATE_KEY: Rule = Rule::new("gguf.duplicate-key");
const NESTED_ARRAY: Rule = Rule::new("gguf.nested-array");
const TOKEN_ID: Rule = Rule::new("gguf.token-id");
const LAYOUT: Rule = Rule::new("gguf.layout");
const HIDDEN_DATA: Rule = Rule::new("gguf.hidden-data");
const LEGACY: Rule = Rule::new("ggml.legacy");

/// GGUF files.
pub static FORMAT: Format = Format {
    name: "gguf",
    title: "GGUF (llama.cpp)",
    recognised_by: "the magic `GGUF`",
    looks_for: "counts, lengths and offsets that lie; chat templates that escape; bytes that no tensor owns",
    rules: &[
        RuleInfo {
            rule: LYING_HEADER,
            severity: Severity::High,
            summary: "A count, length or offset of the header overflows or is larger than the file",
        },
        RuleInfo {
            rule: DUPLICATE_KEY,
            severity: Severity::Medium,
            summary: "A metadata key or tensor stands twice: readers differ in which one counts",
        },
        RuleInfo {
            rule: NESTED_ARRAY,
            severity: Severity::Medium,
            summary: "The metadata holds arrays of arrays, which no writer makes and recursive readers fall over",
        },
        RuleInfo {
            rule: TOKEN_ID,
            severity: Severity::Medium,
            summary: "A special token's number is negative; low when it is beyond the vocabulary",
        },
        RuleInfo {
            rule: LAYOUT,
            severity: Severity::Medium,
            summary: "Tensors overlap, leave gaps, go beyond the file or are of an impossible shape",
        },
        RuleInfo { rule: HIDDEN_DATA, severity: Severity::Medium, summary: "There are bytes behind the last tensor" },
    ],
    recognise,
    scan,
};

/// The formats of llama.cpp before GGUF, of whisper.cpp, and of LoRA adapters and sessions.
pub static LEGACY_FORMAT: Format = Format {
    name: "ggml",
    title: "GGML (before GGUF)",
    recognised_by: "a magic of ggml, ggmf, ggjt, ggla or ggsn and a small version",
    looks_for: "nothing inside: that it is there, since the code that reads it is old",
    rules: &[RuleInfo {
        rule: LEGACY,
        severity: Severity::Low,
        summary: "A format before GGUF, read by old code that checks little",
    }],
    recognise: recognise_legacy,
    scan: scan_legacy,
};

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let version = probe.head.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    // A version is small in one byte order or the other; text that begins with the word is no model.
    let is_version = version.is_some_and(|version| version.min(version.swap_bytes()) < 1 << 16);
    Ok(probe.head.starts_with(b"GGUF") && is_version)
}

/// Magics are 32-bit numbers, stored little-endian: the letters stand in reverse.
const VERSIONED_MAGICS: &[&[u8]] = &[b"fmgg", b"tjgg", b"algg", b"nsgg"];
const UNVERSIONED_MAGIC: &[u8] = b"lmgg";
/// More words than any vocabulary has.
const MAX_VOCABULARY: u32 = 1 << 24;

fn recognise_legacy(probe: &Probe<'_>) -> io::Result<bool> {
    let Some((magic, rest)) = probe.head.split_at_checked(4) else { return Ok(false) };
    let Some(second) = rest.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) else { return Ok(false) };
    let is_versioned = VERSIONED_MAGICS.contains(&magic) && (1..16).contains(&second);
    let is_unversioned = magic == UNVERSIONED_MAGIC && (1..MAX_VOCABULARY).contains(&second);
    Ok(is_versioned || is_unversioned)
}

fn scan_legacy(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let message = "A format before GGUF: the code that reads it is old and checks little";
    let magic: String = input.bytes_at(0, 4)?.iter().rev().map(|byte| char::from(*byte)).collect();
    scan.finding(input, Finding::new(LEGACY, Severity::Low, message).at(0).evidence(magic));
    Ok(())
}

/// Tensors, and metadata entries, that are read: what bounds the memory for their names.
const MAX_ENTRIES: u64 = 1 << 20;
/// Versions that llama.cpp has written.
const KNOWN_VERSIONS: std::ops::RangeInclusive<u32> = 1..=3;

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let mut version = [0; 4];
    input.read_at(4, &mut version)?;
    let little = u32::from_le_bytes(version);
    let (endian, version) =
        if little & 0xffff == 0 { (Endian::Big, little.swap_bytes()) } else { (Endian::Little, little) };
    if !KNOWN_VERSIONS.contains(&version) {
        return Err(Stop::Unsupported(format!("GGUF version {version} is not known")));
    }
    let mut reader = Reader::new(input, 8, endian, version)?;
    let tensor_count = reader.size_field()?;
    let entry_count = reader.size_field()?;
    let counts_fit = [tensor_count, entry_count].iter().all(|count| *count <= reader.left() / reader::MIN_ENTRY_BYTES);
    if !counts_fit {
        let evidence = format!("{tensor_count} tensors, {entry_count} metadata entries");
        return Err(reader.lie(
            scan,
            tensor_count.max(entry_count),
            "There are more entries than the file has room for",
            evidence,
        ));
    }
    if tensor_count.max(entry_count) > MAX_ENTRIES {
        return Err(Stop::Limit(format!("more than {MAX_ENTRIES} tensors or metadata entries")));
    }
    let alignment = metadata::read(scan, &mut reader, entry_count)?;
    tensors::read(scan, &mut reader, tensor_count, alignment)
}

#[cfg(test)]
mod tests;
