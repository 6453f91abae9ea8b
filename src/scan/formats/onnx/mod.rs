//! ONNX: a model as one protocol buffer, its tensors inside it or in files beside it.
//!
//! A graph computes and nothing else, as long as its operators are ONNX's own. What reaches out: tensors whose data lies in another
//! file that the model names, operators of other domains, which a native library has to bring along, and the few operators of
//! runtimes that run Python or open files. All graphs are walked: those in attributes, in functions and for training too. Tensors are
//! skipped. Schema: onnx/onnx.proto of github.com/onnx/onnx.

mod external;
mod graph;
mod operators;

use std::io;

use super::protobuf::{Message, Value, recognised};
use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};
use graph::Walk;

const EXTERNAL_DATA: Rule = Rule::new("onnx.external-data");
const CUSTOM_DOMAIN: Rule = Rule::new("onnx.custom-domain");
const OPERATOR: Rule = Rule::new("onnx.operator");
const LIBRARY: Rule = Rule::new("onnx.library");
const SHAPE: Rule = Rule::new("onnx.shape");

/// ONNX models.
pub static FORMAT: Format = Format {
    name: "onnx",
    title: "ONNX model",
    recognised_by: "a protocol buffer whose graph has ONNX's fields and nodes with operators",
    looks_for: "tensors in files outside the folder, operators that run Python or open files, custom domains, libraries named in metadata",
    rules: &[
        RuleInfo {
            rule: EXTERNAL_DATA,
            severity: Severity::High,
            summary: "Tensors lie in another file; high when that is outside of the model's folder",
        },
        RuleInfo {
            rule: CUSTOM_DOMAIN,
            severity: Severity::Medium,
            summary: "Operators of a domain that only a native library brings",
        },
        RuleInfo {
            rule: OPERATOR,
            severity: Severity::High,
            summary: "An operator that runs Python, opens a file, or sends data to a server",
        },
        RuleInfo { rule: LIBRARY, severity: Severity::Medium, summary: "The metadata name a library to load" },
        RuleInfo { rule: SHAPE, severity: Severity::Low, summary: "A tensor has more elements than memory can hold" },
    ],
    recognise,
    scan,
};

/// Fields of `ModelProto`.
mod model {
    pub(super) const IR_VERSION: u32 = 1;
    pub(super) const GRAPH: u32 = 7;
    pub(super) const METADATA: u32 = 14;
    pub(super) const TRAINING: u32 = 20;
    pub(super) const FUNCTIONS: u32 = 25;
}

/// Fields that are gone through to recognise a model. Only bytes that happen to be fields without end have more.
const MAX_PROBED_FIELDS: u32 = 32 << 20;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let whole = Message::whole(probe.input)?;
    recognised(is_model(whole, &mut probe.input.cursor(0)))
}

/// Goes on until a field is a graph or a function: what stands before it, known or not, no loader minds.
fn is_model(whole: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    let mut fields = whole.fields();
    for _ in 0..MAX_PROBED_FIELDS {
        let Some(field) = fields.next(cursor)? else { return Ok(false) };
        match (field.number, field.value) {
            // The first field of a TensorFlow graph is a node.
            (model::IR_VERSION, Value::Bytes(_)) => return Ok(false),
            (model::GRAPH, Value::Bytes(graph)) if graph::looks_like_graph(graph, cursor)? => return Ok(true),
            (model::FUNCTIONS, Value::Bytes(function)) if graph::looks_like_function(function, cursor)? => {
                return Ok(true);
            }
            _ => {}
        }
    }
    Ok(false)
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let mut cursor = input.cursor(0);
    let mut walk = Walk::new(scan, input);
    let walked = walk_model(&mut walk, Message::whole(input)?, &mut cursor);
    // Also where the walk ended early: what was seen until then stays.
    walk.judge_domains();
    walked
}

fn walk_model(walk: &mut Walk<'_, '_>, whole: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let mut fields = whole.fields();
    while let Some(field) = fields.next(cursor)? {
        let Some(bytes) = field.bytes() else { continue };
        match field.number {
            model::GRAPH => walk.graph(bytes, cursor)?,
            model::METADATA => judge_metadata(walk, bytes, cursor)?,
            model::TRAINING => walk.training(bytes, cursor)?,
            model::FUNCTIONS => walk.function(bytes, cursor)?,
            _ => {}
        }
    }
    Ok(())
}

/// Metadata are free text; runtimes and their wrappers take options from them, also which library to load.
fn judge_metadata(walk: &mut Walk<'_, '_>, entry: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let (key, value) = graph::key_and_value(entry, cursor)?;
    let names_library = [".so", ".dll", ".dylib"].iter().any(|suffix| value.to_ascii_lowercase().contains(suffix));
    let asks_for_library =
        ["custom_op", "customop", "library"].iter().any(|word| key.to_ascii_lowercase().contains(word));
    if asks_for_library && !value.is_empty() || names_library && looks_like_path(&value) {
        let message = "The metadata name a library that a loader may load";
        walk.finding(
            Finding::new(LIBRARY, Severity::Medium, message).at(entry.at).evidence(format!("{key} = {value}")),
        );
    }
    Ok(())
}

/// One word that ends as a library does, with or without versions behind: not prose that mentions one.
fn looks_like_path(value: &str) -> bool {
    !value.contains(char::is_whitespace) || value.trim_start().starts_with(['{', '['])
}

#[cfg(test)]
mod tests;
