//! Pickle: what Python's own serialisation would import and call when it is loaded.
//!
//! [`machine`](self) runs every opcode symbolically and builds nothing; `judge.rs` asks the rules about each import and call;
//! `indirection.rs` follows calls that lead to calls; `stream.rs` goes through the pickles of a file and the raw data between them.
//! Bytes that something loads are scanned as members. It must never be stricter than a loader: what a loader runs, this reads.

mod carried;
mod code;
mod conditions;
mod evidence;
mod fold;
mod frames;
mod globals;
mod handed_on;
mod heap;
mod imports;
mod indirection;
mod joblib;
mod judge;
mod literal;
mod machine;
mod memo;
mod nested;
mod opcodes;
mod operands;
mod probe;
mod remember;
mod rules;
mod stack;
mod stream;
mod uses;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use code::Reach;
pub use uses::Use;

use super::Format;
use crate::scan::input::Input;
use crate::scan::rules::Rules;
use crate::scan::{Scan, Stop};
use stream::Stream;

/// Pickles of any protocol, alone or one after the other, with joblib's arrays between and PyTorch's old tensors behind them.
pub static FORMAT: Format = Format {
    name: "pickle",
    title: "Python pickle",
    recognised_by: "a trial run of its opcodes",
    looks_for: "imports and calls that loading it makes, and code that it carries",
    rules: rules::ALL,
    recognise: probe::recognise,
    scan: |scan, input| scan_at(scan, input, 0),
};

/// Scans the pickles of `input` from `offset` on, for formats that know where one begins.
///
/// # Errors
/// When the bytes break off or cannot be read; what was found before is kept.
pub(crate) fn scan_at(scan: &mut Scan<'_>, input: &Input, offset: u64) -> Result<(), Stop> {
    Stream::new(scan, input).scan_from(offset)
}

/// What a marshalled code object reaches; `None` when `bytes` do not begin with one.
pub(crate) fn reach_of_marshal(bytes: &[u8], rules: &Rules) -> Option<Reach> {
    code::read_marshal(bytes).map(|code| code::of_code(&code, rules))
}
