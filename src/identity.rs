//! The identity of a file's content, as the kernel tells it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

/// Device, inode, size and times of a file, from `fstat(2)` on the descriptor that was scanned. Two equal identities mean the same
/// unchanged content, as far as the kernel tells (see statx(2); ctime cannot be set by a user).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// `st_dev`
    pub device: u64,
    /// `st_ino`
    pub inode: u64,
    /// `st_size`, in bytes
    pub size: u64,
    /// Modification time, in nanoseconds since 1970
    pub mtime_ns: i64,
    /// Change time, in nanoseconds since 1970
    pub ctime_ns: i64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
