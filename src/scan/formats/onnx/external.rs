//! Tensors whose data lie in another file: where that is, and whether the model may go there.
//!
//! The loader opens the folder of the model joined with what `location` says. That a link stands at that place, nobody can tell from
//! the bytes of the model (CVE-2026-34446, CVE-2026-34447), so the names are told as a low finding.

use super::EXTERNAL_DATA;
use super::graph::{Walk, key_and_value};
use crate::report::{Finding, Severity};
use crate::scan::Stop;
use crate::scan::formats::archive::escape_of;
use crate::scan::formats::protobuf::Message;
use crate::scan::input::Cursor;

/// What ONNX Runtime takes for "at this address of the process's memory" (onnxruntime/core/framework/tensorprotoutils.h).
const MEMORY_ADDRESS: &str = "_ORT_MEM_ADDR_";

/// Judges one entry of `TensorProto.external_data`.
pub(super) fn judge(walk: &mut Walk<'_, '_>, entry: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let (key, value) = key_and_value(entry, cursor)?;
    match key.as_str() {
        "location" => judge_location(walk, &value, entry.at),
        "offset" | "length" if !is_size(&value) => {
            let message = "The place of a tensor in another file is no number of bytes";
            let evidence = format!("{key} = {value}");
            walk.finding(Finding::new(EXTERNAL_DATA, Severity::Medium, message).at(entry.at).evidence(evidence));
        }
        _ => {}
    }
    Ok(())
}

/// Judges a path that the model names.
pub(super) fn judge_location(walk: &mut Walk<'_, '_>, location: &str, at: u64) {
    let Some((severity, how)) = leaves(location) else {
        walk.remember_external(location);
        return;
    };
    let message = format!("A tensor is read from a place that {how}");
    walk.finding(Finding::new(EXTERNAL_DATA, severity, message).at(at).evidence(location));
}

/// How a location leads out of the model's folder, if it does.
pub(super) fn leaves(location: &str) -> Option<(Severity, String)> {
    // Loaders that take it for a URL drop what stands behind `#`, and so check another path than they open.
    let without_fragment = location.trim_start_matches('#');
    if location.contains(MEMORY_ADDRESS) {
        Some((Severity::High, "is an address in the loader's memory".into()))
    } else if location.contains("://") || location.starts_with("file:") {
        Some((Severity::High, "is a URL".into()))
    } else if let Some(how) = escape_of(location.as_bytes()).or_else(|| escape_of(without_fragment.as_bytes())) {
        Some((Severity::High, how.into()))
    } else if has_component_above(location) {
        Some((Severity::Medium, "goes up with `..`, if not out of the folder".into()))
    } else if location.contains(['#', '\\']) || location.to_ascii_lowercase().contains("%2e") {
        Some((Severity::Medium, "two readers can understand as two paths".into()))
    } else {
        None
    }
}

fn has_component_above(location: &str) -> bool {
    location.split(['/', '\\', '#']).any(|part| part == "..")
}

/// Offsets and lengths are decimal, and a file has no more than `i64::MAX` bytes.
fn is_size(value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|size| size >= 0)
}
