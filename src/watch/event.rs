//! The words of this room: what a watcher tells, why it walked, and how it stands.

use std::path::PathBuf;

use nix::errno::Errno;
use serde::Serialize;

use crate::config::CacheKind;

/// What a [`super::Watcher`] tells. Paths begin with their root's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file or a symlink arrived, or its content changed and its writer has closed it.
    Arrived {
        /// Its name; it may be gone or be something else by now.
        path: PathBuf,
        /// How it was noticed.
        cause: Cause,
    },
    /// A name was deleted or moved out: a file's, or a folder's with everything below it. A hint, not told for what is polled.
    Gone {
        /// The name.
        path: PathBuf,
    },
    /// A walk of a part is complete; everything in it was told before this.
    Walked {
        /// The part.
        root: PathBuf,
        /// Files and symlinks that it found.
        files: u64,
        /// Why it was walked.
        reason: WalkReason,
    },
    /// A part cannot be watched as it should be. What can be done in its place is done (mostly polling).
    Degraded {
        /// The part.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What the person can do.
        remedy: String,
    },
    /// A part that was degraded is watched as it should be.
    Recovered {
        /// The part.
        path: PathBuf,
    },
    /// Everything that existed when [`super::Watcher::sync`] gave this cookie was told before this.
    Synced {
        /// The cookie.
        cookie: u64,
    },
}

/// How a file was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Closed after writing.
    Closed,
    /// Renamed into place.
    MovedIn,
    /// Linked into place by link(2) or linkat(2).
    Linked,
    /// A symlink was made.
    Symlink,
    /// Found by a walk.
    Found,
}

/// Why a part was walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WalkReason {
    /// The watcher started, or the root is a new one.
    Start,
    /// The root appeared, or another folder took its place.
    Appeared,
    /// A folder was made in or moved into a watched one. Not told by [`Event::Walked`].
    NewFolder,
    /// The kernel's queue was full and events were lost.
    Overflow,
    /// A file system was mounted or unmounted.
    Mount,
    /// It gives no events, so it is looked at again and again. Told by [`Event::Walked`] only when it was asked for.
    Poll,
    /// The owner asked for it: the daily reconciling walk.
    Reconcile,
}

/// How a root is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootState {
    /// By events.
    Watching,
    /// It is not there yet, and is waited for.
    Waiting,
    /// By looking again and again.
    Polled,
    /// Not fully: see [`WatchStatus::degraded`].
    Degraded,
}

/// One root in a [`WatchStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RootStatus {
    /// The folder.
    pub path: PathBuf,
    /// What its paths mean.
    pub cache: CacheKind,
    /// How it is watched.
    pub state: RootState,
}

/// What is watched, and how well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchStatus {
    /// The roots, in the order in which they were first given.
    pub roots: Vec<RootStatus>,
    /// inotify watches in use.
    pub watches: u64,
    /// The most that this user may have, if it is known and inotify is used.
    pub watch_limit: Option<u64>,
    /// Times that the kernel's queue was full.
    pub overflows: u64,
    /// Walks of whole parts that were finished.
    pub walks: u64,
    /// Events told.
    pub events: u64,
    /// Parts that are not watched as they should be, with the reason.
    pub degraded: Vec<(PathBuf, String)>,
}

/// Why a watcher could not be started.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// A glob of `watch.exclude` is none.
    #[error("watch.exclude: {0}")]
    Exclude(#[from] globset::Error),
    /// No inotify instance.
    #[error("the kernel gives no inotify instance: {0}; fs.inotify.max_user_instances may be used up")]
    Inotify(Errno),
}
