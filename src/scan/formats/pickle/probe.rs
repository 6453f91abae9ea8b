//! Tells whether bytes are a pickle, by a trial run of the opcodes that keeps count of the stack and nothing else.
//!
//! Protocols 2 and up announce themselves with two bytes; protocols 0 and 1 begin with any opcode, and so does much honest text. A trial
//! that is wrong in the one direction misses an attack, in the other it blames a text file: so a stream without announcement must go
//! through its opcodes without an error, either to a STOP or to something that imports a well-formed name.

use std::io;
use std::rc::Rc;

use super::literal;
use super::opcodes::{self as op, Argument};
use crate::report::Severity;
use crate::scan::Limits;
use crate::scan::identify::Probe;
use crate::scan::input::{Budget, Cursor, Input};
use crate::scan::rules::{Judgement, Rules};

/// Opcodes of a trial.
const MAX_OPCODES: u32 = 65_536;
/// Bytes of lines that a trial reads; counted literals are passed over and cost nothing.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// The longest name of an import that a trial believes, unless the stream announces itself.
const MAX_NAME_BYTES: usize = 512;
/// What is looked at of a line at once.
const LINE_WINDOW: usize = 1 << 16;

/// What a trial found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// It ran to a STOP with something on the stack.
    Stopped,
    /// It ran as far as a trial goes.
    Long,
    /// It broke.
    Broken,
}

/// Suffixes of names under which people load pickles; they make a trial believe more.
const SUFFIXES: &[&str] = &[
    "pkl",
    "pickle",
    "pk",
    "p",
    "pt",
    "pth",
    "bin",
    "ckpt",
    "joblib",
    "jbl",
    "dill",
    "cpkl",
    "cloudpickle",
    "sav",
    "model",
    "dat",
    "data",
    "npy",
    "th",
    "t7",
];

/// What was seen until the trial ended.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    opcodes: u32,
    imports: u32,
    /// Calls, and imports by an opcode that text does not hold by chance.
    telling: u32,
}

/// Tells whether the bytes are a pickle.
pub(super) fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    if is_pickle_at(probe.input, 0)? {
        return Ok(true);
    }
    let suffix = probe.hints.name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    let is_named_so = suffix.is_some_and(|suffix| SUFFIXES.contains(&&*suffix));
    Ok(is_named_so && run(probe.input, 0)?.1.imports > 0)
}

/// Tells whether some loader would take the bytes at `offset` for a pickle.
pub(super) fn is_pickle_at(input: &Input, offset: u64) -> io::Result<bool> {
    let head = input.bytes_at(offset, 16)?;
    let Some((&first, rest)) = head.split_first() else { return Ok(false) };
    if op::argument(first).is_none() {
        return Ok(false);
    }
    let (trial, seen) = run(input, offset)?;
    Ok(match (first, rest.first()) {
        // Two bytes could be chance; an opcode that goes on from there is not.
        (op::PROTO, Some(0..=5)) => trial != Trial::Broken || seen.opcodes >= 2,
        // A frame of a plausible size: loaders differ on what follows its end.
        (op::FRAME, _) if rest.get(4..8) == Some(&[0; 4]) => true,
        _ => match trial {
            Trial::Stopped => seen.imports > 0 || is_run_of_pickles(input, offset)?,
            Trial::Long => true,
            Trial::Broken => seen.imports > 0 && seen.telling > 0,
        },
    })
}

/// Tells whether `bytes` are a pickle beyond doubt: one that runs to its STOP and imports or announces itself.
pub(super) fn is_surely_pickle(bytes: &[u8]) -> bool {
    let input = Input::new(Rc::new(bytes.to_vec()), Rc::new(Budget::new(&Limits::default())));
    let Ok((trial, seen)) = run(&input, 0) else { return false };
    let is_announced = matches!(bytes, [op::PROTO, 0..=5, ..]) && seen.opcodes > 3;
    trial == Trial::Stopped && (seen.imports > 0 || is_announced) || trial == Trial::Broken && seen.telling > 1
}

/// Where a pickle begins within `max_bytes` from `offset` on: announced, or by a GLOBAL that is called.
pub(super) fn find_pickle(input: &Input, offset: u64, max_bytes: u64) -> io::Result<Option<u64>> {
    let window = input.bytes_at(offset, usize::try_from(max_bytes).unwrap_or(usize::MAX))?;
    for (index, pair) in window.windows(2).enumerate() {
        let at = offset.saturating_add(index as u64);
        let is_likely = match pair {
            [op::PROTO, 0..=5] => {
                let (trial, seen) = run(input, at)?;
                trial == Trial::Stopped && seen.opcodes >= 3 || seen.imports > 0
            }
            [op::GLOBAL | op::INST, b'a'..=b'z' | b'A'..=b'Z' | b'_'] => {
                let (_, seen) = run(input, at)?;
                seen.imports > 0 && seen.telling > 0
            }
            [op::MARK, op::GLOBAL | op::INST | b'S' | b'V'] => {
                let (_, seen) = run(input, at)?;
                seen.imports > 0 && seen.telling > 0
            }
            _ => false,
        };
        if is_likely {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Tells whether one pickle that runs to its STOP begins at `offset`, whatever follows it: enough where a run of pickles is known to go on.
pub(super) fn is_one_pickle_at(input: &Input, offset: u64) -> io::Result<bool> {
    let (trial, seen) = run(input, offset)?;
    Ok(trial == Trial::Stopped && seen.opcodes >= 2)
}

/// A stream without any import is a pickle only if nothing but other pickles follows, or one that imports and calls.
fn is_run_of_pickles(input: &Input, offset: u64) -> io::Result<bool> {
    let mut trial = Run::new(input, offset);
    loop {
        let ended = trial.run()?;
        let is_end = trial.cursor.peek(1)?.is_empty();
        match ended {
            Trial::Stopped if is_end => return Ok(trial.seen.opcodes >= 2),
            Trial::Stopped => trial.start_over(),
            Trial::Long => return Ok(true),
            Trial::Broken => return Ok(trial.seen.imports > 0 && trial.seen.telling > 0),
        }
        if trial.cursor.peek(1)?.first() == Some(&op::PROTO) {
            return Ok(true);
        }
    }
}

fn run(input: &Input, offset: u64) -> io::Result<(Trial, Seen)> {
    let mut run = Run::new(input, offset);
    let trial = run.run()?;
    Ok((trial, run.seen))
}

struct Run<'a> {
    cursor: Cursor<'a>,
    /// Bytes of lines that were read.
    line_bytes: u64,
    /// It began with a PROTO that CPython takes.
    is_announced: bool,
    /// Values above the last mark.
    height: u32,
    /// Heights below the marks.
    marks: Vec<u32>,
    seen: Seen,
}

impl<'a> Run<'a> {
    fn new(input: &'a Input, offset: u64) -> Self {
        Self {
            cursor: input.cursor(offset),
            line_bytes: 0,
            is_announced: false,
            height: 0,
            marks: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// For the next pickle of a run of them.
    fn start_over(&mut self) {
        self.height = 0;
        self.marks.clear();
    }

    fn run(&mut self) -> io::Result<Trial> {
        while self.seen.opcodes < MAX_OPCODES && self.line_bytes < MAX_LINE_BYTES {
            let Some(opcode) = self.cursor.byte()? else { return Ok(Trial::Broken) };
            let Some(argument) = op::argument(opcode) else { return Ok(Trial::Broken) };
            if !self.skip_argument(opcode, argument)? || !self.step(opcode) {
                return Ok(Trial::Broken);
            }
            self.is_announced |= opcode == op::PROTO;
            self.seen.opcodes += 1;
            if opcode == op::STOP {
                return Ok(Trial::Stopped);
            }
        }
        Ok(Trial::Long)
    }

    /// Goes behind the argument; `false` when it cannot be one.
    fn skip_argument(&mut self, opcode: u8, argument: Argument) -> io::Result<bool> {
        let fixed = match argument {
            Argument::Nothing => 0,
            Argument::One => 1,
            Argument::Two => 2,
            Argument::Four => 4,
            Argument::Eight => 8,
            Argument::Counted1 => 1,
            Argument::Counted4 => 4,
            Argument::Counted8 => 8,
            Argument::Line => return self.line(opcode),
            Argument::TwoLines => {
                let (Some(module), Some(name)) = (self.name()?, self.name()?) else { return Ok(false) };
                self.seen.imports += 1;
                // A stream that announces itself may name what it likes; none of it is worth judging here.
                if self.is_announced {
                    return Ok(true);
                }
                // Text that spells a known danger behind a `c` is no text.
                let judgement = Rules::builtin().judge(&module, &name);
                let is_danger = matches!(judgement, Judgement::Dangerous { severity: Severity::Critical, .. });
                self.seen.telling += u32::from(is_danger);
                return Ok(true);
            }
        };
        let operand = self.cursor.peek(fixed)?;
        let Some(operand) = operand.get(..fixed) else { return Ok(false) };
        let number = operand.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        self.cursor.skip(fixed as u64);
        if matches!(argument, Argument::Counted1 | Argument::Counted4 | Argument::Counted8) {
            self.cursor.skip(number);
        }
        Ok(opcode != op::PROTO || number <= 5)
    }

    /// A line that reads as the number or text that the opcode wants.
    fn line(&mut self, opcode: u8) -> io::Result<bool> {
        let bytes = self.cursor.peek(LINE_WINDOW)?;
        let end = bytes.iter().position(|b| *b == b'\n');
        let line = bytes.get(..end.unwrap_or(LINE_WINDOW.min(bytes.len()))).unwrap_or_default().trim_ascii();
        let is_number =
            |extra: &[u8]| !line.is_empty() && line.iter().all(|b| b.is_ascii_hexdigit() || extra.contains(b));
        let fits = match opcode {
            op::INT | op::LONG => is_number(b"xX_+-Lo"),
            op::FLOAT => is_number(b".+-_infatyINFATY"),
            op::GET | op::PUT => is_number(b"_+-"),
            op::STRING if end.is_none() => matches!(line, [b'\'' | b'"', ..]),
            op::STRING => matches!(line, [b'\'', .., b'\''] | [b'"', .., b'"']),
            // `PK` and two bytes begin every zip; no loader has a persistent id like that.
            op::PERSID => !line.starts_with(b"K\x03\x04"),
            _ => true,
        };
        Ok(fits && self.skip_line()?)
    }

    /// Goes behind the end of a line, however long; `false` when there is none.
    fn skip_line(&mut self) -> io::Result<bool> {
        while self.line_bytes < MAX_LINE_BYTES {
            let bytes = self.cursor.peek(1)?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let (newline, all) = (bytes.iter().position(|b| *b == b'\n'), bytes.len());
            let taken = newline.map_or(all, |at| at + 1) as u64;
            self.cursor.skip(taken);
            self.line_bytes += taken;
            if newline.is_some() {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// A line that is a dotted name; any line will do in a stream that announces itself.
    fn name(&mut self) -> io::Result<Option<String>> {
        if self.is_announced {
            return Ok(self.skip_line()?.then(String::new));
        }
        let bytes = self.cursor.peek(MAX_NAME_BYTES)?;
        let Some(end) = bytes.iter().take(MAX_NAME_BYTES).position(|b| *b == b'\n') else { return Ok(None) };
        let name = bytes.get(..end).unwrap_or_default();
        let is_name = !name.is_empty()
            && name
                .iter()
                .all(|b| matches!(b, b'.' | b'_' | b'-' | b'<' | b'>') || b.is_ascii_alphanumeric() || *b >= 0x80)
            && !name.first().is_some_and(u8::is_ascii_digit);
        let name = is_name.then(|| literal::text_of(name));
        self.cursor.skip(end as u64 + 1);
        self.line_bytes += end as u64 + 1;
        Ok(name)
    }

    fn take(&mut self, count: u32) -> bool {
        match self.height.checked_sub(count) {
            Some(height) => {
                self.height = height;
                true
            }
            None => false,
        }
    }

    fn mark(&mut self) -> bool {
        match self.marks.pop() {
            Some(height) => {
                self.height = height;
                true
            }
            None => false,
        }
    }

    /// What the opcode does to the height of the stack; `false` when it cannot.
    fn step(&mut self, opcode: u8) -> bool {
        let (taken, given) = match opcode {
            op::MARK => {
                self.marks.push(self.height);
                self.height = 0;
                return true;
            }
            op::POP_MARK => return self.mark(),
            op::POP => return self.take(1) || self.mark(),
            op::INST => {
                self.seen.telling += 1;
                let there = self.mark();
                self.height += 1;
                return there;
            }
            op::OBJ => {
                self.seen.telling += 1;
                let there = self.height >= 1 && self.mark();
                self.height += 1;
                return there;
            }
            op::TUPLE | op::LIST | op::DICT | op::FROZENSET => {
                let there = self.mark();
                self.height += 1;
                return there;
            }
            op::SETITEMS | op::APPENDS | op::ADDITEMS => return self.mark() && self.height >= 1,
            op::APPEND => (2, 1),
            op::SETITEM => (3, 1),
            op::BUILD => (2, 1),
            op::REDUCE | op::NEWOBJ => {
                self.seen.telling += 1;
                (2, 1)
            }
            op::NEWOBJ_EX => {
                self.seen.telling += 1;
                (3, 1)
            }
            op::STACK_GLOBAL => {
                let there = self.take(2);
                self.height += 1;
                self.seen.imports += u32::from(there);
                self.seen.telling += u32::from(there);
                return there;
            }
            op::BINPERSID | op::TUPLE1 | op::READONLY_BUFFER | op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => {
                (1, 1)
            }
            op::DUP => (1, 2),
            op::TUPLE2 => (2, 1),
            op::TUPLE3 => (3, 1),
            op::STOP => (1, 0),
            op::PROTO | op::FRAME => (0, 0),
            _ => (0, 1),
        };
        let there = self.take(taken);
        self.height = self.height.saturating_add(given);
        there
    }
}
