//! Protocol buffers on the wire: what graphs of TensorFlow and ONNX are written in.
//!
//! A pull reader over a [`Cursor`]: it hands out one field after the other and skips what nobody asks for by its length, so that a
//! gigabyte of constants costs one seek and a million empty nodes no memory. It knows no schema. A field of another wire type than
//! the schema's is an unknown field to every loader, so it is to be passed over and never to be an error: a decoder that stops there
//! would miss what the loader reads behind it. Encoding: protobuf.dev/programming-guides/encoding.

use std::io;

use crate::scan::Stop;
use crate::scan::input::{Cursor, Input};

/// The deepest nesting that the loaders accept (`CodedInputStream::default_recursion_limit`).
const MAX_DEPTH: u32 = 100;
/// The longest string that is read whole, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Bytes of a message: a window on the input, with how deep it is nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    /// Offset of the first byte in the input.
    pub(crate) at: u64,
    /// Offset behind the last byte.
    pub(crate) end: u64,
    depth: u32,
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its number in the schema.
    pub(crate) number: u32,
    /// What stands in it.
    pub(crate) value: Value,
}

/// What stands in a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// A varint: integers, booleans, enumerations.
    Number(u64),
    /// Bytes with a length: strings, messages, packed numbers.
    Bytes(Message),
    /// Fixed-width numbers and groups, which nothing here needs.
    Other,
}

impl Field {
    /// The bytes, where the field has some.
    pub(crate) fn bytes(&self) -> Option<Message> {
        if let Value::Bytes(message) = self.value { Some(message) } else { None }
    }
}

impl Message {
    /// All of `input`.
    pub(crate) fn whole(input: &Input) -> io::Result<Self> {
        Ok(Self { at: 0, end: input.size()?, depth: 0 })
    }

    /// The `size` bytes of `input` at `at`, as a message by itself.
    pub(crate) fn window(input: &Input, at: u64, size: u64) -> Result<Self, Stop> {
        let end = at.saturating_add(size).min(input.size()?);
        Ok(Self { at: at.min(end), end, depth: 0 })
    }

    /// How many bytes it has.
    pub(crate) fn size(self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// Its fields, one by one.
    pub(crate) fn fields(self) -> Fields {
        Fields { next: self.at, message: self }
    }

    /// Its bytes as a string, invalid UTF-8 replaced and cut to [`MAX_TEXT_BYTES`].
    pub(crate) fn text(self, cursor: &mut Cursor<'_>) -> Result<String, Stop> {
        Ok(String::from_utf8_lossy(&self.read(cursor, MAX_TEXT_BYTES)?).into_owned())
    }

    /// Its first bytes, at most `max_bytes`.
    pub(crate) fn read(self, cursor: &mut Cursor<'_>, max_bytes: usize) -> Result<Vec<u8>, Stop> {
        let size = usize::try_from(self.size()).unwrap_or(usize::MAX).min(max_bytes);
        cursor.seek(self.at);
        let bytes = cursor.peek(size)?;
        Ok(bytes.get(..size).unwrap_or(bytes).to_vec())
    }

    /// Its bytes as packed varints, handed out one by one.
    pub(crate) fn varints(self, cursor: &mut Cursor<'_>, mut take: impl FnMut(u64)) -> Result<(), Stop> {
        cursor.seek(self.at);
        while cursor.offset() < self.end {
            take(varint(cursor, self.end)?);
        }
        Ok(())
    }
}

impl Message {
    /// Its first `count` varints, and where they end.
    pub(crate) fn leading_varints(self, count: u64, cursor: &mut Cursor<'_>) -> Result<(Vec<u64>, u64), Stop> {
        cursor.seek(self.at);
        let numbers = (0..count).map(|_| varint(cursor, self.end)).collect::<Result<_, _>>()?;
        Ok((numbers, cursor.offset()))
    }

    /// The `size` bytes at `at`, if they lie in it.
    pub(crate) fn part(self, at: u64, size: u64) -> Option<Self> {
        let end = at.checked_add(size).filter(|end| at >= self.at && *end <= self.end)?;
        Some(Self { at, end, depth: self.depth })
    }
}

/// Goes through the fields of one message. Between two fields the cursor may be anywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    message: Message,
    next: u64,
}

impl Fields {
    /// The next field, or `None` behind the last.
    ///
    /// # Errors
    /// A fault where the bytes are no message, a limit where messages are nested deeper than loaders allow.
    pub(crate) fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<Field>, Stop> {
        if self.next >= self.message.end {
            return Ok(None);
        }
        cursor.seek(self.next);
        let (number, wire) = tag(cursor, self.message.end)?;
        let value = self.value(cursor, number, wire)?;
        Ok(Some(Field { number, value }))
    }

    fn value(&mut self, cursor: &mut Cursor<'_>, number: u32, wire: u8) -> Result<Value, Stop> {
        let end = self.message.end;
        let value = match wire {
            0 => Value::Number(varint(cursor, end)?),
            2 => {
                let bytes = length(cursor, end)?;
                self.next = bytes.end;
                return self.nested(bytes).map(Value::Bytes);
            }
            3 => skip_group(cursor, number, end).map(|()| Value::Other)?,
            4 => return Err(fault(cursor, "a group ends that did not begin")),
            _ => skip_fixed(cursor, wire, end).map(|()| Value::Other)?,
        };
        self.next = cursor.offset();
        Ok(value)
    }

    fn nested(&self, bytes: std::ops::Range<u64>) -> Result<Message, Stop> {
        let depth = self.message.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(Stop::Limit(format!("messages are nested deeper than {MAX_DEPTH}")));
        }
        Ok(Message { at: bytes.start, end: bytes.end, depth })
    }
}

fn fault(cursor: &Cursor<'_>, what: &str) -> Stop {
    Stop::Fault(format!("not a protocol buffer at byte {}: {what}", cursor.offset()))
}

/// A field's number and wire type.
fn tag(cursor: &mut Cursor<'_>, end: u64) -> Result<(u32, u8), Stop> {
    let tag = varint(cursor, end)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
    let Some(number) = number else { return Err(fault(cursor, "no field has this number")) };
    Ok((number, (tag & 7) as u8))
}

/// A varint that ends before `end`. As the loaders do: at most ten bytes, of which bits beyond the 64th are dropped.
fn varint(cursor: &mut Cursor<'_>, end: u64) -> Result<u64, Stop> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        if cursor.offset() >= end {
            return Err(fault(cursor, "a number is cut off"));
        }
        let Some(byte) = cursor.byte()? else { return Err(fault(cursor, "a number is cut off")) };
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(fault(cursor, "a number is longer than ten bytes"))
}

/// The bytes of a field with a length, which must lie inside the message around it.
fn length(cursor: &mut Cursor<'_>, end: u64) -> Result<std::ops::Range<u64>, Stop> {
    let size = varint(cursor, end)?;
    let at = cursor.offset();
    match at.checked_add(size).filter(|field_end| *field_end <= end) {
        Some(field_end) => Ok(at..field_end),
        None => {
            let room = end.saturating_sub(at);
            Err(fault(cursor, &format!("a field says that it has {size} bytes where {room} are left")))
        }
    }
}

fn skip_fixed(cursor: &mut Cursor<'_>, wire: u8, end: u64) -> Result<(), Stop> {
    let size = match wire {
        1 => 8,
        5 => 4,
        _ => return Err(fault(cursor, "no field has this wire type")),
    };
    if cursor.offset().saturating_add(size) > end {
        return Err(fault(cursor, "a number is cut off"));
    }
    cursor.skip(size);
    Ok(())
}

/// Skips a group with what is nested in it, without recursion.
fn skip_group(cursor: &mut Cursor<'_>, number: u32, end: u64) -> Result<(), Stop> {
    let mut open = vec![number];
    while let Some(innermost) = open.last().copied() {
        let (number, wire) = tag(cursor, end)?;
        match wire {
            0 => _ = varint(cursor, end)?,
            2 => {
                let bytes = length(cursor, end)?;
                cursor.seek(bytes.end);
            }
            3 if open.len() >= MAX_DEPTH as usize => {
                return Err(Stop::Limit(format!("groups are nested deeper than {MAX_DEPTH}")));
            }
            3 => open.push(number),
            4 if number == innermost => _ = open.pop(),
            4 => return Err(fault(cursor, "a group ends that did not begin")),
            _ => skip_fixed(cursor, wire, end)?,
        }
    }
    Ok(())
}

/// Turns "these bytes are no such message" into `false`; what cannot be read stays an error.
pub(crate) fn recognised(answer: Result<bool, Stop>) -> io::Result<bool> {
    match answer {
        Ok(is_it) => Ok(is_it),
        Err(Stop::Io(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests;

/// Messages for tests, written field by field.
#[cfg(test)]
pub(crate) mod build {
    /// A varint.
    pub(crate) fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    /// A field that is a number.
    pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
        [varint(field << 3), varint(value)].concat()
    }

    /// A field that is a string or bytes.
    pub(crate) fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
        let value = value.as_ref();
        [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
    }

    /// A field that is a message of these fields.
    pub(crate) fn message(field: u64, fields: &[Vec<u8>]) -> Vec<u8> {
        bytes(field, fields.concat())
    }
}
