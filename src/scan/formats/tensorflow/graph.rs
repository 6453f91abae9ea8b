//! Where the nodes of a graph are: the graph's own and those of every function in its library.
//!
//! Keeps an offset for each node and nothing of its content, so that memory does not grow with constants; nodes are read again when
//! somebody follows an input to them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::schema::{Node, each, text_field};
use crate::scan::Stop;
use crate::scan::formats::protobuf::Message;
use crate::scan::input::Cursor;

/// Nodes that can be followed to. The largest published graphs have some 100,000.
const MAX_NODES: usize = 200_000;
/// Functions of one library.
const MAX_FUNCTIONS: usize = 50_000;
/// Arguments of all functions of one library.
const MAX_ARGUMENTS: usize = 200_000;

/// A graph of nodes: the main graph (number 0) or the body of a function.
#[derive(Default)]
pub(super) struct Scope {
    /// The function's name; empty for the main graph.
    pub(super) name: String,
    /// The function's arguments, in order.
    pub(super) arguments: Vec<String>,
    /// The messages that its nodes stand in, and the number of their field. A message can come in several parts.
    parts: Vec<(Message, u32)>,
}

/// All graphs of one `GraphDef`.
pub(super) struct Graphs {
    pub(super) scopes: Vec<Scope>,
    functions: HashMap<String, usize>,
    nodes: HashMap<u64, Message>,
    hasher: RandomState,
    arguments: usize,
    /// More nodes than can be followed to.
    pub(super) is_full: bool,
}

impl Graphs {
    /// A graph of nothing.
    pub(super) fn new() -> Self {
        Self {
            scopes: vec![Scope::default()],
            functions: HashMap::new(),
            nodes: HashMap::new(),
            hasher: RandomState::new(),
            arguments: 0,
            is_full: false,
        }
    }

    /// Adds a `GraphDef`, or a further part of it.
    pub(super) fn add(&mut self, graph: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        if let Some(main) = self.scopes.first_mut() {
            main.parts.push((graph, 1));
        }
        self.index(0, graph, 1, cursor)?;
        each(graph, cursor, |field, library, cursor| match field {
            2 => each(library, cursor, |field, function, cursor| match field {
                1 => self.add_function(function, cursor),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })
    }

    /// Adds a `FunctionDef`.
    fn add_function(&mut self, function: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut scope = Scope { parts: vec![(function, 3)], ..Scope::default() };
        each(function, cursor, |field, signature, cursor| match field {
            1 => self.read_signature(&mut scope, signature, cursor),
            _ => Ok(()),
        })?;
        if self.scopes.len() >= MAX_FUNCTIONS {
            return Err(Stop::Limit("the library has more functions than the limit".into()));
        }
        let number = self.scopes.len();
        self.functions.insert(scope.name.clone(), number);
        self.scopes.push(scope);
        self.index(number, function, 3, cursor)
    }

    /// Reads an `OpDef`: the name and the arguments of a function.
    fn read_signature(&mut self, scope: &mut Scope, signature: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        each(signature, cursor, |field, bytes, cursor| {
            match field {
                1 => scope.name = bytes.text(cursor)?,
                2 if self.arguments >= MAX_ARGUMENTS => {
                    return Err(Stop::Limit("functions have more arguments than the limit".into()));
                }
                2 => {
                    self.arguments += 1;
                    scope.arguments.push(text_field(bytes, 1, cursor)?);
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn index(&mut self, scope: usize, message: Message, nodes: u32, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        each(message, cursor, |field, node, cursor| {
            if field != nodes {
                return Ok(());
            }
            let name = text_field(node, 1, cursor)?;
            self.is_full |= self.nodes.len() >= MAX_NODES;
            if !self.is_full && !name.is_empty() {
                self.nodes.insert(self.hasher.hash_one((scope, name)), node);
            }
            Ok(())
        })
    }

    /// The number of the scope of a function.
    pub(super) fn function(&self, name: &str) -> Option<usize> {
        self.functions.get(name).copied()
    }

    /// The node `name` of a scope.
    pub(super) fn node(&self, scope: usize, name: &str, cursor: &mut Cursor<'_>) -> Result<Option<Node>, Stop> {
        let place = self.nodes.get(&self.hasher.hash_one((scope, name)));
        place.map(|message| Node::read(*message, cursor)).transpose()
    }

    /// Hands out every node of a scope, in order.
    pub(super) fn each_node(
        &self,
        scope: usize,
        cursor: &mut Cursor<'_>,
        mut take: impl FnMut(Node, &mut Cursor<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        for (message, nodes) in self.scopes.get(scope).map(|scope| scope.parts.as_slice()).unwrap_or_default() {
            each(
                *message,
                cursor,
                |field, node, cursor| {
                    if field == *nodes { take(Node::read(node, cursor)?, cursor) } else { Ok(()) }
                },
            )?;
        }
        Ok(())
    }
}
