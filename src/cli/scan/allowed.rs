//! What its owner has declared to be safe, in the configuration and by `modelscand allow`, as a scan needs it.

use std::collections::HashMap;
use std::fs::File;

use crate::cli::{allow, warn};
use crate::config::{Config, Paths};
use crate::identity::Identity;
use crate::store::{AllowSubject, Reader, Sha256, StoreError};

/// Callables for the rules, and contents with the reason for each.
#[derive(Debug, Default)]
pub struct Allowed {
    /// Dotted names, or modules with a last `.*`.
    pub callables: Vec<String>,
    contents: HashMap<Sha256, String>,
}

impl Allowed {
    /// What holds now. A history that cannot be read is told of on standard error: it only means more findings.
    pub fn load(config: &Config) -> Self {
        let mut allowed = Self::default();
        for entry in &config.allow {
            if let Some(hash) = entry.sha256.as_ref().and_then(|hash| hash.parse().ok()) {
                allowed.contents.insert(hash, entry.reason.clone());
            }
            allowed.callables.extend(entry.callable.clone());
        }
        let entries = Paths::of(config).ok().map(|paths| Reader::open(&paths.database)?.allow_list(false));
        match entries {
            None | Some(Err(StoreError::Missing { .. })) => {}
            Some(Err(e)) => warn(&format!("without the entries of modelscand allow: {e}")),
            Some(Ok(entries)) => entries.into_iter().for_each(|entry| match entry.subject {
                AllowSubject::Callable(name) => allowed.callables.push(name),
                AllowSubject::Sha256(hash) => drop(allowed.contents.insert(hash, entry.reason)),
            }),
        }
        allowed
    }

    /// The reason why the content of `file` is allowed. What changed since it was `scanned` is not.
    pub fn reason_for(&self, file: &File, scanned: Identity) -> Option<&str> {
        if self.contents.is_empty() {
            return None;
        }
        let reason = self.contents.get(&allow::hash(file).ok()?)?;
        let now = Identity::from(&file.metadata().ok()?);
        (now == scanned).then_some(reason.as_str())
    }
}
