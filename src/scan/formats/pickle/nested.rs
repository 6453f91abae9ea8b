//! Byte strings that something loads: pickles inside a pickle, and what PyTorch or numpy saved into bytes.
//!
//! Only bytes that flow into a loader, or into a call that is objected to anyway, are looked into. Searching weights for pickles finds
//! pickles everywhere.

use super::globals::Global;
use super::heap::STATES;
use super::machine::Machine;
use super::probe;
use super::value::{GlobalId, Value, View};
use crate::scan::rules::{Condition, Judgement};

/// Computed bytes that are looked into.
const MAX_COMPUTED_BYTES: usize = 64 << 20;
/// The longest argument of an unknown loader that is worked out before anybody knows what it is.
const MAX_GUESSED_BYTES: usize = 4 << 20;

/// Bytes inside a pickle that are a file of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nested {
    /// What loads them.
    pub(super) loader: String,
    /// The offset of the call.
    pub(super) at: u64,
    pub(super) bytes: NestedBytes,
    /// A pickle is what the loader expects, whatever the bytes look like.
    pub(super) is_pickle: bool,
}

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NestedBytes {
    /// In the file as they are.
    Span { at: u64, size: u64 },
    /// Made by the machine.
    Computed(Vec<u8>),
}

/// The bytes that a value is, if that can be told.
pub(super) fn bytes_of(machine: &Machine<'_>, value: Value) -> Option<NestedBytes> {
    if let View::Const(_) = value.view()
        && let Some((at, size)) = machine.literal(value, 0).filter(|c| c.literal.clone().into_bytes().is_some())?.span
    {
        return Some(NestedBytes::Span { at, size });
    }
    if let Some(content) = content_of_buffer(machine, value) {
        return bytes_of(machine, content);
    }
    machine.bytes(value, MAX_COMPUTED_BYTES).map(NestedBytes::Computed)
}

/// The bytes that `io.BytesIO` was filled with: its state is `(bytes, position, attributes)`.
fn content_of_buffer(machine: &Machine<'_>, value: Value) -> Option<Value> {
    let buffer = value.as_node()?;
    let class = machine.globals.get(machine.maker(value)?)?;
    let is_buffer = class.is("_io", "BytesIO") || class.is("io", "BytesIO");
    // Filled twice it has the last content, which is not told from the first here.
    let [state] = machine.heap.items(buffer).get(STATES..).filter(|_| is_buffer)? else { return None };
    let content = machine.heap.item(state.as_node()?, 0);
    matches!(content.view(), View::Const(_)).then_some(content)
}

/// The one argument that such a loader loads; `None` where it is the first, and all are looked at.
pub(super) fn loaded_argument(global: &Global) -> Option<usize> {
    LOADED_ARGUMENTS.iter().find(|(module, name, _)| global.is(module, name)).map(|(_, _, index)| *index)
}

/// Conditional loaders whose other arguments are data: spacy/tokens/doc.pyx and spacy/vocab.pyx.
const LOADED_ARGUMENTS: &[(&str, &str, usize)] =
    &[("spacy.tokens.doc", "unpickle_doc", 1), ("spacy.vocab", "unpickle_vocab", 4)];

impl Machine<'_> {
    /// Puts aside the arguments of a call that are loaded in turn.
    pub(super) fn load_arguments(&mut self, at: u64, id: GlobalId, arguments: &[Value]) {
        let Some(global) = self.globals.get(id) else { return };
        let is_pickle = match global.judgement {
            Judgement::Conditional(Condition::LoadsPickleBytes | Condition::TorchLoadBytes) => true,
            Judgement::Conditional(Condition::LoadsArchiveBytes) => false,
            Judgement::Dangerous { .. }
            | Judgement::StandardLibrary
            | Judgement::Unknown
            | Judgement::NoPlaceInModels { .. } => LOADERS.contains(&(&*global.module, &*global.name)),
            Judgement::Conditional(Condition::NumpyScalar) => return self.load_scalar(at, id, arguments),
            _ => return,
        };
        let loader = global.path();
        let is_loader = is_pickle || matches!(global.judgement, Judgement::Conditional(_));
        let arguments = match loaded_argument(global) {
            Some(index) => arguments.get(index..=index).unwrap_or_default(),
            None => arguments,
        };
        for argument in arguments {
            let bytes = if is_loader { bytes_of(self, *argument) } else { self.pickle_like(*argument) };
            if let Some(bytes) = bytes {
                self.nested.push(Nested { loader: loader.clone(), at, bytes, is_pickle });
            }
        }
    }

    /// Puts aside the byte strings of a state that its object loads.
    pub(super) fn load_state(&mut self, at: u64, target: Value, state: Value) {
        let Some(global) = self.maker(target).and_then(|id| self.globals.get(id)) else { return };
        if !matches!(global.judgement, Judgement::Conditional(Condition::StateLoadsTorchBytes)) {
            return;
        }
        let loader = global.path();
        for (_, value) in self.state_items(state) {
            if let Some(bytes) = bytes_of(self, value) {
                self.nested.push(Nested { loader: loader.clone(), at, bytes, is_pickle: false });
            }
        }
    }

    /// A byte string, or text that decodes to one, that is a pickle beyond doubt or begins like compressed data.
    fn pickle_like(&self, argument: Value) -> Option<NestedBytes> {
        let bytes = self.fold(argument, MAX_GUESSED_BYTES, 0)?.as_bytes();
        if is_loadable(&bytes) {
            return Some(NestedBytes::Computed(bytes));
        }
        let decoded = super::fold::base64(&bytes).filter(|_| bytes.len() >= 8)?;
        is_loadable(&decoded).then_some(NestedBytes::Computed(decoded))
    }

    /// numpy unpickles the bytes of a scalar of the object type.
    fn load_scalar(&mut self, at: u64, id: GlobalId, arguments: &[Value]) {
        let [dtype, value, ..] = arguments else { return };
        let is_object = self.dtype(*dtype).is_none_or(|dtype| dtype.has_objects);
        let loader = self.globals.get(id).map(|global| global.path()).unwrap_or_default();
        if let Some(bytes) = bytes_of(self, *value).filter(|_| is_object) {
            self.nested.push(Nested { loader, at, bytes, is_pickle: true });
        }
    }
}

/// Bytes that a loader of models would take.
fn is_loadable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, ..] | [b'P', b'K', 3, 4, ..]) || probe::is_surely_pickle(bytes)
}

/// Callables of the dangerous list that unpickle their argument.
const LOADERS: &[(&str, &str)] = &[
    ("pickle", "loads"),
    ("pickle", "_loads"),
    ("_pickle", "loads"),
    ("cPickle", "loads"),
    ("dill", "loads"),
    ("dill._dill", "loads"),
    ("cloudpickle", "loads"),
    ("cloudpickle.cloudpickle", "loads"),
    ("pickle", "load"),
    ("_pickle", "load"),
    ("pickle", "Unpickler"),
    ("_pickle", "Unpickler"),
    ("pickle", "_Unpickler"),
    ("torch", "load"),
    ("torch.serialization", "load"),
    ("torch.storage", "_load_from_bytes"),
    ("joblib", "load"),
    ("pandas", "read_pickle"),
    ("jsonpickle", "decode"),
];
