//! Reads JSON as Python's `json.loads` does, and keeps what a loader could look at: texts, lists and objects with every key, also
//! those that stand twice.
//!
//! Iterative and bounded. It accepts more than the standard does where Python does too (`NaN`, lone surrogates, UTF-16, a byte order
//! mark): a configuration that only this reader refuses would hide its content. Numbers and words are passed over.

use std::collections::HashSet;

/// Values of one document. Vocabularies have a few hundred thousand.
const MAX_VALUES: usize = 2_000_000;
/// Values inside values: as deep as Python goes.
const MAX_DEPTH: usize = 1000;
/// Kept of the keys that stand twice.
const MAX_DUPLICATES: usize = 16;

/// What is kept of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Box<str>),
    List(Vec<Value>),
    Object(Object),
    /// A number, `true`, `false` or `null`.
    Other,
}

/// An object: its members in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object(Vec<(Box<str>, Value)>);

impl Object {
    /// Every value of `key`: Python takes the last, other readers the first.
    pub(super) fn all<'v>(&'v self, key: &str) -> impl Iterator<Item = &'v Value> {
        self.0.iter().filter(move |(name, _)| &**name == key).map(|(_, value)| value)
    }

    /// Every text that `key` has.
    pub(super) fn texts<'v>(&'v self, key: &str) -> impl Iterator<Item = &'v str> {
        self.all(key).filter_map(Value::text)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    pub(super) fn members(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    fn duplicates(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        self.0.iter().map(|(key, _)| &**key).filter(move |key| !seen.insert(*key))
    }
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// A document that was read.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Value,
    /// Keys that stand twice in one object; the first few.
    pub(super) duplicates: Vec<String>,
}

/// Why a document could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonError {
    #[error("not valid JSON at byte {0}")]
    Invalid(usize),
    #[error("the JSON is nested deeper than {MAX_DEPTH} levels or has more than {MAX_VALUES} values")]
    TooMuch,
}

/// Reads the value that `bytes` begin with.
pub(super) fn parse(bytes: &[u8]) -> Result<Document, JsonError> {
    let text = decode(bytes);
    let mut parser = Parser { text: &text, at: 0, values: 0, open: Vec::new(), duplicates: Vec::new() };
    let root = parser.document()?;
    Ok(Document { root, duplicates: parser.duplicates })
}

/// The encodings that `json.loads` tells apart, as UTF-8.
pub(super) fn decode(bytes: &[u8]) -> Vec<u8> {
    let unit16 = |from: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| from(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect::<String>()
    };
    let unit32 = |from: fn([u8; 4]) -> u32| {
        let units = bytes.as_chunks::<4>().0.iter();
        units.map(|unit| char::from_u32(from(*unit)).unwrap_or('\u{fffd}')).collect::<String>()
    };
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return rest.to_vec(),
        [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, _, ..] => unit32(u32::from_be_bytes),
        [0xff, 0xfe, 0, 0, ..] | [_, 0, 0, 0, ..] => unit32(u32::from_le_bytes),
        [0xfe, 0xff, ..] | [0, ..] => unit16(u16::from_be_bytes),
        [0xff, 0xfe, ..] | [_, 0, ..] => unit16(u16::from_le_bytes),
        _ => return bytes.to_vec(),
    };
    text.trim_start_matches('\u{feff}').as_bytes().to_vec()
}

/// A list or object that is not closed yet.
enum Open {
    List(Vec<Value>),
    Object { object: Object, key: Option<Box<str>> },
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    values: usize,
    open: Vec<Open>,
    duplicates: Vec<String>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Value, JsonError> {
        loop {
            let Some(value) = self.step()? else { continue };
            match self.open.last_mut() {
                None => return Ok(value),
                Some(Open::List(items)) => items.push(value),
                Some(Open::Object { object, key }) => match (key.take(), value) {
                    (Some(name), value) => object.0.push((name, value)),
                    (None, Value::Text(name)) => *key = Some(name),
                    (None, _) => return Err(JsonError::Invalid(self.at)),
                },
            }
        }
    }

    /// Takes one piece of text; a value when one ended with it.
    fn step(&mut self) -> Result<Option<Value>, JsonError> {
        let byte = *self.text.get(self.at).ok_or(JsonError::Invalid(self.at))?;
        self.at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => Ok(None),
            b'[' => self.begin(Open::List(Vec::new())),
            b'{' => self.begin(Open::Object { object: Object::default(), key: None }),
            b']' | b'}' => self.end(byte).map(Some),
            b'"' => {
                self.count()?;
                self.string().map(|text| Some(Value::Text(text)))
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.count()?;
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += rest.iter().take_while(|byte| is_word(byte)).count();
                Ok(Some(Value::Other))
            }
            _ => Err(JsonError::Invalid(self.at - 1)),
        }
    }

    fn count(&mut self) -> Result<(), JsonError> {
        self.values += 1;
        if self.values > MAX_VALUES { Err(JsonError::TooMuch) } else { Ok(()) }
    }

    fn begin(&mut self, open: Open) -> Result<Option<Value>, JsonError> {
        self.count()?;
        if self.open.len() >= MAX_DEPTH {
            return Err(JsonError::TooMuch);
        }
        self.open.push(open);
        Ok(None)
    }

    fn end(&mut self, byte: u8) -> Result<Value, JsonError> {
        match (self.open.pop(), byte) {
            (Some(Open::List(items)), b']') => Ok(Value::List(items)),
            (Some(Open::Object { object, key: None }), b'}') => {
                let room = MAX_DUPLICATES.saturating_sub(self.duplicates.len());
                self.duplicates.extend(object.duplicates().take(room).map(str::to_owned));
                Ok(Value::Object(object))
            }
            _ => Err(JsonError::Invalid(self.at - 1)),
        }
    }

    /// What stands up to the closing quote.
    fn string(&mut self) -> Result<Box<str>, JsonError> {
        let mut text = Vec::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = memchr::memchr2(b'"', b'\\', rest).ok_or(JsonError::Invalid(self.at))?;
            text.extend(rest.iter().take(plain));
            self.at += plain + 1;
            if rest.get(plain) == Some(&b'"') {
                return Ok(String::from_utf8_lossy(&text).into());
            }
            let escaped = self.escape()?;
            text.extend(escaped.encode_utf8(&mut [0; 4]).bytes());
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = *self.text.get(self.at).ok_or(JsonError::Invalid(self.at))?;
        self.at += 1;
        Ok(match byte {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'"' | b'\\' | b'/' => char::from(byte),
            b'u' => self.unicode()?,
            _ => return Err(JsonError::Invalid(self.at - 1)),
        })
    }

    /// Four hexadecimal digits, and four more for the second half of a pair. A half alone stands for nothing that a name has.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
            let before = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.at.checked_add(4).and_then(|end| self.text.get(self.at..end));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(JsonError::Invalid(self.at))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_python_reads_it() {
        let read = |text: &str| parse(text.as_bytes()).map(|document| document.root);
        let object = read(r#"{"cl\u0061ss_name": "\ud83d\ude00\ud800", "x": [NaN, -Infinity, 1e5, null]}"#).unwrap();
        let object = object.object().unwrap();
        assert_eq!(object.texts("class_name").next(), Some("\u{1f600}\u{fffd}"));
        assert_eq!(object.all("x").next(), Some(&Value::List(vec![Value::Other; 4])));
        assert!(read("{\"a\": ]").is_err() && read("{\"a").is_err() && read("").is_err() && read("\"\\u12").is_err());
    }

    #[test]
    fn every_encoding_of_python_is_read() {
        let text = "{\"a\": \"b\"}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xfe\xff".to_vec(), text.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat();
        let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        for bytes in [text.as_bytes(), &little, &marked, &wide, &[b"\xef\xbb\xbf", text.as_bytes()].concat()] {
            assert_eq!(parse(bytes).unwrap().root, parse(text.as_bytes()).unwrap().root);
        }
    }

    #[test]
    fn what_stands_twice_is_kept_and_told() {
        let document = parse(br#"{"a": "1", "b": {"c": "2", "c": "3"}, "a": "4"}"#).unwrap();
        assert_eq!(document.duplicates, ["c", "a"]);
        assert_eq!(document.root.object().unwrap().texts("a").collect::<Vec<_>>(), ["1", "4"]);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        assert_eq!(parse("[".repeat(5000).as_bytes()).unwrap_err(), JsonError::TooMuch);
        let many = format!("[{}]", "0,".repeat(MAX_VALUES + 1));
        assert_eq!(parse(many.as_bytes()).unwrap_err(), JsonError::TooMuch);
    }
}
