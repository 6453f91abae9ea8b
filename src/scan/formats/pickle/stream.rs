//! A file or member as a run of pickles: each is run to its end, then what follows it is looked at.
//!
//! Loaders call `load` more than once on a file, and some by offsets that only they know. So after STOP the next pickle is scanned, also
//! behind padding or junk (searched for within a bound), while the layouts that put raw data after a pickle are told apart and
//! skipped: PyTorch's old format keeps its tensors behind five pickles.

use std::io;
use std::rc::Rc;

use super::frames::Framing;
use super::heap::Shape;
use super::literal::Literal;
use super::machine::{Machine, Pause};
use super::nested::{Nested, NestedBytes};
use super::opcodes::argument;
use super::value::Value;
use super::{FORMAT, probe, rules as rule};
use crate::report::{Finding, PartialCause, Severity};
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

/// What begins every file of PyTorch's old format (`torch/serialization.py`), as a pickled number.
const TORCH_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// The pickles of that format; raw tensors follow.
const TORCH_PICKLES: u32 = 5;
/// Bytes behind a pickle that are searched for another.
const MAX_SEARCH_BYTES: u64 = 1 << 20;
/// Zeros behind a pickle that are passed over in search of another; a hole in a file costs as much.
const MAX_PADDING_BYTES: u64 = 64 << 20;
/// Pickles of a run that are each looked at together with what follows them; afterwards each is looked at alone.
const CAREFUL_PICKLES: u32 = 16;
/// Places of one file at which a search may find something that looks like a pickle.
const MAX_RESYNCS: u32 = 64;
/// Pickles inside arrays whose odd frames are read in every way.
const MAX_FRAMED_DEPTH: u32 = 1;
/// Memory of machines that is copied, over all arrays of a file, to read them as other loaders do.
const MAX_FORKED_BYTES: u64 = 1 << 30;
/// Pickles of one file that are run one after the other.
const MAX_PICKLES: u32 = 1_000_000;

/// How a pickle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// The offset behind it, or where it broke.
    at: u64,
    broken: Option<&'static str>,
    is_torch_magic: bool,
    /// It is an empty list, such as PyTorch's old format has in place of the keys of its tensors when there are none.
    is_empty_list: bool,
}

/// The pickles of one input, one after the other.
pub(super) struct Stream<'s, 'a> {
    scan: &'s mut Scan<'a>,
    input: &'s Input,
    /// Findings of the other reading of bytes that joblib takes for an array are told only when they are beyond doubt.
    covered_to: u64,
    resyncs: u32,
    forked_bytes: u64,
}

impl<'s, 'a> Stream<'s, 'a> {
    pub(super) fn new(scan: &'s mut Scan<'a>, input: &'s Input) -> Self {
        Self { scan, input, covered_to: 0, resyncs: 0, forked_bytes: 0 }
    }

    /// Scans from `offset` on to the end of the input.
    pub(super) fn scan_from(&mut self, offset: u64) -> Result<(), Stop> {
        let mut at = offset;
        let mut torch_pickles = 0;
        for count in 0..MAX_PICKLES {
            let end = self.pickle(at, 0)?;
            if let Some(what) = end.broken {
                return self.broken(end, what);
            }
            torch_pickles = if end.is_torch_magic {
                1
            } else if torch_pickles > 0 {
                torch_pickles + 1
            } else {
                0
            };
            if torch_pickles == TORCH_PICKLES && !end.is_empty_list {
                return Ok(());
            }
            if count >= CAREFUL_PICKLES && probe::is_one_pickle_at(self.input, end.at)? {
                at = end.at;
                continue;
            }
            match self.next_pickle(end.at)? {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
        Err(Stop::Limit(format!("more than {MAX_PICKLES} pickles in one stream")))
    }

    /// Says that the file is damaged, after a look at what follows the damage.
    fn broken(&mut self, end: End, what: &'static str) -> Result<(), Stop> {
        if let Some(next) = self.search(end.at)? {
            self.resyncs += 1;
            self.scan_from(next)?;
        }
        Err(Stop::Fault(format!("the pickle breaks off at offset {}: {what}", end.at)))
    }

    /// Where the next pickle begins, at or behind `at`.
    fn next_pickle(&mut self, at: u64) -> Result<Option<u64>, Stop> {
        let rest = self.input.bytes_at(at, 2)?;
        if rest.is_empty() {
            return Ok(None);
        }
        if probe::is_pickle_at(self.input, at)? {
            return Ok(Some(at));
        }
        let behind = self.padding_end(at)?;
        let next =
            if behind > at && probe::is_pickle_at(self.input, behind)? { Some(behind) } else { self.search(behind)? };
        if next.is_none() && !self.input.bytes_at(behind, 1)?.is_empty() {
            let message = "Bytes follow the end of the pickle; they belong to no layout that is known and hold no pickle that was found";
            self.scan.finding(self.input, Finding::new(rule::TRAILING_DATA, Severity::Low, message).at(behind));
            if !self.input.bytes_at(behind.saturating_add(MAX_SEARCH_BYTES), 1)?.is_empty() {
                let reason = "more follows the end of the pickle than is searched";
                self.scan.partial(self.input, PartialCause::Limit, reason);
            }
        }
        self.resyncs += u32::from(next.is_some());
        Ok(next)
    }

    fn search(&self, at: u64) -> io::Result<Option<u64>> {
        if self.resyncs >= MAX_RESYNCS {
            return Ok(None);
        }
        probe::find_pickle(self.input, at, MAX_SEARCH_BYTES)
    }

    /// Behind the zeros and blanks at `at`.
    fn padding_end(&self, at: u64) -> io::Result<u64> {
        let mut cursor = self.input.cursor(at);
        while cursor.offset().saturating_sub(at) < MAX_PADDING_BYTES {
            let bytes = cursor.peek(1)?;
            let padding = bytes.iter().take_while(|byte| **byte == 0 || byte.is_ascii_whitespace()).count();
            let is_over = padding < bytes.len() || bytes.is_empty();
            cursor.skip(padding as u64);
            if is_over {
                break;
            }
        }
        Ok(cursor.offset())
    }

    /// Runs one pickle to its end.
    fn pickle(&mut self, at: u64, depth: u32) -> Result<End, Stop> {
        let (end, were_crossed) = self.reading(at, Framing::Memory, depth)?;
        if were_crossed && depth <= MAX_FRAMED_DEPTH {
            // The other readings may break where this one does not, and the other way round; what they find counts.
            for framing in [Framing::Unbuffered, Framing::Buffered] {
                let _ = self.reading(at, framing, depth)?;
            }
        }
        Ok(end)
    }

    /// Runs one pickle to its end as one kind of loader reads its frames; `true` when an argument went beyond its frame.
    fn reading(&mut self, at: u64, framing: Framing, depth: u32) -> Result<(End, bool), Stop> {
        let limits = self.scan.limits();
        let mut machine = Machine::new(self.input, self.scan.rules(), at, framing, limits.max_machine_bytes);
        let end = loop {
            let pause = machine.run()?;
            self.deliver(&mut machine);
            match pause {
                Pause::Attention => {}
                Pause::Array { at, size } => self.array(&mut machine, at, size, depth)?,
                Pause::Stopped(end) => {
                    let is_torch_magic = matches!(
                        machine.result.and_then(|value| machine.literal(value, 16)).map(|c| c.literal),
                        Some(Literal::Int(TORCH_MAGIC))
                    );
                    let list = machine.result.and_then(Value::as_node);
                    let is_empty_list = list.is_some_and(|id| {
                        machine.heap.shape(id) == Some(Shape::List) && machine.heap.items(id).is_empty()
                    });
                    break End { at: end, broken: None, is_torch_magic, is_empty_list };
                }
                Pause::Broken(at, what) => {
                    break End { at, broken: Some(what), is_torch_magic: false, is_empty_list: false };
                }
            }
        };
        machine.tell_imports();
        self.deliver(&mut machine);
        if let Some((at, what)) = machine.fault {
            let message = "CPython's unpickler would refuse this pickle here, after it ran what comes before";
            let finding = Finding::new(rule::MALFORMED, Severity::Low, message);
            self.scan.finding(self.input, finding.at(at).evidence(what));
            if end.broken.is_none() {
                self.scan.partial(self.input, PartialCause::Fault, what);
            }
        }
        self.scan.saw_imports(&machine);
        Ok((end, machine.frames.were_crossed))
    }

    /// Hands on what the machine found.
    fn deliver(&mut self, machine: &mut Machine<'_>) {
        for finding in machine.found.drain(..) {
            self.scan.finding(self.input, finding);
        }
        for nested in std::mem::take(&mut machine.nested) {
            self.nested(nested);
        }
    }

    /// Scans a pickle inside as a member of its own.
    fn nested(&mut self, nested: Nested) {
        let name = format!("{}@{}", nested.loader, nested.at);
        let member = match nested.bytes {
            NestedBytes::Span { at, size } => self.input.slice(at, size).as_member(&name),
            NestedBytes::Computed(bytes) => self.input.derived(&name, Rc::new(bytes)),
        };
        // PyTorch takes what is no zip for its old format, and unpickles it.
        let is_zip = member.bytes_at(0, 4).is_ok_and(|head| head == b"PK\x03\x04");
        if nested.is_pickle && !is_zip && !probe::is_pickle_at(&member, 0).unwrap_or(true) {
            self.scan.member_as(&FORMAT, &member);
        } else {
            self.scan.member(&member);
        }
    }

    /// An array of joblib's: both what joblib reads and what every other loader reads there.
    fn array(&mut self, machine: &mut Machine<'_>, at: u64, size: Option<u64>, depth: u32) -> Result<(), Stop> {
        let Some(size) = size else {
            if depth >= self.scan.limits().max_depth {
                return Err(Stop::Limit("pickles of object arrays inside each other".to_owned()));
            }
            let end = self.pickle(at, depth + 1)?;
            machine.cursor.seek(end.at);
            return match end.broken {
                Some(what) => {
                    Err(Stop::Fault(format!("the pickle of an array breaks off at offset {}: {what}", end.at)))
                }
                None => Ok(()),
            };
        };
        if at >= self.covered_to {
            self.covered_to = self.other_reading(machine, at)?;
        }
        machine.cursor.seek(at.saturating_add(size));
        Ok(())
    }

    /// Runs the bytes of an array as opcodes, and tells only of what cannot be chance. Gives where that ended.
    fn other_reading(&mut self, machine: &Machine<'_>, at: u64) -> Result<u64, Stop> {
        // What begins with no opcode is data for every loader.
        let first = self.input.bytes_at(at, 1)?.first().copied();
        if first.is_none_or(|byte| argument(byte).is_none()) {
            return Ok(at);
        }
        // Beyond the bound the run starts with an empty stack, which hides at most what needs values from before the array.
        let mut other = if self.forked_bytes < MAX_FORKED_BYTES {
            self.forked_bytes = self.forked_bytes.saturating_add(machine.state_bytes());
            machine.fork(at)
        } else {
            Machine::new(self.input, self.scan.rules(), at, Framing::Memory, self.scan.limits().max_machine_bytes)
        };
        loop {
            let pause = other.run()?;
            other.nested.clear();
            for finding in other.found.drain(..) {
                let is_plain_name = finding.callable.as_deref().is_some_and(|name| {
                    name.len() >= 6 && name.bytes().all(|b| b == b'.' || b == b'_' || b.is_ascii_alphanumeric())
                });
                if finding.severity >= Severity::High && is_plain_name {
                    self.scan.finding(self.input, finding);
                }
            }
            match pause {
                Pause::Attention => {}
                Pause::Array { at, .. } => other.cursor.seek(at),
                Pause::Stopped(end) | Pause::Broken(end, _) => return Ok(end),
            }
        }
    }
}
