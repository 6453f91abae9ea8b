//! Searches the raw bytes for Keras configurations, without reading HDF5: a text that stands in one piece is found wherever it is.
//!
//! What is found here is reported before the HDF5 library is called, and cannot be taken back by a worker that falls to it. What is
//! not found here is not thereby absent: attributes can be stored in pieces, or packed.

use std::io;

use super::CONFIGURATION;
use crate::scan::Scan;
use crate::scan::formats::keras;
use crate::scan::input::Input;

/// Bytes that are searched at the beginning, where writers put what describes the data.
const HEAD_BYTES: usize = 4 << 20;
/// Bytes that are searched at the end, where later changes are put.
const TAIL_BYTES: usize = 1 << 20;
/// Texts that are looked at.
const MAX_TEXTS: usize = 64;
/// A key that every configuration has.
const KEY: &[u8] = b"\"class_name\"";

pub(super) fn search(scan: &mut Scan<'_>, input: &Input) -> io::Result<()> {
    search_in(scan, input, &input.bytes_at(0, size_to(input, HEAD_BYTES)?)?);
    let size = input.size()?;
    if size > HEAD_BYTES as u64 && input.is_random_access() {
        search_in(scan, input, &input.bytes_at(size.saturating_sub(TAIL_BYTES as u64), TAIL_BYTES)?);
    }
    Ok(())
}

fn size_to(input: &Input, most: usize) -> io::Result<usize> {
    Ok(usize::try_from(input.size()?).map_or(most, |size| size.min(most)))
}

fn search_in(scan: &mut Scan<'_>, input: &Input, bytes: &[u8]) {
    let mut from = 0;
    for _ in 0..MAX_TEXTS {
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(key) = memchr::memmem::find(rest, KEY) else { break };
        let is_text = |byte: &u8| !byte.is_ascii_control();
        let before = rest.get(..key).unwrap_or_default().iter().rev().take_while(|byte| is_text(byte)).count();
        let behind = rest.get(key..).unwrap_or_default().iter().take_while(|byte| is_text(byte)).count();
        let text = rest.get(key - before..key + behind).unwrap_or_default();
        let start = memchr::memmem::find(text, b"{\"").unwrap_or_default();
        keras::look(scan, &input.as_member(CONFIGURATION), text.get(start..).unwrap_or_default());
        from += key + behind.max(1);
    }
}
