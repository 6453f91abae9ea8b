//! Values that a loader computes from constants: what is known of a text, of bytes, of arguments.
//!
//! Names are hidden by building them from pieces. Calls of a few functions on constants are worked out here, on demand and within a
//! bound; nothing else is, and what stays unknown is reported by whoever asked.

use super::heap::{ARGUMENTS, CALLEE, Shape};
use super::literal::{self, Literal};
use super::machine::Machine;
use super::value::{NodeId, Value, View};

/// Calls within calls that are worked out.
const MAX_DEPTH: u8 = 8;

/// Text or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Folded {
    Text(String),
    Bytes(Vec<u8>),
    /// A `str` of Python 2.
    Str(Vec<u8>),
}

impl Folded {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Str(bytes) => Some(literal::text_of(&bytes)),
            Self::Bytes(_) => None,
        }
    }

    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) | Self::Str(bytes) => Some(bytes),
            Self::Text(_) => None,
        }
    }
}

impl Machine<'_> {
    /// The text that `value` is, if it can be told and has at most `max_bytes`.
    pub(super) fn text(&self, value: Value, max_bytes: usize) -> Option<String> {
        self.fold(value, max_bytes, 0)?.into_text()
    }

    /// The bytes that `value` is, if they can be told and are at most `max_bytes`.
    pub(super) fn bytes(&self, value: Value, max_bytes: usize) -> Option<Vec<u8>> {
        self.fold(value, max_bytes, 0)?.into_bytes()
    }

    /// The constant that `value` is, at most `max_bytes` of it.
    pub(super) fn literal(&self, value: Value, max_bytes: usize) -> Option<literal::Constant> {
        match value.view() {
            View::Const(at) => literal::read(self.input, self.place(at), max_bytes).ok().flatten(),
            _ => None,
        }
    }

    /// The number that `value` is.
    pub(super) fn integer(&self, value: Value) -> Option<i128> {
        match self.literal(value, 64)?.literal {
            Literal::Int(n) => Some(n),
            Literal::Bool(yes) => Some(i128::from(yes)),
            _ => None,
        }
    }

    /// The arguments that `value` stands for, if all of them are known to be there.
    pub(super) fn arguments(&self, value: Value) -> Option<Vec<Value>> {
        self.takes_work().then_some(())?;
        match value.view() {
            View::Node(id) if self.heap.shape(id) == Some(Shape::Tuple) && self.heap.is_whole(id) => {
                Some(self.heap.items(id).to_vec())
            }
            View::Const(_) => self.literal(value, 1).filter(|c| c.literal == Literal::EmptyTuple).map(|_| Vec::new()),
            _ => None,
        }
    }

    pub(super) fn fold(&self, value: Value, max_bytes: usize, depth: u8) -> Option<Folded> {
        self.takes_work().then_some(())?;
        match value.view() {
            View::Const(_) => {
                let constant = self.literal(value, max_bytes)?;
                match constant.literal {
                    _ if !constant.is_whole => None,
                    Literal::Text(text) => Some(Folded::Text(text)),
                    Literal::Bytes(bytes) => Some(Folded::Bytes(bytes)),
                    Literal::Str(bytes) => Some(Folded::Str(bytes)),
                    _ => None,
                }
            }
            View::Node(id) if self.heap.shape(id) == Some(Shape::Called) && depth < MAX_DEPTH => {
                self.fold_call(id, max_bytes, depth + 1)
            }
            _ => None,
        }
    }

    fn fold_call(&self, id: NodeId, max_bytes: usize, depth: u8) -> Option<Folded> {
        let arguments = self.arguments(self.heap.item(id, ARGUMENTS))?;
        let callee = self.heap.item(id, CALLEE);
        let function = self.function_name(callee)?;
        // A method of a value is a function of it and the arguments.
        let arguments = match callee.as_node() {
            Some(attribute) => std::iter::once(self.heap.item(attribute, 0)).chain(arguments).collect(),
            None => arguments,
        };
        let folded = |index: usize| {
            let value = *arguments.get(index)?;
            self.fold(value, max_bytes, depth)
        };
        let result = match &*function {
            "join" => self.join(&arguments, max_bytes, depth)?,
            "encode" => encode(folded(0)?, arguments.get(1).and_then(|e| self.text(*e, 32)).as_deref())?,
            "decode" => decode(folded(0)?, arguments.get(1).and_then(|e| self.text(*e, 32)).as_deref())?,
            "str" | "text" => decode(folded(0)?, arguments.get(1).and_then(|e| self.text(*e, 32)).as_deref())?,
            "bytes" | "bytearray" => self.to_bytes(&arguments, max_bytes, depth)?,
            "b64decode" | "decodebytes" | "standard_b64decode" | "urlsafe_b64decode" | "a2b_base64" => {
                Folded::Bytes(base64(&folded(0)?.as_bytes())?)
            }
            "fromhex" | "unhexlify" | "a2b_hex" => {
                Folded::Bytes(hexadecimal(&folded(if arguments.len() > 1 { 1 } else { 0 })?.as_bytes())?)
            }
            "decompress" => Folded::Bytes(inflate(&folded(0)?.as_bytes(), max_bytes)?),
            "add" | "concat" => concatenate(folded(0)?, folded(1)?)?,
            "replace" => replace(folded(0)?.into_text()?, &folded(1)?.into_text()?, &folded(2)?.into_text()?)?,
            "lower" => Folded::Text(folded(0)?.into_text()?.to_lowercase()),
            "strip" => Folded::Text(folded(0)?.into_text()?.trim().to_owned()),
            "chr" => Folded::Text(char::from_u32(u32::try_from(self.integer(*arguments.first()?)?).ok()?)?.to_string()),
            "BytesIO" | "StringIO" => folded(0)?,
            _ => return None,
        };
        (result.len() <= max_bytes).then_some(result)
    }

    /// The bare name of a function that is known to compute texts or bytes.
    fn function_name(&self, callee: Value) -> Option<String> {
        match callee.view() {
            View::Global(id) => {
                let global = self.globals.get(id)?;
                let is_computing = COMPUTING_MODULES.contains(&&*global.module);
                is_computing.then(|| global.name.rsplit('.').next().unwrap_or_default().to_owned())
            }
            View::Node(id) if self.heap.shape(id) == Some(Shape::Attribute) => self.text(self.heap.item(id, 1), 32),
            _ => None,
        }
    }

    fn join(&self, arguments: &[Value], max_bytes: usize, depth: u8) -> Option<Folded> {
        let [glue, pieces] = arguments else { return None };
        let pieces = pieces.as_node().filter(|id| self.heap.is_whole(*id))?;
        let mut joined = self.fold(*glue, max_bytes, depth)?.emptied();
        for (index, piece) in self.heap.items(pieces).iter().enumerate() {
            if index > 0 {
                joined = concatenate(joined, self.fold(*glue, max_bytes, depth)?)?;
            }
            joined = concatenate(joined, self.fold(*piece, max_bytes, depth)?)?;
            if joined.len() > max_bytes {
                return None;
            }
        }
        Some(joined)
    }

    fn to_bytes(&self, arguments: &[Value], max_bytes: usize, depth: u8) -> Option<Folded> {
        let Some(first) = arguments.first() else { return Some(Folded::Bytes(Vec::new())) };
        if let Some(folded) = self.fold(*first, max_bytes, depth) {
            return encode(folded, arguments.get(1).and_then(|e| self.text(*e, 32)).as_deref());
        }
        let list = first.as_node().filter(|id| self.heap.is_whole(*id))?;
        if !matches!(self.heap.shape(list), Some(Shape::List | Shape::Tuple)) {
            return None;
        }
        let numbers = self.heap.items(list).iter().map(|n| u8::try_from(self.integer(*n)?).ok());
        numbers.collect::<Option<Vec<u8>>>().map(Folded::Bytes)
    }
}

/// Modules whose functions are worked out when they are called with constants.
const COMPUTING_MODULES: &[&str] = &[
    "builtins",
    "__builtin__",
    "codecs",
    "_codecs",
    "base64",
    "binascii",
    "zlib",
    "operator",
    "_operator",
    "string",
    "_string",
    "io",
    "_io",
];

impl Folded {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) | Self::Str(bytes) => bytes.len(),
        }
    }

    fn emptied(self) -> Self {
        match self {
            Self::Text(_) => Self::Text(String::new()),
            Self::Bytes(_) => Self::Bytes(Vec::new()),
            Self::Str(_) => Self::Str(Vec::new()),
        }
    }

    pub(super) fn as_bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Bytes(bytes) | Self::Str(bytes) => bytes.clone(),
        }
    }
}

fn concatenate(left: Folded, right: Folded) -> Option<Folded> {
    Some(match (left, right) {
        (Folded::Text(left), right) => Folded::Text(left + &right.into_text()?),
        (left @ Folded::Str(_), Folded::Text(right)) => Folded::Text(left.into_text()? + &right),
        (Folded::Str(mut left), Folded::Str(right)) => {
            left.extend(right);
            Folded::Str(left)
        }
        (Folded::Bytes(mut left) | Folded::Str(mut left), right) => {
            left.extend(right.into_bytes()?);
            Folded::Bytes(left)
        }
    })
}

fn replace(text: String, from: &str, to: &str) -> Option<Folded> {
    let grows = to.len().saturating_mul(text.len()) > (1 << 20);
    (!grows && !from.is_empty()).then(|| Folded::Text(text.replace(from, to)))
}

/// `latin1`, `Latin-1`, `latin_1` are one.
fn plain_encoding(name: Option<&str>) -> String {
    let name = name.unwrap_or("utf8").to_ascii_lowercase();
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn encode(text: Folded, encoding: Option<&str>) -> Option<Folded> {
    let text = match text {
        Folded::Text(text) => text,
        bytes => return Some(Folded::Bytes(bytes.as_bytes())),
    };
    let bytes = match &*plain_encoding(encoding) {
        "latin1" | "iso88591" | "l1" | "ascii" | "usascii" => {
            text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>()?
        }
        "utf8" => text.into_bytes(),
        "rot13" => return Some(Folded::Text(rot13(&text))),
        _ => return None,
    };
    Some(Folded::Bytes(bytes))
}

fn decode(bytes: Folded, encoding: Option<&str>) -> Option<Folded> {
    let encoding = plain_encoding(encoding);
    if let (Folded::Text(text), "rot13") = (&bytes, &*encoding) {
        return Some(Folded::Text(rot13(text)));
    }
    let raw = bytes.as_bytes();
    Some(match &*encoding {
        "latin1" | "iso88591" | "l1" => Folded::Text(raw.iter().map(|b| char::from(*b)).collect()),
        "utf8" | "ascii" | "usascii" => Folded::Text(literal::text_of(&raw)),
        "base64" | "base64codec" => Folded::Bytes(base64(&raw)?),
        "hex" | "hexcodec" => Folded::Bytes(hexadecimal(&raw)?),
        _ => return None,
    })
}

fn rot13(text: &str) -> String {
    let turn = |c: char, first: u8| char::from(first + (c as u8 - first + 13) % 26);
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a'),
            'A'..='Z' => turn(c, b'A'),
            other => other,
        })
        .collect()
}

/// Base64 of either alphabet, as Python's tolerant decoder reads it: what is no digit is left out.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    });
    let (mut bits, mut held, mut out) = (0_u32, 0_u32, Vec::with_capacity(text.len() / 4 * 3));
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().filter(|b| !b.is_ascii_whitespace()).copied().collect();
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let pairs = digits.as_chunks::<2>().0.iter();
    pairs.map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// What zlib, gzip or raw deflate data decompresses to, if that is at most `max_bytes`.
fn inflate(data: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut out = Vec::new();
    let limit = max_bytes as u64 + 1;
    let read = match data {
        [0x1f, 0x8b, ..] => flate2::read::GzDecoder::new(data).take(limit).read_to_end(&mut out),
        _ => flate2::read::ZlibDecoder::new(data).take(limit).read_to_end(&mut out),
    };
    (read.is_ok() && out.len() <= max_bytes).then_some(out)
}
