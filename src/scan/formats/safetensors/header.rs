//! Parses the JSON header as a stream, keeping of each tensor only its place, and notices keys that stand twice.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::report::printable;

/// What the header says.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) tensors: Vec<Tensor>,
    /// Keys that stand twice in one object; the first few.
    pub(super) duplicates: Vec<String>,
}

/// A tensor's place in the data.
#[derive(Debug)]
pub(super) struct Tensor {
    /// The beginning of its name, printable.
    pub(super) name: Box<str>,
    pub(super) begin: u64,
    pub(super) end: u64,
    /// Bytes that its shape and type ask for; `None` when the type is unknown or the product has no meaning.
    pub(super) expected_bytes: Option<u64>,
}

/// Kept of a tensor's name, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Kept of the keys that stand twice.
const MAX_DUPLICATES: usize = 16;

/// Reads one JSON object of tensors; `reader` then stands behind its closing brace.
pub(super) fn parse(reader: impl Read) -> serde_json::Result<Header> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    json.deserialize_map(HeaderVisitor)
}

/// Keys seen in an object, as hashes under a key that no attacker knows.
#[derive(Default)]
struct Keys {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl Keys {
    /// `false` when the key was there before.
    fn insert(&mut self, key: &str) -> bool {
        self.seen.insert(self.hasher.hash_one(key))
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut keys = Keys::default();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(&key) {
                header.note_duplicate(&key);
            }
            if key == "__metadata__" {
                let metadata: Metadata = map.next_value()?;
                metadata.duplicates.iter().for_each(|key| header.note_duplicate(key));
            } else {
                let info: Info = map.next_value()?;
                if info.has_duplicate {
                    header.note_duplicate(&key);
                }
                header.tensors.push(info.into_tensor(&key).map_err(A::Error::custom)?);
            }
        }
        Ok(header)
    }
}

impl Header {
    fn note_duplicate(&mut self, key: &str) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(printable(key, 256));
        }
    }
}

/// `__metadata__`: strings, of which only the keys matter here.
#[derive(Default)]
struct Metadata {
    duplicates: Vec<String>,
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut keys = Keys::default();
        let mut metadata = Metadata::default();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(&key) && metadata.duplicates.len() < MAX_DUPLICATES {
                metadata.duplicates.push(key);
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(metadata)
    }
}

/// One tensor's object.
#[derive(Default)]
struct Info {
    /// Bits of one element.
    element_bits: Option<u64>,
    /// Elements by the shape; `None` when the product is too large for any file.
    elements: Option<u64>,
    offsets: Option<[u64; 2]>,
    has_duplicate: bool,
}

impl Info {
    fn into_tensor(self, name: &str) -> Result<Tensor, &'static str> {
        let [begin, end] = self.offsets.ok_or("a tensor has no data_offsets")?;
        let bits = self.elements.zip(self.element_bits).and_then(|(elements, bits)| elements.checked_mul(bits));
        Ok(Tensor {
            name: printable(name, MAX_NAME_BYTES).into(),
            begin,
            end,
            expected_bytes: bits.map(|bits| bits.div_ceil(8)),
        })
    }
}

impl<'de> Deserialize<'de> for Info {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InfoVisitor)
    }
}

struct InfoVisitor;

impl<'de> Visitor<'de> for InfoVisitor {
    type Value = Info;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tensor's dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Info, A::Error> {
        let mut info = Info::default();
        let mut keys = Keys::default();
        while let Some(key) = map.next_key::<String>()? {
            info.has_duplicate |= !keys.insert(&key);
            match key.as_str() {
                "dtype" => info.element_bits = element_bits(&map.next_value::<String>()?),
                "shape" => info.elements = map.next_value::<Shape>()?.elements,
                "data_offsets" => info.offsets = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(info)
    }
}

/// The product of a shape, taken as it is read: a shape of millions of numbers takes no memory.
struct Shape {
    elements: Option<u64>,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sizes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut elements = Some(1_u64);
        while let Some(size) = seq.next_element::<u64>()? {
            elements = elements.and_then(|product| product.checked_mul(size));
        }
        Ok(Shape { elements })
    }
}

/// Bits of one element of the types in `safetensors/src/tensor.rs`.
fn element_bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "U16" | "I16" | "F16" | "BF16" => 16,
        "U32" | "I32" | "F32" => 32,
        "U64" | "I64" | "F64" | "C64" => 64,
        "C128" => 128,
        _ => return None,
    })
}
