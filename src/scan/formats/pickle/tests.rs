//! Attacks and honest streams, by what a scan of them reports. Attacks bear their names in the catalogue of attacks.

mod attacks;
mod guarded;
mod honest;
mod limits;

use std::rc::Rc;

use crate::report::Report;
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints, Limits};

fn scan_as(name: &str, bytes: &[u8]) -> Report {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    engine.scan(Rc::new(bytes.to_vec()), &Hints { name: name.to_owned() }, &mut |_| {})
}

fn scan(bytes: &[u8]) -> Report {
    scan_as("", bytes)
}

/// What every attack here does in the end.
const SYSTEM: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// `module.name`.
fn global(module: &str, name: &str) -> Vec<u8> {
    [text(module), text(name), b"\x93".to_vec()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&b"B"[..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(".to_vec(), items.concat(), b"t".to_vec()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"](".to_vec(), items.concat(), b"e".to_vec()].concat()
}

/// A dict of one entry.
fn dict(key: &str, value: Vec<u8>) -> Vec<u8> {
    [b"}(".to_vec(), text(key), value, b"u".to_vec()].concat()
}

/// A call of what `callee` leaves on the stack.
fn call(callee: Vec<u8>, arguments: &[Vec<u8>]) -> Vec<u8> {
    [callee, tuple(arguments), b"R".to_vec()].concat()
}

/// A whole pickle of protocol 4.
fn pickle(parts: &[Vec<u8>]) -> Vec<u8> {
    [b"\x80\x04".to_vec(), parts.concat(), b".".to_vec()].concat()
}
