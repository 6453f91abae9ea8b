//! Judges operations by what they do and where the model makes them do it.
//!
//! An honest saved model saves and restores, at paths that its user gives. A constant path decides, not the operation's name; what
//! runs when the model is loaded weighs more than what runs when somebody calls it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::graph::Graphs;
use super::load::{Reached, called_by};
use super::operations::{Does, Operation, Place, facts_of, is_known};
use super::origin::{Follow, Origin, leaves, strings_of};
use super::schema::{Node, each_string};
use super::{CONNECTS, FORMAT, NATIVE_CODE, PYTHON_CALL, READS_FILE, UNKNOWN_OPERATION, WRITES_FILE, looks_like_graph};
use crate::report::{Finding, Rule, Severity};
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};

/// Unknown operations that are named.
const MAX_UNKNOWN: usize = 64;
/// Paths that functions take as arguments, and calls that are followed to see what they are given.
const MAX_CALLS: usize = 100_000;
/// Bytes of constants that are kept of those calls.
const MAX_CALL_BYTES: usize = 16 << 20;
/// The smallest string that can be a graph with an operation.
const MIN_GRAPH_BYTES: u64 = 8;
/// Calls that hand on their inputs as arguments, in order.
const POSITIONAL: [&str; 5] =
    ["PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall", "While", "StatelessWhile"];

/// An operation whose path is an argument of the function that it stands in.
#[derive(Clone)]
struct Sink {
    scope: usize,
    argument: usize,
    operation: &'static Operation,
    at: u64,
    runs_at_load: bool,
}

/// A call of a function with a value that matters.
struct Call {
    caller: usize,
    /// The argument that is given; all of them where that cannot be told.
    argument: Option<usize>,
    given: Origin,
}

pub(super) struct Judge<'j, 's> {
    scan: &'j mut Scan<'s>,
    input: &'j Input,
    graphs: &'j Graphs,
    follow: Follow<'j>,
    reached: Reached,
    sinks: Vec<Sink>,
    unknown: BTreeSet<String>,
}

impl<'j, 's> Judge<'j, 's> {
    pub(super) fn new(
        scan: &'j mut Scan<'s>,
        input: &'j Input,
        graphs: &'j Graphs,
        assets: &'j HashSet<String>,
        reached: Reached,
    ) -> Self {
        Self {
            scan,
            input,
            graphs,
            follow: Follow::new(graphs, assets),
            reached,
            sinks: Vec::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// Judges every node of every graph, then what functions are given.
    pub(super) fn all(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let graphs = self.graphs;
        for scope in 0..graphs.scopes.len() {
            graphs.each_node(scope, cursor, |node, cursor| self.node(scope, &node, cursor))?;
        }
        if self.sinks.is_empty() { Ok(()) } else { self.calls(cursor) }
    }

    fn node(&mut self, scope: usize, node: &Node, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        for operation in facts_of(&node.op) {
            let origin = self.origin(scope, node, operation.place, cursor)?;
            let runs_at_load = self.reached.has(scope, node);
            if let Origin::Argument(argument) = origin {
                if self.sinks.len() >= MAX_CALLS {
                    return Err(Stop::Limit("more paths are arguments of functions than the limit".into()));
                }
                self.sinks.push(Sink { scope, argument, operation, at: node.at, runs_at_load });
            }
            self.judge(operation, &origin, node.at, scope, runs_at_load);
        }
        // No loader takes a node without an operation.
        if !node.op.is_empty() && !is_known(&node.op) && self.graphs.function(&node.op).is_none() {
            self.unknown_operation(node);
        }
        self.nested_graphs(node, cursor)
    }

    fn origin(&self, scope: usize, node: &Node, place: Place, cursor: &mut Cursor<'_>) -> Result<Origin, Stop> {
        match place {
            Place::Input(number) => match node.values().nth(number) {
                Some(input) => self.follow.origin(scope, input, cursor),
                None => Ok(Origin::Given),
            },
            Place::Attribute(name) => Ok(Origin::Constant(strings_of(node, name, cursor)?)),
            Place::Nowhere => Ok(Origin::Given),
        }
    }

    fn judge(&mut self, operation: &Operation, origin: &Origin, at: u64, scope: usize, runs_at_load: bool) {
        let Some(severity) = severity(operation, origin) else { return };
        let severity = if runs_at_load && severity == Severity::High && operation.does.acts() {
            Severity::Critical
        } else {
            severity
        };
        let when = if runs_at_load { "when the model is loaded" } else { "when the model runs" };
        let message = format!("An operation {} {when}", operation.does.as_words());
        let function = self.graphs.scopes.get(scope).map_or("", |scope| scope.name.as_str());
        let place = if function.is_empty() { String::new() } else { format!(" in function {function}") };
        let evidence = format!("{}({}){place}", operation.name, shown(origin));
        let finding = Finding::new(rule(operation.does), severity, message).at(at);
        self.scan.finding(self.input, finding.evidence(evidence).callable(operation.name));
    }

    /// No library brings this with TensorFlow: loading fails unless somebody has loaded one that does.
    fn unknown_operation(&mut self, node: &Node) {
        if self.unknown.len() >= MAX_UNKNOWN || !self.unknown.insert(node.op.clone()) {
            return;
        }
        let message = "TensorFlow does not bring this operation; it comes from a native library";
        let finding = Finding::new(UNKNOWN_OPERATION, Severity::Low, message).at(node.at);
        self.scan.finding(self.input, finding.evidence(&node.op).callable(&node.op));
    }

    /// Graphs that are written into strings, for operations that run them (`DatasetFromGraph`).
    fn nested_graphs(&mut self, node: &Node, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        for (name, value) in &node.attributes {
            each_string(*value, cursor, &mut |string, cursor| {
                if string.size() >= MIN_GRAPH_BYTES && is_graph(self.input, string.at, string.size(), cursor)? {
                    let place = format!("({name} of {})", node.name);
                    self.scan.member_as(&FORMAT, &self.input.slice(string.at, string.size()).as_member(&place));
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Follows the paths that functions take as arguments to the calls that give them.
    fn calls(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let calls = self.find_calls(cursor)?;
        let mut seen = HashSet::new();
        let mut sinks = std::mem::take(&mut self.sinks);
        while let Some(sink) = sinks.pop() {
            for call in calls.get(&sink.scope).into_iter().flatten() {
                if call.argument.is_some_and(|argument| argument != sink.argument) {
                    continue;
                }
                match call.given {
                    Origin::Argument(argument) if seen.insert((call.caller, argument, sink.at)) => {
                        sinks.push(Sink { scope: call.caller, argument, ..sink.clone() });
                    }
                    Origin::Argument(_) => {}
                    _ => self.judge(sink.operation, &call.given, sink.at, sink.scope, sink.runs_at_load),
                }
            }
        }
        Ok(())
    }

    /// Every call that gives a function a constant or an argument of its own, by the function.
    fn find_calls(&self, cursor: &mut Cursor<'_>) -> Result<HashMap<usize, Vec<Call>>, Stop> {
        let (graphs, mut calls, mut count) = (self.graphs, HashMap::<usize, Vec<Call>>::new(), 0);
        let mut text_bytes = 0;
        for caller in 0..graphs.scopes.len() {
            graphs.each_node(caller, cursor, |node, cursor| {
                let mut callees = Vec::new();
                called_by(&node, graphs, &mut callees, cursor)?;
                let is_positional = POSITIONAL.contains(&node.op.as_str()) || graphs.function(&node.op).is_some();
                let inputs = node.values().enumerate().take(if callees.is_empty() { 0 } else { MAX_CALLS });
                for (number, input) in inputs {
                    let given = self.follow.origin(caller, input, cursor)?;
                    for callee in callees.iter().filter(|_| given != Origin::Given) {
                        count += 1;
                        text_bytes += given.text_bytes();
                        if count > MAX_CALLS || text_bytes > MAX_CALL_BYTES {
                            return Err(Stop::Limit("more calls of functions than the limit".into()));
                        }
                        let argument = is_positional.then_some(number);
                        calls.entry(*callee).or_default().push(Call { caller, argument, given: given.clone() });
                    }
                }
                Ok(())
            })?;
        }
        Ok(calls)
    }
}

impl Does {
    /// Whether it changes something outside of the process or runs code.
    pub(super) fn acts(self) -> bool {
        matches!(self, Self::Writes | Self::Saves | Self::CallsPython | Self::Connects)
    }
}

fn rule(does: Does) -> Rule {
    match does {
        Does::Writes | Does::Saves => WRITES_FILE,
        Does::Reads | Does::ReadsRecords | Does::Restores | Does::ConfiguresFiles => READS_FILE,
        Does::CallsPython => PYTHON_CALL,
        Does::Connects => CONNECTS,
        Does::RunsNative => NATIVE_CODE,
    }
}

/// How bad an operation is with a path of this origin; `None` where it is what honest models do.
fn severity(operation: &Operation, origin: &Origin) -> Option<Severity> {
    let texts = match origin {
        Origin::Constant(texts) | Origin::Default(texts) => texts.as_slice(),
        Origin::Argument(_) | Origin::Given => &[],
    };
    let is_constant = matches!(origin, Origin::Constant(_));
    let is_named = texts.iter().any(|text| !is_nowhere(text));
    let leaves = texts.iter().any(|text| leaves(text) && !is_nowhere(text));
    match operation.does {
        // The in-memory cache of a dataset, a stream of the process.
        Does::Writes if is_constant && !is_named => None,
        Does::Writes if is_named || operation.name == "WriteFile" => Some(Severity::High),
        Does::Writes => Some(Severity::Medium),
        Does::Saves => (leaves || is_constant && is_named).then_some(Severity::High),
        Does::Reads if is_constant && leaves => Some(Severity::High),
        Does::Reads if is_named => Some(Severity::Medium),
        Does::Reads => Some(Severity::Low),
        // Words of a table: the exported graph of a training run names them where they lay.
        Does::ReadsRecords if operation.name.starts_with("InitializeTable") => leaves.then_some(Severity::Medium),
        Does::ReadsRecords => is_named.then_some(Severity::Medium),
        Does::Restores => leaves.then_some(Severity::Medium),
        Does::CallsPython => Some(Severity::High),
        Does::Connects if is_named => Some(Severity::High),
        Does::Connects | Does::ConfiguresFiles | Does::RunsNative => Some(Severity::Medium),
    }
}

/// Places that are none: the in-memory cache, the streams and logs of `tf.print`, callbacks of the debugger, constants mapped
/// together with the graph.
fn is_nowhere(text: &str) -> bool {
    let streams = ["", "stderr", "stdout"];
    let prefixes = ["log(", "memcbk://", "memmapped_package://"];
    streams.contains(&text) || prefixes.iter().any(|prefix| text.starts_with(prefix))
}

fn shown(origin: &Origin) -> String {
    match origin {
        Origin::Constant(texts) | Origin::Default(texts) => {
            texts.iter().take(8).map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ")
        }
        Origin::Argument(_) => "an argument of the function".into(),
        Origin::Given => "a path given when it runs".into(),
    }
}

/// Whether a string is a graph; its bytes are a message of their own, nested no deeper than any other.
fn is_graph(input: &Input, at: u64, size: u64, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    let answer = super::Message::window(input, at, size).and_then(|graph| looks_like_graph(graph, cursor));
    match answer {
        Err(Stop::Io(error)) => Err(Stop::Io(error)),
        other => Ok(other.unwrap_or(false)),
    }
}
