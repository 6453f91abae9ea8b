//! What bytes are, by content and never by name alone.
//!
//! Every format is asked, and every one that recognises the bytes looks at them: a file that is a pickle for one loader and a zip
//! for another (a polyglot) is scanned as both.

use std::io;

use super::Hints;
use super::formats::{FORMATS, Format};
use super::input::{Input, OutOfBudget};

/// Bytes of the beginning that every format gets to see.
pub const HEAD_BYTES: usize = 4096;

/// What a format is shown to recognise its own.
pub struct Probe<'a> {
    /// The first [`HEAD_BYTES`] bytes, or all if there are fewer.
    pub head: &'a [u8],
    /// The bytes themselves, for what the head does not tell (the end of a zip).
    pub input: &'a Input,
    /// What is known besides.
    pub hints: &'a Hints,
}

/// Asks every format, in the order of the list, and hands each that recognises `input` to `found` at once: what one reads to its
/// end is then not decoded again for the next. Tells whether any did.
///
/// # Errors
/// When the input cannot be read.
pub fn identify(input: &Input, hints: &Hints, mut found: impl FnMut(&'static Format)) -> io::Result<bool> {
    let head = input.bytes_at(0, HEAD_BYTES)?;
    let probe = Probe { head: &head, input, hints };
    let mut is_recognised = false;
    for format in FORMATS {
        match (format.recognise)(&probe) {
            Ok(true) => {
                is_recognised = true;
                found(format);
            }
            Ok(false) => {}
            // What stands before the end of a bomb is still for others to look at; the decoder tells of the limit.
            Err(error) if OutOfBudget::is(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(is_recognised)
}
