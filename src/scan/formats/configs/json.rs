//! Gives the values of a JSON file one by one, as Python's `json` reads it: with `NaN` and `Infinity`.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Entry, MAX_FILE_BYTES, Value};
use crate::scan::Stop;
use crate::scan::input::{Cursor, Input};

/// Kept of the keys that stand twice.
const MAX_DUPLICATES: usize = 16;
/// Kept of a key, in bytes.
const MAX_KEY_BYTES: usize = 256;

/// Hands every single value to `each`, and returns the keys that stand twice in one object; the first few.
pub(super) fn walk(input: &Input, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Vec<String>, Stop> {
    if input.size()? > MAX_FILE_BYTES {
        return Err(Stop::Limit(format!("a configuration file of more than {MAX_FILE_BYTES} bytes")));
    }
    let at = if input.bytes_at(0, 3)? == b"\xef\xbb\xbf" { 3 } else { 0 };
    let reader = Lenient { cursor: input.cursor(at), in_string: false, is_escaped: false, in_word: false };
    let mut walk = Walk { keys: Vec::new(), duplicates: Vec::new(), hasher: RandomState::new(), each };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let result = Node(&mut walk).deserialize(&mut json).and_then(|()| json.end());
    result.map_err(|error| Stop::Fault(format!("the JSON cannot be read: {error}")))?;
    Ok(walk.duplicates)
}

struct Walk<'a> {
    keys: Vec<String>,
    duplicates: Vec<String>,
    hasher: RandomState,
    each: &'a mut dyn FnMut(&Entry<'_>),
}

impl Walk<'_> {
    fn value(&mut self, value: Value<'_>) {
        (self.each)(&Entry { keys: &self.keys, value });
    }
}

struct Node<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.value(if value { Value::True } else { Value::Other });
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.value(Value::Text(value));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Node(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(mut key) = map.next_key::<String>()? {
            if !seen.insert(self.0.hasher.hash_one(&key)) && self.0.duplicates.len() < MAX_DUPLICATES {
                self.0.duplicates.push(key.clone());
            }
            key.truncate(key.floor_char_boundary(MAX_KEY_BYTES));
            self.0.keys.push(key);
            map.next_value_seed(Node(self.0))?;
            self.0.keys.pop();
        }
        Ok(())
    }
}

/// Reads JSON with a zero in place of `NaN` and `Infinity`, which Python writes and serde_json refuses.
struct Lenient<'a> {
    cursor: Cursor<'a>,
    in_string: bool,
    is_escaped: bool,
    /// Inside such a word: its other letters are left out.
    in_word: bool,
}

impl Lenient<'_> {
    fn change(&mut self, byte: u8) -> Option<u8> {
        if self.in_string {
            self.in_string = byte != b'"' || self.is_escaped;
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return Some(byte);
        }
        let is_rest = self.in_word && byte.is_ascii_alphabetic();
        self.in_word = is_rest || matches!(byte, b'N' | b'I');
        self.in_string = byte == b'"';
        match byte {
            _ if is_rest => None,
            b'N' | b'I' => Some(b'0'),
            _ => Some(byte),
        }
    }
}

impl Read for Lenient<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while let Some(place) = buf.get_mut(written) {
            let Some(byte) = self.cursor.byte()? else { break };
            if let Some(byte) = self.change(byte) {
                *place = byte;
                written += 1;
            }
        }
        Ok(written)
    }
}
