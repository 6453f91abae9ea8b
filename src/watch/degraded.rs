//! What cannot be watched as it should be. Each part is told of once when it begins and once when it is over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::event::Event;
use super::outbox::Outbox;

/// Parts that are remembered one by one; a tree of unreadable folders must not fill the memory.
const MAX_PARTS: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Degraded {
    parts: BTreeMap<PathBuf, String>,
}

impl Degraded {
    pub fn add(&mut self, path: &Path, reason: &str, remedy: &str, outbox: &mut Outbox) {
        if self.parts.get(path).is_some_and(|known| known == reason) || self.parts.len() >= MAX_PARTS {
            return;
        }
        tracing::warn!(path = %path.display(), reason, remedy, "cannot be watched as it should be");
        self.parts.insert(path.to_owned(), reason.to_owned());
        outbox.push(Event::Degraded { path: path.to_owned(), reason: reason.to_owned(), remedy: remedy.to_owned() });
    }

    /// `path` is watched as it should be, or is gone.
    pub fn clear(&mut self, path: &Path, outbox: &mut Outbox) {
        if self.parts.remove(path).is_some() {
            tracing::info!(path = %path.display(), "is watched again");
            outbox.push(Event::Recovered { path: path.to_owned() });
        }
    }

    /// `path` and everything below it is gone, or is not to be watched any more.
    pub fn clear_below(&mut self, path: &Path, outbox: &mut Outbox) {
        let below = self.parts.range(path.to_owned()..).map(|(part, _)| part.clone());
        let below: Vec<PathBuf> = below.take_while(|part| part.starts_with(path)).collect();
        below.iter().for_each(|part| self.clear(part, outbox));
    }

    /// True when `path` or something below it is degraded.
    pub fn is_in(&self, path: &Path) -> bool {
        self.parts.range(path.to_owned()..).next().is_some_and(|(part, _)| part.starts_with(path))
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub fn list(&self) -> Vec<(PathBuf, String)> {
        self.parts.iter().map(|(path, reason)| (path.clone(), reason.clone())).collect()
    }
}
