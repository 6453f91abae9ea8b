//! The symbolic machine: runs every opcode of pickle protocols 0 to 5 on what is known of the values, and builds no object.
//!
//! It is more tolerant than any loader: where CPython would raise an error the fault is noted and the run goes on with an unknown value,
//! so that a difference between loaders hides nothing. It ends at STOP, at a byte that is no opcode, or at the end of the bytes. What is
//! imported and called is handed to the judge (`judge.rs`); the loop itself allocates nothing for constants.

use std::cell::Cell;
use std::io;

use super::frames::{Frames, Framing};
use super::globals::Globals;
use super::heap::{Heap, Shape};

use super::literal::Place;
use super::memo::Memo;
use super::nested::Nested;
use super::opcodes as op;
use super::stack::Stack;
use super::value::{Value, View};
use crate::report::{Finding, Severity};
use crate::scan::input::{Cursor, Input};
use crate::scan::rules::Rules;

/// Bytes between an import and the finding about it, at most, when no call tells of it.
const TELL_WITHIN_BYTES: u64 = 1 << 20;
/// Steps that working out the values of one opcode may take.
const MAX_WORK: u32 = 50_000;
/// Findings of each severity of one stream, and of the critical ones.
const MAX_FINDINGS: u32 = 2048;
const MAX_CRITICAL: u32 = 8192;
/// Memory of the heap before it forgets for the first time.
const FIRST_FORGET_BYTES: usize = 24 << 20;

/// Why the machine handed control back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// There are findings or nested pickles to take away; the run goes on.
    Attention,
    /// STOP: the next byte is at this offset.
    Stopped(u64),
    /// An array of joblib's follows, as raw bytes (`size`), or as a pickle of its own (`None`).
    Array { at: u64, size: Option<u64> },
    /// No loader goes on from this offset; why.
    Broken(u64, &'static str),
}

/// One pickle stream under way.
pub(super) struct Machine<'a> {
    pub(super) input: &'a Input,
    pub(super) rules: &'a Rules,
    pub(super) cursor: Cursor<'a>,
    pub(super) stack: Stack,
    pub(super) memo: Memo,
    pub(super) heap: Heap,
    pub(super) globals: Globals,
    /// As the last PROTO said.
    pub(super) protocol: u8,
    /// What STOP took from the stack.
    pub(super) result: Option<Value>,
    pub(super) frames: Frames,
    /// The first thing that CPython would have raised an error for.
    pub(super) fault: Option<(u64, &'static str)>,
    /// Findings to be taken away.
    pub(super) found: Vec<Finding>,
    /// Pickles inside, to be taken away.
    pub(super) nested: Vec<Nested>,
    /// An array that starts where the frame ends.
    pub(super) array: Option<(u64, Option<u64>)>,
    /// The offset at which something is due: an array, or a finding about an import.
    wake_at: u64,
    /// The offset at which a finding about an import is due.
    tell_at: u64,
    /// When the heap forgets next, and the bound that it keeps, in bytes.
    forget_at: usize,
    max_heap_bytes: usize,
    /// Steps that working out one opcode's values may still take: shared values make trees of them exponential.
    pub(super) work_left: Cell<u32>,
    /// Findings made so far, of each severity.
    reported: [u32; 4],
    /// How deep calls within calls are being judged.
    pub(super) call_depth: u8,
}

impl<'a> Machine<'a> {
    /// A machine that will run the pickle at `offset`.
    pub(super) fn new(input: &'a Input, rules: &'a Rules, offset: u64, framing: Framing, max_bytes: u64) -> Self {
        // A quarter is for the memo, an eighth for the stack, half of that for its marks, and the heap is there twice when it forgets.
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let max_heap_bytes = max_bytes / 6;
        Self {
            input,
            rules,
            cursor: input.cursor(offset),
            stack: Stack::new(max_bytes / 8),
            memo: Memo::new(max_bytes / 4),
            heap: Heap::default(),
            globals: Globals::default(),
            protocol: 0,
            result: None,
            frames: Frames::new(framing),
            fault: None,
            found: Vec::new(),
            nested: Vec::new(),
            array: None,
            wake_at: u64::MAX,
            tell_at: u64::MAX,
            forget_at: FIRST_FORGET_BYTES.min(max_heap_bytes),
            max_heap_bytes,
            work_left: Cell::new(0),
            reported: [0; 4],
            call_depth: 0,
        }
    }

    /// Runs until something has to be done outside.
    pub(super) fn run(&mut self) -> io::Result<Pause> {
        loop {
            let at = self.cursor.offset();
            if at >= self.wake_at
                && let Some(pause) = self.wake(at)
            {
                return Ok(pause);
            }
            let Some(opcode) = self.cursor.byte()? else {
                return Ok(Pause::Broken(at, "the bytes end before STOP"));
            };
            match opcode {
                op::BINGET => self.get_counted(1)?,
                op::MEMOIZE => self.memoize(at),
                op::BINPUT => self.put_counted(1)?,
                op::LONG_BINGET => self.get_counted(4)?,
                op::LONG_BINPUT => self.put_counted(4)?,
                op::MARK => self.stack.mark(),
                op::NONE | op::NEWTRUE | op::NEWFALSE | op::EMPTY_TUPLE => self.constant(at, 0),
                op::BININT1 => self.constant(at, 1),
                op::BININT2 => self.constant(at, 2),
                op::BININT => self.constant(at, 4),
                op::BINFLOAT => self.constant(at, 8),
                op::SHORT_BINUNICODE | op::SHORT_BINBYTES | op::SHORT_BINSTRING | op::LONG1 => self.counted(at, 1)?,
                op::BINUNICODE | op::BINBYTES | op::BINSTRING | op::LONG4 => self.counted(at, 4)?,
                op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => self.counted(at, 8)?,
                op::EMPTY_DICT => self.container(Shape::Dict),
                op::EMPTY_LIST => self.container(Shape::List),
                op::EMPTY_SET => self.container(Shape::Set),
                op::SETITEMS | op::APPENDS | op::ADDITEMS => self.add_since_mark(at, opcode),
                op::SETITEM => self.add_few(at, opcode, 2),
                op::APPEND => self.add_few(at, opcode, 1),
                op::TUPLE => self.since_mark(at, Shape::Tuple),
                op::LIST => self.since_mark(at, Shape::List),
                op::DICT => self.since_mark(at, Shape::Dict),
                op::FROZENSET => self.since_mark(at, Shape::FrozenSet),
                op::TUPLE1 => self.tuple(at, 1),
                op::TUPLE2 => self.tuple(at, 2),
                op::TUPLE3 => self.tuple(at, 3),
                op::INT | op::LONG | op::FLOAT | op::STRING | op::UNICODE => {
                    self.align_line();
                    self.note_place(Place { opcode: at, operand: self.cursor.offset(), counted: None });
                    self.skip_line()?;
                    self.stack.push(Value::constant(at));
                }
                op::STOP => return Ok(self.stop(at)),
                op::FRAME => self.frame()?,
                op::PROTO => self.protocol = self.number(1)? as u8,
                op::POP => self.discard(at),
                op::POP_MARK => self.drop_mark(at),
                op::DUP => self.duplicate(at),
                op::GET => self.get_line(at)?,
                op::PUT => self.put_line(at)?,
                op::NEXT_BUFFER => self.stack.push(Value::PLAIN),
                op::READONLY_BUFFER => {}
                _ => {
                    if !self.rare(opcode, at)? {
                        return Ok(Pause::Broken(at, "a byte that is no opcode"));
                    }
                    if self.has_news() {
                        return Ok(Pause::Attention);
                    }
                }
            }
        }
    }

    /// The opcodes that import, call or fill: few, and the only ones that can lead to a finding. `false`: there is no such opcode.
    fn rare(&mut self, opcode: u8, at: u64) -> io::Result<bool> {
        self.work_left.set(MAX_WORK);
        match opcode {
            op::GLOBAL => self.global(at)?,
            op::STACK_GLOBAL => self.stack_global(at)?,
            op::INST => self.instance(at)?,
            op::OBJ => self.object(at),
            op::REDUCE => self.reduce(at),
            op::NEWOBJ => self.new_object(at, false),
            op::NEWOBJ_EX => self.new_object(at, true),
            op::BUILD => self.build(at),
            op::PERSID => {
                self.align_line();
                self.skip_line()?;
                self.stack.push(Value::PERSISTENT);
            }
            op::BINPERSID => self.persistent(at),
            op::EXT1 => self.extension(at, 1)?,
            op::EXT2 => self.extension(at, 2)?,
            op::EXT4 => self.extension(at, 4)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes one step of what working out values may take; `false` when there is none left.
    pub(super) fn takes_work(&self) -> bool {
        let left = self.work_left.get();
        self.work_left.set(left.saturating_sub(1));
        left > 0
    }

    /// Puts a finding aside to be taken away, unless there were too many.
    pub(super) fn report(&mut self, finding: Finding) {
        let max = if finding.severity == Severity::Critical { MAX_CRITICAL } else { MAX_FINDINGS };
        let Some(count) = self.reported.get_mut(finding.severity as usize) else { return };
        if *count < max {
            *count += 1;
            self.found.push(finding);
        }
    }

    /// Memory that a copy of the state takes, in bytes.
    pub(super) fn state_bytes(&self) -> u64 {
        (4096 + self.heap.bytes() + self.memo.bytes()) as u64
    }

    /// Another machine in the same state that goes on from `offset`, with nothing found yet.
    pub(super) fn fork(&self, offset: u64) -> Self {
        let mut fork = Self::new(self.input, self.rules, offset, Framing::Memory, 0);
        fork.stack = self.stack.clone();
        fork.memo = self.memo.clone();
        fork.heap = self.heap.clone();
        fork.globals = self.globals.clone();
        fork.protocol = self.protocol;
        fork.max_heap_bytes = self.max_heap_bytes;
        fork.forget_at = self.forget_at;
        fork
    }

    #[inline]
    fn has_news(&self) -> bool {
        !self.found.is_empty() || !self.nested.is_empty()
    }

    /// Does what is due at this offset.
    #[cold]
    fn wake(&mut self, at: u64) -> Option<Pause> {
        self.leave_frame(at);
        match self.array.take() {
            Some((start, size)) if start <= at => {
                self.wake_at = self.tell_at;
                return Some(Pause::Array { at: start, size });
            }
            waiting => {
                self.array = waiting;
                self.wake_at = waiting.map_or(u64::MAX, |(start, _)| start);
            }
        }
        if self.frames.end != 0 {
            self.wake_at(self.frames.end);
        }
        if self.tell_at > at {
            self.wake_at(self.tell_at);
            return None;
        }
        self.tell_at = u64::MAX;
        self.tell_imports();
        self.has_news().then_some(Pause::Attention)
    }

    /// Makes sure that the machine looks up at `offset`.
    pub(super) fn wake_at(&mut self, offset: u64) {
        self.wake_at = self.wake_at.min(offset);
    }

    /// A finding about an import is due before long.
    pub(super) fn tell_soon(&mut self, at: u64) {
        self.tell_at = self.tell_at.min(at.saturating_add(TELL_WITHIN_BYTES));
        self.wake_at(self.tell_at);
    }

    fn stop(&mut self, at: u64) -> Pause {
        self.result = self.stack.pop();
        if self.result.is_none() {
            self.fault(at, "STOP with nothing on the stack");
        }
        self.tell_imports();
        Pause::Stopped(self.cursor.offset())
    }

    /// Notes what CPython would have raised an error for; the first one is kept.
    pub(super) fn fault(&mut self, at: u64, what: &'static str) {
        self.fault.get_or_insert((at, what));
    }

    #[inline(always)]
    fn constant(&mut self, at: u64, operand: u64) {
        if self.frames.buffer_end != 0 {
            self.align(operand);
            self.note_place(Place { opcode: at, operand: self.cursor.offset(), counted: None });
        }
        self.cursor.skip(operand);
        self.stack.push(Value::constant(at));
    }

    fn frame(&mut self) -> io::Result<()> {
        let size = self.number(8)?;
        self.enter_frame(size);
        Ok(())
    }

    #[inline]
    pub(super) fn pop(&mut self, at: u64) -> Value {
        match self.stack.pop() {
            Some(value) => value,
            None => {
                self.fault(at, "an opcode takes more from the stack than there is");
                Value::UNKNOWN
            }
        }
    }

    fn discard(&mut self, at: u64) {
        if self.stack.pop().is_none() && self.stack.pop_mark().is_none() {
            self.fault(at, "POP from an empty stack");
        }
    }

    fn drop_mark(&mut self, at: u64) {
        let mark = self.mark(at);
        self.stack.drop_to(mark);
    }

    fn duplicate(&mut self, at: u64) {
        let top = self.stack.top();
        if top.is_none() {
            self.fault(at, "DUP of nothing");
        }
        self.stack.push(top.unwrap_or(Value::UNKNOWN));
    }

    /// The height of the last mark, which is taken away; without one, of the whole stack.
    #[inline]
    pub(super) fn mark(&mut self, at: u64) -> u64 {
        match self.stack.pop_mark() {
            Some(mark) => mark,
            None => {
                self.fault(at, "no mark on the stack");
                0
            }
        }
    }

    /// Makes a node, and has the heap forget when it grew too large.
    pub(super) fn make(&mut self, shape: Shape, items: &[Value]) -> Value {
        if self.heap.bytes() > self.forget_at {
            let forgotten = self.forget();
            let items: Vec<Value> = items.iter().map(|item| forgotten.renamed(*item)).collect();
            return self.heap.make(shape, &items);
        }
        self.heap.make(shape, items)
    }

    #[cold]
    fn forget(&mut self) -> super::heap::Forgotten {
        let forgotten = self.heap.forget();
        self.memo.rename(|value| forgotten.renamed(value));
        self.stack.values_mut().iter_mut().for_each(|value| *value = forgotten.renamed(*value));
        // Renaming goes through the whole memo: the larger that is, the less often it should be.
        let wanted = self.heap.bytes() * 2 + self.memo.bytes();
        self.forget_at = wanted.clamp(FIRST_FORGET_BYTES.min(self.max_heap_bytes), self.max_heap_bytes);
        forgotten
    }

    fn container(&mut self, shape: Shape) {
        let made = self.make(shape, &[]);
        self.stack.push(made);
    }

    fn since_mark(&mut self, at: u64, shape: Shape) {
        let mark = self.mark(at);
        if self.heap.bytes() > self.forget_at {
            self.forget();
        }
        if self.globals.has_conditional {
            let values = self.stack.since(mark).to_vec();
            self.judge_handed_on(at, &values);
        }
        let made = self.heap.make(shape, self.stack.since(mark));
        self.stack.drop_to(mark);
        self.stack.push(made);
    }

    fn tuple(&mut self, at: u64, size: usize) {
        let mut items = [Value::UNKNOWN; 3];
        let Some(items) = items.get_mut(..size) else { return };
        for item in items.iter_mut().rev() {
            *item = self.pop(at);
        }
        self.judge_handed_on(at, items);
        let made = self.make(Shape::Tuple, items);
        self.stack.push(made);
    }

    #[inline]
    fn add_since_mark(&mut self, at: u64, opcode: u8) {
        let mark = self.mark(at);
        if self.heap.bytes() > self.forget_at {
            self.forget();
        }
        if self.globals.has_conditional {
            let values = self.stack.since(mark).to_vec();
            self.judge_handed_on(at, &values);
        }
        let since = self.stack.since(mark);
        // The target lies below the mark, above the one before.
        let below = mark.checked_sub(1).and_then(|height| self.stack.since(height).first().copied());
        if let Some(View::Node(id)) = below.map(Value::view)
            && matches!(self.heap.shape(id), Some(Shape::Dict | Shape::List | Shape::Set))
        {
            self.heap.extend(id, since);
            self.stack.drop_to(mark);
            return;
        }
        let items = since.get(..since.len().min(64)).unwrap_or_default().to_vec();
        self.stack.drop_to(mark);
        self.add_to_object(at, opcode, below, &items);
    }

    fn add_few(&mut self, at: u64, opcode: u8, count: usize) {
        let mut items = [Value::UNKNOWN; 2];
        let Some(items) = items.get_mut(..count) else { return };
        for item in items.iter_mut().rev() {
            *item = self.pop(at);
        }
        self.judge_handed_on(at, items);
        let target = self.stack.top();
        match target.map(Value::view) {
            Some(View::Node(id)) if matches!(self.heap.shape(id), Some(Shape::Dict | Shape::List)) => {
                self.heap.extend(id, items);
            }
            _ => self.add_to_object(at, opcode, target, items),
        }
    }
}
