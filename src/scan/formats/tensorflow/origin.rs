//! Where a value of a graph comes from: a constant of the model, an argument of the function, or whoever runs the graph.
//!
//! Every saved model writes and reads checkpoints at a path that its user gives; one that names the path itself is another thing.
//! So a path is followed back through the operations that make it. Nothing is computed but the joining of constant strings.

use std::cell::Cell;
use std::collections::HashSet;

use super::graph::Graphs;
use super::schema::{Node, each_string, source_of};
use crate::scan::Stop;
use crate::scan::formats::archive::escape_of;
use crate::scan::input::Cursor;

/// Nodes that are followed for one value; no honest path takes more.
const MAX_STEPS: u32 = 200;
/// Nodes that are followed in one graph, over all values.
const MAX_STEPS_OF_GRAPH: u32 = 2_000_000;
/// Strings of one constant that are kept; those that lead out of the model come first.
const MAX_STRINGS: usize = 16;
/// Inputs of one operation that are followed.
const MAX_INPUTS: usize = 64;
/// Bytes of a string that are kept; no file system takes longer paths.
const MAX_PATH_BYTES: usize = 4096;
/// Shown for a path that is computed from constants in a way that is not followed.
const COMPUTED: &str = "(computed from constants)";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Constants of the model. A string that goes on with something else ends with `…`.
    Constant(Vec<String>),
    /// What stands in for a value when nobody gives one.
    Default(Vec<String>),
    /// The argument of this number of the function.
    Argument(usize),
    /// Whoever runs the graph, or its state.
    Given,
}

impl Origin {
    /// Bytes that its strings take.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Constant(texts) | Self::Default(texts) => texts.iter().map(String::len).sum(),
            Self::Argument(_) | Self::Given => 0,
        }
    }
}

/// Follows values back within the graphs.
pub(super) struct Follow<'a> {
    pub(super) graphs: &'a Graphs,
    /// Nodes whose constant is replaced by the path of an asset when the model is loaded.
    pub(super) assets: &'a HashSet<String>,
    steps_left: Cell<u32>,
}

impl<'a> Follow<'a> {
    pub(super) fn new(graphs: &'a Graphs, assets: &'a HashSet<String>) -> Self {
        Self { graphs, assets, steps_left: Cell::new(MAX_STEPS_OF_GRAPH) }
    }

    /// Where `input` of a node in `scope` comes from.
    pub(super) fn origin(&self, scope: usize, input: &str, cursor: &mut Cursor<'_>) -> Result<Origin, Stop> {
        self.walk(scope, input, &mut MAX_STEPS.clone(), 0, cursor)
    }

    fn walk(
        &self,
        scope: usize,
        input: &str,
        steps: &mut u32,
        depth: u32,
        cursor: &mut Cursor<'_>,
    ) -> Result<Origin, Stop> {
        if *steps == 0 || depth > MAX_STEPS / 2 {
            return Ok(Origin::Constant(vec!["(a chain of operations without end)".into()]));
        }
        *steps -= 1;
        let left = self.steps_left.get().checked_sub(1);
        self.steps_left.set(left.ok_or_else(|| Stop::Limit("paths are computed in more steps than the limit".into()))?);
        let name = source_of(input);
        let arguments = self.graphs.scopes.get(scope).map(|scope| scope.arguments.as_slice()).unwrap_or_default();
        if let Some(number) = arguments.iter().position(|argument| argument == name) {
            return Ok(Origin::Argument(number));
        }
        let Some(node) = self.graphs.node(scope, name, cursor)? else { return Ok(Origin::Given) };
        let mut follow = |input: &str, cursor: &mut Cursor<'_>| self.walk(scope, input, steps, depth + 1, cursor);
        match node.op.as_str() {
            "Const" | "HostConst" if scope == 0 && self.assets.contains(name) => Ok(Origin::Given),
            "Const" | "HostConst" => Ok(Origin::Constant(strings_of(&node, "value", cursor)?)),
            "PlaceholderWithDefault" => Ok(match first(&node, follow, cursor)? {
                Origin::Constant(texts) => Origin::Default(texts),
                other => other,
            }),
            "StringJoin" | "Add" | "AddV2" | "ReduceJoin" => joined(&node, follow, cursor),
            "StringFormat" => {
                let template = strings_of(&node, "template", cursor)?;
                // Whatever it begins with comes before what is put in.
                let head = template.first().and_then(|text| text.split("%s").next()).unwrap_or_default();
                if head.is_empty() {
                    mixed(&node, follow, cursor)
                } else {
                    Ok(Origin::Constant(vec![format!("{head}…")]))
                }
            }
            "IdentityN" => match node.values().nth(output_of(input)) {
                Some(input) => follow(input, cursor),
                None => Ok(Origin::Given),
            },
            op if PASSING.contains(&op) => first(&node, follow, cursor),
            "Fill" => node.values().nth(1).map_or(Ok(Origin::Given), |input| follow(input, cursor)),
            _ => mixed(&node, follow, cursor),
        }
    }
}

/// Operations whose first input is what comes out, as far as a path is concerned.
const PASSING: [&str; 17] = [
    "Identity",
    "StopGradient",
    "Snapshot",
    "EnsureShape",
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "PreventGradient",
    "ShardedFilename",
    "ShardedFilespec",
    "GuaranteeConst",
    "StringStrip",
    "StridedSlice",
    "Slice",
    "GatherV2",
    "Tile",
    "BroadcastTo",
];

/// Which output of its node an input is: `name:1`, and `name:output:1` in functions.
fn output_of(input: &str) -> usize {
    input.rsplit_once(':').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// The strings of an attribute that are not empty.
pub(super) fn strings_of(node: &Node, attribute: &str, cursor: &mut Cursor<'_>) -> Result<Vec<String>, Stop> {
    let mut texts = Vec::new();
    if let Some(value) = node.attribute(attribute) {
        each_string(value, cursor, &mut |text, cursor| {
            let text = String::from_utf8_lossy(&text.read(cursor, MAX_PATH_BYTES)?).into_owned();
            if text.is_empty() || texts.contains(&text) {
                return Ok(());
            }
            if texts.len() >= MAX_STRINGS && leaves(&text) {
                texts.pop();
            }
            if texts.len() < MAX_STRINGS {
                texts.push(text);
            }
            Ok(())
        })?;
    }
    Ok(texts)
}

/// Whether a path leads out of the folder of the model.
pub(super) fn leaves(path: &str) -> bool {
    path.contains("://") || escape_of(path.as_bytes()).is_some()
}

fn first(
    node: &Node,
    mut follow: impl FnMut(&str, &mut Cursor<'_>) -> Result<Origin, Stop>,
    cursor: &mut Cursor<'_>,
) -> Result<Origin, Stop> {
    node.values().next().map_or(Ok(Origin::Given), |input| follow(input, cursor))
}

/// Strings one behind the other: where the first comes from that is not empty decides.
fn joined(
    node: &Node,
    mut follow: impl FnMut(&str, &mut Cursor<'_>) -> Result<Origin, Stop>,
    cursor: &mut Cursor<'_>,
) -> Result<Origin, Stop> {
    let mut head = String::new();
    let mut is_default = false;
    for input in node.values().take(MAX_INPUTS) {
        let texts = match follow(input, cursor)? {
            Origin::Constant(texts) => texts,
            Origin::Default(texts) => {
                is_default |= head.is_empty();
                texts
            }
            other if head.is_empty() => return Ok(other),
            _ => vec!["…".into()],
        };
        head.push_str(texts.first().map_or("", String::as_str));
        head.truncate(head.floor_char_boundary(MAX_PATH_BYTES));
        if head.ends_with('…') {
            break;
        }
    }
    Ok(if is_default { Origin::Default(vec![head]) } else { Origin::Constant(vec![head]) })
}

/// Anything else: if all that goes in is constant, so is what comes out. An argument stays one, whatever is done with it.
fn mixed(
    node: &Node,
    mut follow: impl FnMut(&str, &mut Cursor<'_>) -> Result<Origin, Stop>,
    cursor: &mut Cursor<'_>,
) -> Result<Origin, Stop> {
    let mut texts = vec![COMPUTED.to_owned()];
    let (mut inputs, mut argument, mut is_given, mut is_default) = (0, None, false, false);
    for input in node.values().take(MAX_INPUTS) {
        inputs += 1;
        match follow(input, cursor)? {
            Origin::Constant(more) => texts.extend(more),
            Origin::Default(more) => {
                is_default = true;
                texts.extend(more);
            }
            Origin::Argument(number) => argument = argument.or(Some(number)),
            Origin::Given => is_given = true,
        }
    }
    texts.truncate(MAX_STRINGS);
    // A constant that leaves the model may be chosen by a condition that nobody can see.
    let leaves = texts.iter().any(|text| leaves(text));
    Ok(match argument {
        _ if leaves && !is_default => Origin::Constant(texts),
        Some(number) => Origin::Argument(number),
        None if is_given || inputs == 0 => Origin::Given,
        None if is_default => Origin::Default(texts),
        None => Origin::Constant(texts),
    })
}
