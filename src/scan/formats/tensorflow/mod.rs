//! TensorFlow: graphs of operations, as a saved model, a meta graph or a frozen graph.
//!
//! A graph is a program: its operations read and write files, call Python and talk to servers, and those of the functions in its
//! library do as well. All are listed and judged by what they do and where. Constants are skipped, but for strings, which can be
//! paths, or graphs themselves. The saved model's variables are numbers in files of their own, which are no graphs. Schema:
//! tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph}.proto of github.com/tensorflow/tensorflow.

mod graph;
mod judge;
mod keras;
mod load;
mod operations;
mod origin;
mod schema;
mod text;

use std::collections::HashSet;
use std::io;

use super::archive::escape_of;
use super::protobuf::{Message, Value, recognised};
use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::{HEAD_BYTES, Probe};
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};
use graph::Graphs;
use judge::Judge;
use load::{Reached, Roots};
use schema::{each, entry, source_of, text_field};

const WRITES_FILE: Rule = Rule::new("tensorflow.writes-file");
const READS_FILE: Rule = Rule::new("tensorflow.reads-file");
const PYTHON_CALL: Rule = Rule::new("tensorflow.python-call");
const CONNECTS: Rule = Rule::new("tensorflow.connects");
const NATIVE_CODE: Rule = Rule::new("tensorflow.native-code");
const UNKNOWN_OPERATION: Rule = Rule::new("tensorflow.unknown-operation");
const ASSET_ESCAPE: Rule = Rule::new("tensorflow.asset-escape");
const KERAS_LAMBDA: Rule = Rule::new("tensorflow.keras-lambda");

/// SavedModel (`saved_model.pb`) with its `keras_metadata.pb`, MetaGraphDef (`.meta`) and GraphDef (`.pb`).
pub static FORMAT: Format = Format {
    name: "tensorflow",
    title: "TensorFlow graph (SavedModel, MetaGraph, frozen graph)",
    recognised_by: "a protocol buffer of nodes that have a name and an operation",
    looks_for: "operations that write or read files at paths that the model names, call Python or connect to servers, also in functions and in graphs inside strings; assets that climb out; Keras's Lambda layers",
    rules: &[
        RuleInfo {
            rule: WRITES_FILE,
            severity: Severity::Critical,
            summary: "An operation writes a file that the model names; critical when it runs at load",
        },
        RuleInfo {
            rule: READS_FILE,
            severity: Severity::High,
            summary: "An operation reads a file that the model names; high when it lies outside and its content is handed on",
        },
        RuleInfo {
            rule: PYTHON_CALL,
            severity: Severity::Critical,
            summary: "An operation calls a Python function; critical when it runs at load",
        },
        RuleInfo {
            rule: CONNECTS,
            severity: Severity::Critical,
            summary: "An operation connects to a server; critical when it runs at load",
        },
        RuleInfo {
            rule: NATIVE_CODE,
            severity: Severity::Medium,
            summary: "An operation runs machine code that the model or a library brings",
        },
        RuleInfo {
            rule: UNKNOWN_OPERATION,
            severity: Severity::Low,
            summary: "An operation that TensorFlow does not bring, and a native library has to",
        },
        RuleInfo {
            rule: ASSET_ESCAPE,
            severity: Severity::High,
            summary: "An asset's file name leads out of the model's folder",
        },
        RuleInfo {
            rule: KERAS_LAMBDA,
            severity: Severity::High,
            summary: "A Lambda layer in the Keras metadata carries Python bytecode",
        },
    ],
    recognise,
    scan,
};

/// Fields that are gone through to recognise a graph. Only bytes that happen to be fields without end have more.
const MAX_PROBED_FIELDS: u32 = 32 << 20;
/// Assets of one model.
const MAX_ASSETS: usize = 10_000;

/// The messages that a file can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SavedModel,
    MetaGraph,
    Graph,
    KerasMetadata,
}

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    if text::is_graph(probe.head) {
        return Ok(true);
    }
    let whole = Message::whole(probe.input)?;
    recognised(kind_of(whole, &mut probe.input.cursor(0)).map(|kind| kind.is_some()))
}

/// What a file is. Goes on until a field decides: what stands before it, known or not, no loader minds.
fn kind_of(whole: Message, cursor: &mut Cursor<'_>) -> Result<Option<Kind>, Stop> {
    let mut fields = whole.fields();
    for _ in 0..MAX_PROBED_FIELDS {
        let Some(field) = fields.next(cursor)? else { return Ok(None) };
        let Value::Bytes(bytes) = field.value else { continue };
        let is = |answer: Result<bool, Stop>| match answer {
            Err(Stop::Io(error)) => Err(Stop::Io(error)),
            other => Ok(other.unwrap_or(false)),
        };
        match field.number {
            1 if is(is_node(bytes, cursor))? => return Ok(Some(Kind::Graph)),
            1 if is(keras::is_object(bytes, cursor))? => return Ok(Some(Kind::KerasMetadata)),
            2 if is(is_library(bytes, cursor))? => return Ok(Some(Kind::Graph)),
            2 if is(looks_like_graph(bytes, cursor))? => return Ok(Some(Kind::MetaGraph)),
            2 if is(looks_like_meta_graph(bytes, cursor))? => return Ok(Some(Kind::SavedModel)),
            _ => {}
        }
    }
    Ok(None)
}

fn looks_like_meta_graph(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    any(message, cursor, |field, bytes, cursor| Ok(field == 2 && looks_like_graph(bytes, cursor)?))
}

fn looks_like_graph(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    any(message, cursor, |field, bytes, cursor| match field {
        1 => is_node(bytes, cursor),
        2 => is_library(bytes, cursor),
        _ => Ok(false),
    })
}

fn is_library(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    any(message, cursor, |field, function, cursor| {
        Ok(field == 1 && any(function, cursor, |field, node, cursor| Ok(field == 3 && is_node(node, cursor)?))?)
    })
}

/// Whether a message has a name and an operation, in the characters that TensorFlow allows for them.
fn is_node(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    let is_word = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || more.contains(c))
    };
    let name = text_field(message, 1, cursor)?;
    Ok(is_word(&name, "./\\->") && is_word(&text_field(message, 2, cursor)?, ".>"))
}

/// Whether any field with bytes passes.
fn any(
    message: Message,
    cursor: &mut Cursor<'_>,
    mut test: impl FnMut(u32, Message, &mut Cursor<'_>) -> Result<bool, Stop>,
) -> Result<bool, Stop> {
    let mut fields = message.fields();
    while let Some(field) = fields.next(cursor)? {
        if let Some(bytes) = field.bytes()
            && test(field.number, bytes, cursor)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    if text::is_graph(&input.bytes_at(0, HEAD_BYTES)?) {
        return Err(Stop::Unsupported("graphs in text form are not read".into()));
    }
    let mut cursor = input.cursor(0);
    let whole = Message::whole(input)?;
    match kind_of(whole, &mut cursor)? {
        Some(Kind::SavedModel) => each(whole, &mut cursor, |field, meta, cursor| match field {
            2 => scan_meta_graph(scan, input, meta, cursor),
            _ => Ok(()),
        }),
        Some(Kind::MetaGraph) => scan_meta_graph(scan, input, whole, &mut cursor),
        Some(Kind::Graph) => {
            let mut model = Model::default();
            let added = model.graphs.add(whole, &mut cursor);
            model.judge(scan, input, &mut cursor).and(added)
        }
        Some(Kind::KerasMetadata) => each(whole, &mut cursor, |field, object, cursor| match field {
            1 => keras::judge_object(scan, input, object, cursor),
            _ => Ok(()),
        }),
        None => Err(Stop::Fault("no graph was found where one had been seen".into())),
    }
}

fn scan_meta_graph(scan: &mut Scan<'_>, input: &Input, meta: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let mut model = Model::default();
    // What was read before a fault is judged all the same.
    let read = each(meta, cursor, |field, bytes, cursor| match field {
        2 => model.graphs.add(bytes, cursor),
        3 => model.roots.saver(bytes, cursor),
        4 => {
            model.roots.collection(bytes, cursor)?;
            model.asset_collection(scan, input, bytes, cursor)
        }
        5 => model.roots.signature(bytes, cursor),
        6 => model.asset(scan, input, bytes, cursor),
        7 => {
            model.roots.objects(bytes, cursor)?;
            each(bytes, cursor, |_, object, cursor| {
                each(object, cursor, |field, user, cursor| match field {
                    4 => keras::judge_user_object(scan, input, user, cursor),
                    _ => Ok(()),
                })
            })
        }
        _ => Ok(()),
    });
    model.judge(scan, input, cursor).and(read)
}

/// What a meta graph consists of.
struct Model {
    graphs: Graphs,
    roots: Roots,
    /// Nodes that the loader gives the path of an asset.
    assets: HashSet<String>,
}

impl Default for Model {
    fn default() -> Self {
        Self { graphs: Graphs::new(), roots: Roots::default(), assets: HashSet::new() }
    }
}

impl Model {
    /// Reads the assets of TensorFlow 1, which stand in a collection of `Any` messages.
    fn asset_collection(
        &mut self,
        scan: &mut Scan<'_>,
        input: &Input,
        collection: Message,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), Stop> {
        let Some((_, assets)) = entry(collection, cursor)?.filter(|(name, _)| name == "saved_model_assets") else {
            return Ok(());
        };
        each(assets, cursor, |field, list, cursor| match field {
            5 => each(list, cursor, |_, any, cursor| {
                each(any, cursor, |field, asset, cursor| match field {
                    2 => self.asset(scan, input, asset, cursor),
                    _ => Ok(()),
                })
            }),
            _ => Ok(()),
        })
    }

    /// Reads and judges an `AssetFileDef`.
    fn asset(
        &mut self,
        scan: &mut Scan<'_>,
        input: &Input,
        asset: Message,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), Stop> {
        let name = text_field(asset, 2, cursor)?;
        if let Some(how) = escape_of(name.as_bytes()) {
            let message = format!("An asset's file name {how}: the model reads a file outside of its folder");
            scan.finding(input, Finding::new(ASSET_ESCAPE, Severity::High, message).at(asset.at).evidence(&name));
        }
        each(asset, cursor, |field, tensor, cursor| {
            if field == 1 && self.assets.len() < MAX_ASSETS {
                self.assets.insert(source_of(&text_field(tensor, 1, cursor)?).to_owned());
            }
            Ok(())
        })
    }

    fn judge(&self, scan: &mut Scan<'_>, input: &Input, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let reached = Reached::from(&self.roots, &self.graphs, cursor)?;
        Judge::new(scan, input, &self.graphs, &self.assets, reached).all(cursor)?;
        if self.graphs.is_full {
            return Err(Stop::Limit("the graph has more nodes than can be followed".into()));
        }
        Ok(())
    }
}

/// How bad an operation is wherever it writes to or reads from, and what it does; `None` for those that stay inside the model.
pub(super) fn harm_of_operation(name: &str) -> Option<(Severity, &'static str)> {
    let operation = operations::facts_of(name).first()?;
    let severity = if operation.does.acts() { Severity::High } else { Severity::Medium };
    Some((severity, operation.does.as_words()))
}

#[cfg(test)]
mod tests;
