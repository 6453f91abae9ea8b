//! What is known of a value on the machine's stack, in eight bytes.
//!
//! A constant is the offset of the opcode that pushed it and is read again when its value matters, so that millions of constants
//! cost nothing but their place on the stack and in the memo. Only containers and results of calls have a node in the heap.

use std::fmt;

/// Bits of a value below its tag.
const PAYLOAD_BITS: u32 = 60;
const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;

/// A value, packed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Value(u64);

/// A value, unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Nothing is known.
    Unknown,
    /// What the opcode at this offset pushed: a number, a text, bytes, `None`, a truth value or the empty tuple.
    Const(u64),
    /// A container, or the result of a call.
    Node(NodeId),
    /// Something imported.
    Global(GlobalId),
    /// What this callable made; with which arguments is forgotten.
    Made(GlobalId),
    /// A container whose content was forgotten to save memory, or an opaque buffer: plain data.
    Plain,
    /// What the loader's `persistent_load` gives.
    Persistent,
}

/// The place of a node in the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) u32);

/// The place of an import in the table of imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct GlobalId(pub(super) u32);

impl Value {
    /// No value at all: an empty slot of the memo.
    pub(super) const VACANT: Self = Self(0);
    pub(super) const UNKNOWN: Self = Self(8 << PAYLOAD_BITS);
    pub(super) const PLAIN: Self = Self(5 << PAYLOAD_BITS);
    pub(super) const PERSISTENT: Self = Self(6 << PAYLOAD_BITS);

    /// What the opcode at `offset` pushed.
    #[inline]
    pub(super) const fn constant(offset: u64) -> Self {
        Self(1 << PAYLOAD_BITS | offset & PAYLOAD)
    }

    #[inline]
    pub(super) const fn node(id: NodeId) -> Self {
        Self(2 << PAYLOAD_BITS | id.0 as u64)
    }

    #[inline]
    pub(super) const fn global(id: GlobalId) -> Self {
        Self(3 << PAYLOAD_BITS | id.0 as u64)
    }

    pub(super) const fn made(id: GlobalId) -> Self {
        Self(4 << PAYLOAD_BITS | id.0 as u64)
    }

    /// The value, unpacked.
    #[inline]
    pub(super) const fn view(self) -> View {
        let payload = self.0 & PAYLOAD;
        match self.0 >> PAYLOAD_BITS {
            1 => View::Const(payload),
            2 => View::Node(NodeId(payload as u32)),
            3 => View::Global(GlobalId(payload as u32)),
            4 => View::Made(GlobalId(payload as u32)),
            5 => View::Plain,
            6 => View::Persistent,
            _ => View::Unknown,
        }
    }

    /// The node, if it is one.
    pub(super) const fn as_node(self) -> Option<NodeId> {
        match self.view() {
            View::Node(id) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
