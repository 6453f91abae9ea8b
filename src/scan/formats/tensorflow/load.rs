//! What runs when a model is loaded, before anybody calls it: initialisers, the restoring of variables, creators of resources.
//!
//! `loader.load` runs the main operation and the saver's restoring one; `tf.saved_model.load` calls the functions that make and fill
//! resources, which the object graph names. Source: tensorflow/cc/saved_model/loader.cc, python/saved_model/load.py.

use std::collections::HashSet;

use super::graph::Graphs;
use super::schema::{Node, each, entry, functions_in, source_of, text_field};
use crate::scan::Stop;
use crate::scan::formats::protobuf::{Message, Value};
use crate::scan::input::Cursor;

/// Names of each kind that are kept.
const MAX_ROOTS: usize = 10_000;
/// Collections whose nodes the loader runs.
const INIT_COLLECTIONS: [&str; 3] = ["saved_model_main_op", "legacy_init_op", "saved_model_init_op"];
/// The signature whose outputs the loader runs.
const INIT_SIGNATURE: &str = "__saved_model_init_op";
/// Methods of a resource that the loader calls, or that run when the model goes.
const RESOURCE_METHODS: [&str; 3] = ["_create_resource", "_initialize", "_destroy_resource"];

/// What a loader starts.
#[derive(Default)]
pub(super) struct Roots {
    nodes: Vec<String>,
    functions: Vec<String>,
}

impl Roots {
    /// Reads an entry of `MetaGraphDef.collection_def`.
    pub(super) fn collection(&mut self, message: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let Some((name, collection)) = entry(message, cursor)? else { return Ok(()) };
        if !INIT_COLLECTIONS.contains(&name.as_str()) {
            return Ok(());
        }
        each(collection, cursor, |field, list, cursor| match field {
            1 => each(list, cursor, |_, name, cursor| self.node(&name.text(cursor)?)),
            _ => Ok(()),
        })
    }

    /// Reads an entry of `MetaGraphDef.signature_def`.
    pub(super) fn signature(&mut self, message: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let Some((_, signature)) = entry(message, cursor)?.filter(|(name, _)| name == INIT_SIGNATURE) else {
            return Ok(());
        };
        each(signature, cursor, |field, output, cursor| match field {
            2 => match entry(output, cursor)? {
                Some((_, tensor)) => self.node(&text_field(tensor, 1, cursor)?),
                None => Ok(()),
            },
            _ => Ok(()),
        })
    }

    /// Reads `MetaGraphDef.saver_def`.
    pub(super) fn saver(&mut self, saver: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        self.node(&text_field(saver, 3, cursor)?)
    }

    /// Reads `MetaGraphDef.object_graph_def`, in two rounds: an object names its methods by number.
    pub(super) fn objects(&mut self, graph: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut methods = HashSet::new();
        each(graph, cursor, |field, object, cursor| match field {
            1 => each(object, cursor, |field, bytes, cursor| match field {
                1 => methods_of(bytes, &mut methods, cursor),
                11 => restorers_of(bytes, &mut methods, cursor),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
        let mut number = 0;
        each(graph, cursor, |field, object, cursor| {
            number += u64::from(field == 1);
            if field == 1 && methods.contains(&(number - 1)) { self.object(object, cursor) } else { Ok(()) }
        })
    }

    /// A `SavedObject` that is a function: a list of graphs, or a single one.
    fn object(&mut self, object: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        each(object, cursor, |field, function, cursor| match field {
            6 | 8 => each(function, cursor, |field, name, cursor| {
                if field == 1 && self.functions.len() < MAX_ROOTS {
                    self.functions.push(name.text(cursor)?);
                }
                Ok(())
            }),
            _ => Ok(()),
        })
    }

    fn node(&mut self, tensor: &str) -> Result<(), Stop> {
        if self.nodes.len() >= MAX_ROOTS {
            return Err(Stop::Limit("more operations run at load than the limit".into()));
        }
        self.nodes.push(source_of(tensor).to_owned());
        Ok(())
    }
}

/// A child of an object, where it is a method that the loader calls.
fn methods_of(child: Message, methods: &mut HashSet<u64>, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    if RESOURCE_METHODS.contains(&text_field(child, 2, cursor)?.as_str()) {
        keep_number(child, 1, methods, cursor)?;
    }
    Ok(())
}

/// What restores an object: `SaveableObject.restore_function`.
fn restorers_of(message: Message, methods: &mut HashSet<u64>, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    match entry(message, cursor)? {
        Some((_, saveable)) => keep_number(saveable, 3, methods, cursor),
        None => Ok(()),
    }
}

fn keep_number(message: Message, number: u32, kept: &mut HashSet<u64>, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let mut fields = message.fields();
    while let Some(field) = fields.next(cursor)? {
        if let Value::Number(value) = field.value
            && field.number == number
            && kept.len() < MAX_ROOTS
        {
            kept.insert(value);
        }
    }
    Ok(())
}

/// What is reached from the roots.
#[derive(Default)]
pub(super) struct Reached {
    /// Nodes, by scope and offset.
    nodes: HashSet<(usize, u64)>,
    /// Functions, of which every node counts as reached.
    scopes: HashSet<usize>,
}

impl Reached {
    /// Follows inputs and functions from the roots on.
    pub(super) fn from(roots: &Roots, graphs: &Graphs, cursor: &mut Cursor<'_>) -> Result<Self, Stop> {
        let mut reached = Self::default();
        let mut functions: Vec<usize> = roots.functions.iter().filter_map(|name| graphs.function(name)).collect();
        let mut names = roots.nodes.clone();
        while let Some(name) = names.pop() {
            let Some(node) = graphs.node(0, &name, cursor)? else { continue };
            if reached.nodes.insert((0, node.at)) {
                called_by(&node, graphs, &mut functions, cursor)?;
                names.extend(node.inputs.iter().map(|input| source_of(input).to_owned()));
            }
        }
        while let Some(scope) = functions.pop() {
            if reached.scopes.insert(scope) {
                graphs.each_node(scope, cursor, |node, cursor| called_by(&node, graphs, &mut functions, cursor))?;
            }
        }
        Ok(reached)
    }

    pub(super) fn has(&self, scope: usize, node: &Node) -> bool {
        self.scopes.contains(&scope) || self.nodes.contains(&(scope, node.at))
    }
}

/// The functions of the library that a node calls, by their numbers.
pub(super) fn called_by(
    node: &Node,
    graphs: &Graphs,
    into: &mut Vec<usize>,
    cursor: &mut Cursor<'_>,
) -> Result<(), Stop> {
    let mut names = vec![node.op.clone()];
    for (_, value) in &node.attributes {
        functions_in(*value, cursor, &mut names)?;
    }
    into.extend(names.iter().filter_map(|name| graphs.function(name)));
    Ok(())
}
