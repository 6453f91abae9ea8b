//! Between Rust values and what stands in a column: the words of enumerations, paths as bytes, hex.

use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Serialize, Serializer};

use std::os::unix::ffi::OsStrExt;

use crate::report::printable;

use super::MAX_PATH_TEXT_BYTES;

/// The word of an enumeration's value, as serde names it; empty for what is not a word.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The value that a word stands for.
pub(super) fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, serde::de::value::Error> {
    let deserializer: StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
    T::deserialize(deserializer)
}

/// A path as it is printed: bytes that are not UTF-8, control and invisible characters escaped.
pub(super) fn text_of(path: &Path) -> String {
    printable(&path.to_string_lossy(), MAX_PATH_TEXT_BYTES)
}

/// The bytes of a path in hex, when [`text_of`] loses some of them.
pub(super) fn hex_of(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().as_bytes();
    (text_of(path).as_bytes() != bytes).then(|| to_hex(bytes))
}

/// Serialises a path as it is printed.
pub(super) fn path_text<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text_of(path))
}

/// Serialises a path that may not be there.
#[expect(clippy::ref_option, reason = "the form that serde calls")]
pub(super) fn optional_path_text<S: Serializer>(path: &Option<std::path::PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(text_of).serialize(to)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hex digits of either case.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
