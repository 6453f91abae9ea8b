//! The part of `[watch]` that the watcher itself goes by, made ready for use.

use std::path::Path;
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::event::WatchError;
use crate::config::{self, Backend};

#[derive(Debug)]
pub(super) struct Settings {
    pub backend: Backend,
    pub poll_interval: Duration,
    exclude: GlobSet,
}

impl Settings {
    pub fn new(watch: &config::Watch) -> Result<Self, WatchError> {
        let mut exclude = GlobSetBuilder::new();
        for glob in &watch.exclude {
            exclude.add(Glob::new(glob)?);
        }
        let poll_interval = Duration::from_secs(watch.poll_interval_s.max(1));
        Ok(Self { backend: watch.backend, poll_interval, exclude: exclude.build()? })
    }

    /// True for paths that their owner does not want to be watched.
    pub fn is_excluded(&self, path: &Path) -> bool {
        !self.exclude.is_empty() && self.exclude.is_match(path)
    }
}
