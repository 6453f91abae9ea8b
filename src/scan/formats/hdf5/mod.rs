//! HDF5: Keras models and weights up to version 2, PyTables and pandas stores, and the weights inside `.keras` archives.
//!
//! The format itself runs nothing. A Keras configuration stands in an attribute; PyTables unpickles attributes and rows; links, external
//! storage and virtual data sets read other files; unknown filters are loaded as libraries. Raw bytes are searched first, in Rust, so that
//! what they tell is said before the HDF5 library, which is C, gets to see them. Tensors are not read.
//! Source: HDF5 File Format Specification 3.0; keras/src/legacy/saving/legacy_h5_format.py; tables/attributeset.py.

#[cfg(feature = "hdf5")]
mod contents;
mod raw;
#[cfg(test)]
mod tests;

use std::io;

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

const USER_BLOCK: Rule = Rule::new("hdf5.user-block");
const EXTERNAL: Rule = Rule::new("hdf5.external");
const DYNAMIC_FILTER: Rule = Rule::new("hdf5.dynamic-filter");

/// HDF5 files.
pub static FORMAT: Format = Format {
    name: "hdf5",
    title: "HDF5",
    recognised_by: "its signature at byte 0, 512, 1024, 2048, ...",
    looks_for: "Keras configurations and pickles in attributes and rows; data in other files; filters that are loaded; what stands before it",
    rules: &[
        RuleInfo {
            rule: USER_BLOCK,
            severity: Severity::Medium,
            summary: "Bytes stand before the HDF5 file, where another loader may find something; low when they are zeros",
        },
        RuleInfo {
            rule: EXTERNAL,
            severity: Severity::High,
            summary: "A link or data set leads to another file, which is read with the model",
        },
        RuleInfo {
            rule: DYNAMIC_FILTER,
            severity: Severity::Medium,
            summary: "Data goes through a filter that no known library has: reading it may load a plug-in",
        },
    ],
    recognise,
    scan,
};

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// The first place of the signature but the beginning; further ones are twice as far each.
const FIRST_BLOCK: u64 = 512;
/// How far the signature is looked for in what has to be decoded up to there.
const MAX_DECODED_BLOCK: u64 = 64 * 1024;
/// The name of a configuration wherever it stands: what the raw bytes told is not told again.
const CONFIGURATION: &str = "(configuration)";

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    Ok(probe.head.starts_with(&SIGNATURE) || signature_at(probe.input)?.is_some())
}

/// Where the library finds the file's beginning.
fn signature_at(input: &Input) -> io::Result<Option<u64>> {
    let mut at = 0;
    let end = if input.is_random_access() { input.size()? } else { MAX_DECODED_BLOCK };
    while at < end {
        let mut bytes = SIGNATURE.map(|_| 0);
        if input.read_at(at, &mut bytes)? < bytes.len() {
            break;
        }
        if bytes == SIGNATURE {
            return Ok(Some(at));
        }
        at = if at == 0 { FIRST_BLOCK } else { at.saturating_mul(2) };
    }
    Ok(None)
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let at = signature_at(input)?.unwrap_or_default();
    if at > 0 {
        user_block(scan, input, at)?;
    }
    raw::search(scan, input)?;
    contents(scan, input)
}

/// Reports what stands before the file, and hands it to the engine.
fn user_block(scan: &mut Scan<'_>, input: &Input, size: u64) -> io::Result<()> {
    let block = input.slice(0, size).as_member("(user block)");
    let head = block.bytes_at(0, 4096)?;
    // MATLAB says its name there, and h5py leaves it empty.
    let is_usual = head.starts_with(b"MATLAB 7") || head.iter().all(|byte| *byte == 0);
    let severity = if is_usual { Severity::Low } else { Severity::Medium };
    let message = "Bytes stand before the HDF5 file, where another loader may find something else";
    scan.finding(input, Finding::new(USER_BLOCK, severity, message).at(0).evidence(format!("{size} bytes")));
    scan.member(&block);
    Ok(())
}

#[cfg(not(feature = "hdf5"))]
fn contents(_: &mut Scan<'_>, _: &Input) -> Result<(), Stop> {
    Err(Stop::Unsupported(
        "this modelscand was built without the HDF5 library; only raw bytes were searched".to_owned(),
    ))
}

#[cfg(feature = "hdf5")]
fn contents(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let contents = contents::read(input)?;
    for (path, severity) in &contents.external {
        let message = "A link or data set leads to another file, which is read with this one";
        scan.finding(input, Finding::new(EXTERNAL, *severity, message).evidence(path));
    }
    for (path, filter) in &contents.filters {
        let message = "Data goes through a filter that no known library has: reading it may load a plug-in";
        let finding = Finding::new(DYNAMIC_FILTER, Severity::Medium, message);
        scan.finding(input, finding.evidence(format!("filter {filter} of {path}")));
    }
    for value in contents.values {
        let name = if value.bytes.starts_with(b"{") { CONFIGURATION } else { value.name.as_str() };
        scan.member(&input.derived(name, std::rc::Rc::new(value.bytes)));
    }
    contents.stop.map_or(Ok(()), Err)
}
