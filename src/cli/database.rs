//! Opens the history for a command: directly, whether the daemon runs or not. SQLite's locks keep both apart.

use super::{Global, warn};
use crate::config::{Config, Paths};
use crate::store::{Reader, StoreError, Writer};

/// The history to be read; `None`, with a line on standard error, when nothing was ever recorded.
pub fn reader(config: &Config) -> anyhow::Result<Option<Reader>> {
    match Reader::open(&Paths::of(config)?.database) {
        Ok(reader) => Ok(Some(reader)),
        Err(missing @ StoreError::Missing { .. }) => {
            warn(&missing.to_string());
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

/// The answer to a question, or the answer of an empty history.
pub fn ask<T: Default>(global: &Global, question: impl FnOnce(&Reader) -> Result<T, StoreError>) -> anyhow::Result<T> {
    Ok(reader(&global.load()?.config)?.map(|reader| question(&reader)).transpose()?.unwrap_or_default())
}

/// The history to be changed; made where there is none.
pub fn writer(config: &Config) -> anyhow::Result<Writer> {
    Ok(Writer::open(&Paths::of(config)?.database)?)
}
