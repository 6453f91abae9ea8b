//! What can go wrong with the history, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the history could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none yet.
    #[error("no history at {}: nothing was scanned yet, or `history.path` points elsewhere", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is not an intact SQLite database.
    #[error("the history {} is damaged ({reason}): `modelscand watch` moves it aside at its next start and begins a new one; \
             what lies in the vault stays there", .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// A later release wrote it.
    #[error("the history {} has schema {found}, this modelscand knows schemas up to {newest}: use the release that wrote it, \
             or set `history.path` to another file", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that is known here.
        newest: i64,
    },
    /// An earlier release wrote it, and a reader may not change it.
    #[error("the history {} has the older schema {found}: start `modelscand watch` once to bring it up to date", .path.display())]
    Older {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// A SQLite database of another program.
    #[error("{} is another program's database: set `history.path` to another file", .path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The file system is full, or a quota is used up.
    #[error("cannot {operation} in the history {}: no space left; it was not recorded, free some space", .path.display())]
    Full {
        /// The database.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
    },
    /// Somebody else has been writing for longer than the busy timeout.
    #[error("cannot {operation} in the history {}: another process is writing to it; try again", .path.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
    },
    /// The file or its folder cannot be opened, or is not safe to use.
    #[error("cannot {operation} the history {}: {source}", .path.display())]
    Io {
        /// The database or its folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A number or subject that is not in the history, or not in the state that the request needs.
    #[error("{0}")]
    NotFound(String),
    /// Anything else that SQLite says.
    #[error("cannot {operation} in the history {}: {source}", .path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Tells SQLite's errors apart: `operation` completes "cannot … in the history".
    pub(super) fn during(path: &Path, operation: &'static str) -> impl Fn(rusqlite::Error) -> Self + Clone + use<> {
        let path = path.to_owned();
        move |source| {
            let path = path.clone();
            match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Self::Damaged { path, reason: source.to_string() }
                }
                Some(ErrorCode::DiskFull) => Self::Full { path, operation },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path, operation },
                _ => Self::Sqlite { path, operation, source },
            }
        }
    }
}
