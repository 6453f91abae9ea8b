//! The containers and results of calls that a pickle makes: an arena with indexes, so that values have identity, may be shared,
//! changed later and hold themselves, and so that nothing here recurses.
//!
//! The heap may forget. Under pressure, what containers hold is dropped except in the most recent nodes and in those marked as
//! telling (the results of `partial`, `getattr`, ...). A dropped container is plain data from then on: imports are judged when they
//! are made, so nothing dangerous is lost with it; what needs its content afterwards finds it unresolvable and says so.

use super::value::{NodeId, Value, View};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Tuple,
    List,
    /// Keys and values, alternating.
    Dict,
    Set,
    FrozenSet,
    /// `items` are the callee, its arguments (a tuple), its keywords (a dict or unknown), and then each state it was filled with.
    Called,
    /// As `Called`, made by `__new__` without a call of `__init__`.
    Constructed,
    /// An attribute that could not be followed: of what, and its name.
    Attribute,
}

/// Where in `items` of a called or constructed node its parts are.
pub(super) const CALLEE: usize = 0;
pub(super) const ARGUMENTS: usize = 1;
pub(super) const KEYWORDS: usize = 2;
pub(super) const STATES: usize = 3;

/// Values kept of one container; what is beyond is only known to be there.
const MAX_KEPT: u32 = 4096;
/// States kept of one object.
const MAX_STATES: u32 = 16;
/// Telling nodes that forgetting spares.
const MAX_TELLING: usize = 65_536;

#[derive(Debug, Clone, Copy)]
struct Node {
    shape: Shape,
    /// Not all that was put in is kept.
    cut: bool,
    /// Forgetting spares it.
    telling: bool,
    start: u32,
    len: u32,
    room: u32,
}

/// All nodes of one stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Heap {
    nodes: Vec<Node>,
    items: Vec<Value>,
    /// The memory of what was forgotten last, used again: fresh pages cost more than what is written to them.
    spare: Option<Box<Heap>>,
}

impl Heap {
    /// Makes a node that holds `items`.
    pub(super) fn make(&mut self, shape: Shape, items: &[Value]) -> Value {
        let len = (items.len().min(MAX_KEPT as usize)) as u32;
        let cut = items.len() > len as usize;
        let start = self.items.len() as u32;
        self.items.extend_from_slice(items.get(..len as usize).unwrap_or_default());
        self.push(Node { shape, cut, telling: false, start, len, room: len })
    }

    fn push(&mut self, node: Node) -> Value {
        // Forgetting keeps both far below what an index can say; a full index is plain data.
        let Ok(id) = u32::try_from(self.nodes.len()) else { return Value::PLAIN };
        if self.items.len() > u32::MAX as usize / 2 {
            return Value::PLAIN;
        }
        self.nodes.push(node);
        Value::node(NodeId(id))
    }

    /// Spares a node from being forgotten.
    pub(super) fn mark_telling(&mut self, value: Value) {
        if let Some(node) = value.as_node().and_then(|id| self.nodes.get_mut(id.0 as usize)) {
            node.telling = true;
        }
    }

    /// Puts more into a node; for objects the states count apart from containers' items.
    pub(super) fn extend(&mut self, id: NodeId, more: &[Value]) {
        let Some(node) = self.nodes.get_mut(id.0 as usize) else { return };
        let is_object = matches!(node.shape, Shape::Called | Shape::Constructed);
        let max = if is_object { STATES as u32 + MAX_STATES } else { MAX_KEPT };
        let fits = more.len().min(max.saturating_sub(node.len) as usize);
        node.cut |= fits < more.len();
        let Some(more) = more.get(..fits).filter(|more| !more.is_empty()) else { return };
        let len = node.len + fits as u32;
        let (start, end) = (node.start as usize, node.start as usize + node.len as usize);
        if end == self.items.len() {
            self.items.extend_from_slice(more);
            node.room = len;
        } else if len <= node.room {
            let place = self.items.get_mut(end..end + fits).into_iter().flatten();
            place.zip(more).for_each(|(to, from)| *to = *from);
        } else {
            let moved = self.items.len();
            self.items.extend_from_within(start..end);
            self.items.extend_from_slice(more);
            node.room = len.next_power_of_two();
            self.items.resize(moved + node.room as usize, Value::UNKNOWN);
            node.start = moved as u32;
        }
        node.len = len;
    }

    /// What a node is.
    #[inline]
    pub(super) fn shape(&self, id: NodeId) -> Option<Shape> {
        self.nodes.get(id.0 as usize).map(|node| node.shape)
    }

    /// What a node holds, as far as it is kept.
    pub(super) fn items(&self, id: NodeId) -> &[Value] {
        let node = self.nodes.get(id.0 as usize);
        let range = node.map(|n| n.start as usize..n.start as usize + n.len as usize);
        range.and_then(|range| self.items.get(range)).unwrap_or_default()
    }

    /// One of the things that a node holds; unknown when it does not.
    pub(super) fn item(&self, id: NodeId, index: usize) -> Value {
        self.items(id).get(index).copied().unwrap_or(Value::UNKNOWN)
    }

    /// `true` when all that was put into the node is kept.
    pub(super) fn is_whole(&self, id: NodeId) -> bool {
        self.nodes.get(id.0 as usize).is_some_and(|node| !node.cut)
    }

    /// Memory in use, in bytes.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>() + self.items.len() * size_of::<Value>()
    }

    /// Drops all but the most recent quarter of the nodes and the telling ones, and tells what became of each node.
    pub(super) fn forget(&mut self) -> Forgotten {
        let mut old = Box::new(std::mem::take(self));
        if let Some(spare) = old.spare.take() {
            *self = *spare;
            self.nodes.clear();
            self.items.clear();
        }
        let recent = old.nodes.len() - old.nodes.len() / 4;
        let mut telling_left = MAX_TELLING;
        let mut moved = Vec::with_capacity(old.nodes.len());
        for (index, node) in old.nodes.iter().enumerate() {
            let id = NodeId(index as u32);
            let is_kept = index >= recent || (node.telling && telling_left > 0);
            telling_left -= usize::from(node.telling && index < recent && telling_left > 0);
            moved.push(if is_kept { self.take_over(&old, id, *node) } else { old.summary(id) });
        }
        let forgotten = Forgotten { moved };
        for item in &mut self.items {
            *item = forgotten.renamed(*item);
        }
        self.spare = Some(old);
        forgotten
    }

    fn take_over(&mut self, old: &Self, id: NodeId, node: Node) -> Value {
        let value = self.make(node.shape, old.items(id));
        if let Some(new) = self.nodes.last_mut() {
            new.cut = node.cut;
            new.telling = node.telling;
        }
        value
    }

    /// What is still known of a node that is dropped.
    fn summary(&self, id: NodeId) -> Value {
        match (self.shape(id), self.item(id, CALLEE).view()) {
            (Some(Shape::Called | Shape::Constructed), View::Global(global)) => Value::made(global),
            (Some(Shape::Called | Shape::Constructed | Shape::Attribute), _) => Value::UNKNOWN,
            _ => Value::PLAIN,
        }
    }
}

/// What became of the nodes when the heap forgot.
#[derive(Debug)]
pub(super) struct Forgotten {
    moved: Vec<Value>,
}

impl Forgotten {
    /// What `value` is called from now on.
    #[inline]
    pub(super) fn renamed(&self, value: Value) -> Value {
        match value.as_node() {
            Some(id) => self.moved.get(id.0 as usize).copied().unwrap_or(Value::PLAIN),
            None => value,
        }
    }
}
