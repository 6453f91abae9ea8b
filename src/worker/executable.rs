//! The program that workers run: this one, held open from the start.
//!
//! A package upgrade replaces the file under a running daemon. Workers started later must still be of the daemon's own version, so
//! they are started from a descriptor of the old file and not from its path.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WorkerError;

/// An open program file that understands the hidden `worker` subcommand.
#[derive(Debug, Clone)]
pub struct Executable(Arc<File>);

impl Executable {
    /// The program that is running now. In a test harness that is the harness, which is no worker: use [`Executable::open`] there.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn current() -> Result<Self, WorkerError> {
        Self::open(Path::new("/proc/self/exe"))
    }

    /// The program at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, WorkerError> {
        match File::open(path) {
            Ok(file) => Ok(Self(Arc::new(file))),
            Err(source) => Err(WorkerError::Executable { path: path.display().to_string(), source }),
        }
    }

    /// The name that a child of this process can run it by.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}
