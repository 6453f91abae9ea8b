//! `[[policy.rule]]`: a decision for what matches, as plain data. Each key takes one value or a list of values.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::types::{CacheKind, Decision};
use crate::report::Severity;

/// One rule. It matches when each key that is given matches; a key matches when one of its values does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// Severities of a finding, exactly these.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub severity: Vec<Severity>,
    /// Rules of a finding: `pickle.dangerous-call`, or the beginning of some: `pickle.*`.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<String>,
    /// Callables of a finding: `os.system`, or the beginning of some: `my_pkg.*`.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub callable: Vec<String>,
    /// Caches that the file is in.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<CacheKind>,
    /// Globs of the file's path; `**` crosses folders, `*` does not.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// Owners of the file, by name or number.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub owner: Vec<Owner>,
    /// Globs of the repository that the file comes from: `our-org/*`.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub repository: Vec<String>,
    /// SHA-256 sums of the file's content, in hex.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<String>,
    /// What is done.
    pub decision: Decision,
    /// Why, for whoever reads it in the history.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A user, by name or number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Owner {
    /// `1000`
    Uid(u32),
    /// `"ada"`
    Name(String),
}

/// One value or a list of values.
fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one value or a list of values in [ ]")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(text.into_deserializer()).map(|one| vec![one])
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<T>, E> {
            T::deserialize(number.into_deserializer()).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            let many = Vec::deserialize(SeqAccessDeserializer::new(list))?;
            if many.is_empty() {
                Err(A::Error::custom("an empty list matches nothing; leave the key out"))
            } else {
                Ok(many)
            }
        }
    }

    from.deserialize_any(OneOrMany(PhantomData))
}
