//! Reads a constant again: from the offset of the opcode that pushed it to its value.
//!
//! As tolerant as the loaders are: texts that are not quoted, escapes that are none, numbers in any base, bytes that are not UTF-8.
//! Reads at most what the caller asks for, however long the constant is.

use std::io;

use super::opcodes as op;
use crate::scan::input::Input;

/// The value of a constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    None,
    Bool(bool),
    Int(i128),
    /// An integer beyond 128 bits.
    BigInt,
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// A `str` of Python 2: text or bytes, as the loader decides.
    Str(Vec<u8>),
    EmptyTuple,
}

/// A constant and whether `literal` is all of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    pub(super) literal: Literal,
    /// Nothing was cut off.
    pub(super) is_whole: bool,
    /// Where its bytes stand as they are, if they do.
    pub(super) span: Option<(u64, u64)>,
}

impl Literal {
    /// The bytes, if it is a byte string for some loader.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) | Self::Str(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// UTF-8 where it is, and Latin-1 where it is not.
pub(super) fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

/// Where the parts of a constant are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The opcode.
    pub(super) opcode: u64,
    /// Its number, line or count.
    pub(super) operand: u64,
    /// The bytes that were counted, where they do not follow the count.
    pub(super) counted: Option<u64>,
}

impl Place {
    /// Of a constant that is written in one piece.
    pub(super) fn whole(opcode: u64) -> Self {
        Self { opcode, operand: opcode.saturating_add(1), counted: None }
    }
}

/// The constant at `place`, at most `max_bytes` of it; `None` when there is no such constant.
pub(super) fn read(input: &Input, place: Place, max_bytes: usize) -> io::Result<Option<Constant>> {
    let Some(&opcode) = input.bytes_at(place.opcode, 1)?.first() else { return Ok(None) };
    let operand = input.bytes_at(place.operand, 8)?;
    let operand = &*operand;
    let constant = match opcode {
        op::NONE => whole(Literal::None),
        op::NEWTRUE => whole(Literal::Bool(true)),
        op::NEWFALSE => whole(Literal::Bool(false)),
        op::EMPTY_TUPLE => whole(Literal::EmptyTuple),
        op::BININT => whole(Literal::Int(i128::from(i32::from_le_bytes(array(operand))))),
        op::BININT1 => whole(Literal::Int(i128::from(u8::from_le_bytes(array(operand))))),
        op::BININT2 => whole(Literal::Int(i128::from(u16::from_le_bytes(array(operand))))),
        op::BINFLOAT => whole(Literal::Float(f64::from_be_bytes(array(operand)))),
        op::INT | op::LONG | op::FLOAT | op::STRING | op::UNICODE => {
            read_line(input, opcode, place.operand, max_bytes)?
        }
        _ => match op::argument(opcode) {
            Some(op::Argument::Counted1) => read_counted(input, opcode, (place, 1), operand, max_bytes)?,
            Some(op::Argument::Counted4) => read_counted(input, opcode, (place, 4), operand, max_bytes)?,
            Some(op::Argument::Counted8) => read_counted(input, opcode, (place, 8), operand, max_bytes)?,
            _ => return Ok(None),
        },
    };
    Ok(Some(constant))
}

fn whole(literal: Literal) -> Constant {
    Constant { literal, is_whole: true, span: None }
}

/// The first `N` bytes, filled up with zeros.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}

fn read_counted(
    input: &Input,
    opcode: u8,
    (place, width): (Place, usize),
    operand: &[u8],
    max_bytes: usize,
) -> io::Result<Constant> {
    let count = u64::from_le_bytes(array(operand.get(..width).unwrap_or(operand)));
    let start = place.counted.unwrap_or_else(|| place.operand.saturating_add(width as u64));
    let wanted = usize::try_from(count).unwrap_or(usize::MAX).min(max_bytes);
    let bytes = input.bytes_at(start, wanted)?;
    let is_whole = bytes.len() as u64 == count;
    let literal = match opcode {
        op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 => Literal::Text(cut_text(bytes)),
        op::BINSTRING | op::SHORT_BINSTRING => Literal::Str(bytes),
        op::LONG1 | op::LONG4 => little_endian(&bytes, is_whole),
        _ => Literal::Bytes(bytes),
    };
    Ok(Constant { literal, is_whole, span: Some((start, count)) })
}

/// Text that may have been cut within a character; surrogates that Python lets through become replacement characters.
fn cut_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn little_endian(bytes: &[u8], is_whole: bool) -> Literal {
    if bytes.len() > 16 || !is_whole {
        return Literal::BigInt;
    }
    let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = [fill; 16];
    wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    Literal::Int(i128::from_le_bytes(wide))
}

fn read_line(input: &Input, opcode: u8, start: u64, max_bytes: usize) -> io::Result<Constant> {
    let mut line = input.bytes_at(start, max_bytes.saturating_add(1))?;
    let end = line.iter().position(|b| *b == b'\n');
    let is_whole = end.is_some();
    line.truncate(end.unwrap_or(max_bytes.min(line.len())));
    let literal = match opcode {
        op::INT if line == b"00" || line == b"01" => Literal::Bool(line == b"01"),
        op::INT | op::LONG => integer(&line, 0).map_or(Literal::BigInt, Literal::Int),
        op::FLOAT => Literal::Float(text_of(&line).trim().parse().unwrap_or(f64::NAN)),
        op::UNICODE => Literal::Text(raw_unicode_escape(&line)),
        _ => Literal::Str(unquote(&line)),
    };
    Ok(Constant { literal, is_whole, span: None })
}

/// A number as Python's `int` reads it: spaces around, a sign, underscores, and with `base` 0 a prefix; also the octal of C's `strtol`
/// and the `L` of Python 2.
pub(super) fn integer(text: &[u8], base: u32) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_end_matches('L');
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase().replace('_', "");
    let (digits, base) = match lower.get(..2) {
        Some("0x") if base == 0 => (lower.get(2..)?, 16),
        Some("0o") if base == 0 => (lower.get(2..)?, 8),
        Some("0b") if base == 0 => (lower.get(2..)?, 2),
        _ if base == 0 && lower.starts_with('0') => (&*lower, 8),
        _ => (&*lower, if base == 0 { 10 } else { base }),
    };
    let magnitude = i128::from_str_radix(digits, base).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// What stands between the quotes, with Python 2's escapes resolved.
fn unquote(line: &[u8]) -> Vec<u8> {
    let line = line.trim_ascii();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => line,
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match after.split_first() {
            Some((&escaped, after)) if byte == b'\\' => rest = unescape(escaped, after, &mut out),
            _ => out.push(byte),
        }
    }
    out
}

/// Resolves one escape; `escaped` is the byte after the backslash. Gives what is left.
fn unescape<'a>(escaped: u8, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let plain = match escaped {
        b'\\' | b'\'' | b'"' => escaped,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'a' => 7,
        b'v' => 11,
        b'x' => return hexadecimal(rest, out),
        b'0'..=b'7' => return octal(escaped, rest, out),
        _ => {
            out.extend([b'\\', escaped]);
            return rest;
        }
    };
    out.push(plain);
    rest
}

fn hexadecimal<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let digits = rest.get(..2).and_then(|d| std::str::from_utf8(d).ok());
    match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
        Some(byte) => {
            out.push(byte);
            rest.get(2..).unwrap_or_default()
        }
        None => {
            out.extend(*b"\\x");
            rest
        }
    }
}

fn octal<'a>(first: u8, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let more = rest.iter().take(2).take_while(|b| (b'0'..=b'7').contains(*b)).count();
    let digits = rest.get(..more).unwrap_or_default();
    let value = digits.iter().fold(u32::from(first - b'0'), |n, d| n * 8 + u32::from(d - b'0'));
    out.push(value as u8);
    rest.get(more..).unwrap_or_default()
}

/// Python's `raw-unicode-escape`: Latin-1, but for `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode_escape(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let code = after.get(1..=digits).filter(|_| digits > 0).and_then(|d| std::str::from_utf8(d).ok());
        let code = code.and_then(|d| u32::from_str_radix(d, 16).ok());
        match code {
            Some(code) => {
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = after.get(1 + digits..).unwrap_or_default();
            }
            None => {
                out.push(char::from(byte));
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_loaders_read_them() {
        let read = |text: &str| integer(text.as_bytes(), 0);
        assert_eq!(read("0x10"), Some(16));
        assert_eq!(read("0x10L"), Some(16));
        assert_eq!(read("010"), Some(8));
        assert_eq!(read(" -1_0 "), Some(-10));
        assert_eq!(integer(b"007", 10), Some(7));
        assert_eq!(read("what"), None);
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unquote(br"'o\x73\n\163'"), b"os\ns");
        assert_eq!(unquote(b"os"), b"os");
        assert_eq!(raw_unicode_escape(br"o\u0073\U00000061"), "osa");
    }
}
