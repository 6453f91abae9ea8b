//! Why an act was not done, in words for the person whose file it is.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::store::StoreError;

use super::OpenError;

/// Why an act was not done. Unless the text says otherwise, everything is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The content may not be what was scanned: scan it again.
    #[error("{} changed since it was scanned; nothing was done, it must be scanned again", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file was deleted meanwhile.
    #[error("{} was deleted meanwhile; nothing was left to do", .path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
    },
    /// The process may not do this to the file.
    #[error("not permitted to {operation} {}: it belongs to somebody else, or is immutable; run modelscand as root to guard \
             other people's files", .path.display())]
    NotPermitted {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
    },
    /// The file or folder cannot be opened safely.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The act could not be recorded, so it was not done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault is not safe to use.
    #[error("the vault {} is not safe: {reason}", .path.display())]
    UnsafeVault {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// There is something at the place where the file should go.
    #[error("{} exists: move it away or restore to another place with --to", .path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
    },
    /// The kept content is not what was quarantined: somebody who had it open for writing changed it.
    #[error("the content kept of {} was changed since it was quarantined, by somebody who had it open; it stays in the vault",
            .path.display())]
    ChangedInVault {
        /// The file's old place.
        path: PathBuf,
    },
    /// The request does not fit what is held.
    #[error("{0}")]
    Refused(String),
    /// Anything else that the system says.
    #[error("cannot {operation} {}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl ActionError {
    /// Tells the system's errors apart: `operation` completes "cannot …".
    pub(super) fn during<E: Into<io::Error>>(operation: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |source| {
            let source = source.into();
            match Errno::from_io_error(&source) {
                Some(Errno::PERM | Errno::ACCESS) => Self::NotPermitted { path, operation },
                Some(Errno::NOENT | Errno::STALE) => Self::Vanished { path },
                Some(Errno::EXIST) => Self::Occupied { path },
                _ => Self::Io { path, operation, source },
            }
        }
    }
}
