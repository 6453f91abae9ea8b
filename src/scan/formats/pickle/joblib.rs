//! The raw arrays that joblib writes between the opcodes of a pickle, and where the opcodes go on.
//!
//! `joblib/numpy_pickle.py`: once a `NumpyArrayWrapper` is filled by BUILD, the loader reads the array from the file behind the frame that
//! is being read: one byte that says how much padding follows (since 1.1), the padding, and `product(shape) * itemsize` bytes; with
//! objects in the array a pickle of its own. A loader that is not joblib's reads opcodes there; both readings are scanned.

use super::heap::{ARGUMENTS, Shape};
use super::literal::Literal;
use super::machine::Machine;
use super::rules as rule;
use super::value::{Value, View};
use crate::report::{Finding, Severity};
use crate::scan::rules::{Condition, Judgement};

/// What of a numpy data type matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataType {
    /// Bytes of one element.
    pub(super) size: u64,
    /// Elements are, or hold, Python objects.
    pub(super) has_objects: bool,
}

/// The longest name of a companion file.
const MAX_NAME_BYTES: usize = 4096;
/// The flag of numpy's dtype for elements that hold objects.
const HAS_OBJECTS: i128 = 0x01;
/// Data types inside data types that are looked into.
const MAX_DEPTH: u8 = 8;

impl Machine<'_> {
    /// Notes where the array of a wrapper that was just filled begins.
    pub(super) fn await_array(&mut self, at: u64, target: Value) {
        let is_wrapper = self
            .maker(target)
            .and_then(|id| self.globals.get(id))
            .is_some_and(|global| matches!(global.judgement, Judgement::Conditional(Condition::JoblibArrayWrapper)));
        if !is_wrapper {
            return;
        }
        let here = self.cursor.offset();
        let start = self.frames.end.max(here);
        match self.array_size(target, start) {
            Some(size) => {
                self.array = Some((start, size));
                self.wake_at(start);
            }
            None => self.fault(at, "an array of joblib's whose size cannot be told"),
        }
    }

    /// joblib before 0.10 kept arrays in files of their own, by names that the pickle holds.
    pub(super) fn judge_companion(&mut self, at: u64, target: Value, state: Value) {
        let Some(id) = self.maker(target) else { return };
        let is_wrapper = self
            .globals
            .get(id)
            .is_some_and(|global| matches!(global.judgement, Judgement::Conditional(Condition::JoblibFileWrapper)));
        if !is_wrapper {
            return;
        }
        let items = self.state_items(state);
        let name = items.iter().find(|(key, _)| self.text(*key, 32).is_some_and(|key| key == "filename"));
        let name = name.and_then(|(_, name)| self.text(*name, MAX_NAME_BYTES));
        let is_plain = |name: &String| !name.contains(['/', '\\', '\0']) && name != ".." && !name.is_empty();
        let (severity, message) = match name.as_ref().map(is_plain) {
            Some(true) => (Severity::Low, "Loads a companion file that lies beside it; scan that too"),
            Some(false) => (Severity::High, "Loads a companion file from outside its folder"),
            None => (Severity::High, "Loads a companion file whose name cannot be told"),
        };
        let finding = Finding::new(rule::COMPANION_FILE, severity, message);
        self.report(finding.at(at).evidence(name.unwrap_or_default()));
    }

    /// Bytes of the array that begins at `start`, padding included; inside, `None` when it is a pickle.
    fn array_size(&self, wrapper: Value, start: u64) -> Option<Option<u64>> {
        let dtype = self.injected(wrapper, "dtype")?;
        let dtype = self.dtype(dtype)?;
        if dtype.has_objects {
            return Some(None);
        }
        let shape = self.arguments(self.injected(wrapper, "shape")?)?;
        let mut count = 1_u64;
        for length in shape {
            // numpy multiplies 64-bit numbers and lets them overflow.
            count = count.wrapping_mul(self.integer(length)? as u64);
        }
        let size = count.wrapping_mul(dtype.size);
        let is_aligned = self
            .injected(wrapper, "numpy_array_alignment_bytes")
            .and_then(|value| self.literal(value, 16))
            .is_some_and(|constant| constant.literal != Literal::None);
        let padding = match is_aligned {
            true => 1 + u64::from(self.input.bytes_at(start, 1).ok()?.first().copied()?),
            false => 0,
        };
        Some(Some(size.saturating_add(padding)))
    }

    /// What is known of a data type: `dtype("<f8", False, True)`, filled by BUILD.
    pub(super) fn dtype(&self, value: Value) -> Option<DataType> {
        self.dtype_at(value, 0)
    }

    fn dtype_at(&self, value: Value, depth: u8) -> Option<DataType> {
        let id = value.as_node().filter(|id| self.heap.shape(*id) == Some(Shape::Called))?;
        let arguments = self.arguments(self.heap.item(id, ARGUMENTS))?;
        let code = self.text(*arguments.first()?, 64)?;
        let mut dtype = data_type(&code)?;
        let states = self.heap.items(id).get(super::heap::STATES..).unwrap_or_default();
        for state in states.iter().filter_map(|state| self.arguments(*state)) {
            if let Some(size) = state.get(5).and_then(|size| self.integer(*size)).and_then(|n| u64::try_from(n).ok()) {
                dtype.size = size;
            }
            dtype.has_objects |= state.get(7).and_then(|f| self.integer(*f)).is_some_and(|f| f & HAS_OBJECTS != 0);
            dtype.has_objects |= state.get(4).is_some_and(|fields| self.fields_hold_objects(*fields, depth));
        }
        Some(dtype)
    }

    fn fields_hold_objects(&self, fields: Value, depth: u8) -> bool {
        let Some(id) = fields.as_node() else { return matches!(fields.view(), View::Unknown) };
        depth >= MAX_DEPTH
            || !self.takes_work()
            || self.heap.items(id).as_chunks::<2>().0.iter().any(|[_, field]| {
                let inner = field.as_node().map(|field| self.heap.item(field, 0));
                inner.and_then(|inner| self.dtype_at(inner, depth + 1)).is_none_or(|dtype| dtype.has_objects)
            })
    }
}

/// `f8`, `<i4`, `U12`, `O8`, `M8[ns]`.
fn data_type(code: &str) -> Option<DataType> {
    let code = code.trim_start_matches(['<', '>', '=', '|']);
    let kind = code.chars().next()?;
    let digits: String = code.chars().skip(1).take_while(char::is_ascii_digit).collect();
    let count: u64 = digits.parse().ok()?;
    let size = if kind == 'U' { count.checked_mul(4)? } else { count };
    Some(DataType { size, has_objects: kind == 'O' })
}
