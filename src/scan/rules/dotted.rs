//! A module and a name joined to one dotted path without allocating.
//!
//! Names in a hostile pickle can be megabytes long; no entry of a table is, so a path beyond [`MAX_PATH_BYTES`] is cut. A cut path is never
//! taken for a whole one.

use std::str;

/// Longer than any entry of the tables.
const MAX_PATH_BYTES: usize = 256;

/// `module.name`, cut to [`MAX_PATH_BYTES`].
pub(super) struct Dotted {
    bytes: [u8; MAX_PATH_BYTES],
    length: usize,
    is_whole: bool,
}

impl Dotted {
    /// Joins the two parts with a dot.
    pub(super) fn join(module: &str, name: &str) -> Self {
        let mut path = Self { bytes: [0; MAX_PATH_BYTES], length: 0, is_whole: true };
        path.push(module);
        path.push(".");
        path.push(name);
        path
    }

    fn push(&mut self, text: &str) {
        let Some(room) = self.bytes.get_mut(self.length..) else { return };
        let taken = text.get(..text.floor_char_boundary(room.len())).unwrap_or_default();
        self.is_whole &= taken.len() == text.len();
        if let Some(place) = room.get_mut(..taken.len()) {
            place.copy_from_slice(taken.as_bytes());
            self.length += taken.len();
        }
    }

    /// The path, possibly cut in the middle of its last part.
    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// The path when nothing of it was cut.
    pub(super) fn whole(&self) -> Option<&str> {
        self.is_whole.then(|| self.as_str())
    }

    /// The package at its start.
    pub(super) fn top(&self) -> &str {
        self.as_str().split('.').next().unwrap_or_default()
    }
}

/// `a.b.c`, `a.b`, `a`: a path and all that it lies below, nearest first.
pub(super) fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('.').map(|(above, _)| above))
}

/// `a.b.c`, `b.c`, `c`: what a path ends with, longest first.
pub(super) fn endings(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.split_once('.').map(|(_, rest)| rest))
}
