//! How far a scan has come, on a terminal's standard error; nothing in a pipe.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::render::path::text_of;

/// A progress bar, invisible where standard error is no terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for `files` files.
    pub fn new(files: usize) -> Self {
        let bar = ProgressBar::new(files as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// One more file is done.
    pub fn show(&self, path: &Path) {
        self.bar.inc(1);
        self.bar.set_message(text_of(path));
    }

    /// Runs `print` with the bar out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
