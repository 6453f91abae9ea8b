//! What a CREATE event means. For a folder it is clear; another name may be a symlink, a hard link, a FIFO, or a file that is about
//! to be written. The close of a file is told under the name that it was opened by, and not at all when that was a nameless one
//! (`O_TMPFILE`) or one outside; so a file that is created and still has a writer gets a watch of its own, for that one close.
//!
//! Only regular files are opened, and nothing of them is read.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::inotify::{AddWatchFlags, WatchDescriptor};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::Watcher;
use super::event::Cause;
use super::open::open_folder;
use super::tree::NodeId;
use crate::sys::lease::has_writer;

/// Files that have a watch of their own at most; beyond them a file with a writer is told at once and not again.
const MAX_WRITTEN: usize = 4096;

/// A name that was created in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Created {
    pub folder: NodeId,
    pub name: OsString,
}

/// Files that were created and had a writer then.
pub(super) type Written = HashMap<WatchDescriptor, Created>;

impl Watcher {
    /// Looks at names that were created, but for those of which more is known by now.
    pub(super) fn inspect(&mut self, created: Vec<Created>) {
        let mut open: Option<(NodeId, OwnedFd)> = None;
        for created in created {
            let Some(path) = self.path_of(created.folder).map(|path| path.join(&created.name)) else { continue };
            if self.outbox.has_arrived(&path) || self.settings.is_excluded(&path) {
                continue;
            }
            if open.as_ref().is_none_or(|(node, _)| *node != created.folder) {
                open = self.open_node(created.folder).ok().map(|descriptor| (created.folder, descriptor));
            }
            let cause = open.as_ref().and_then(|(_, folder)| self.cause_of(folder, created).ok().flatten());
            if let Some(cause) = cause {
                self.outbox.arrived(path, cause);
            }
        }
    }

    fn open_node(&self, node: NodeId) -> Result<OwnedFd, Errno> {
        let (root, names) = self.tree.place(node).ok_or(Errno::ENOENT)?;
        open_folder(self.path_of_root(root), &names)
    }

    /// How the name has arrived; `None` when it is no file, is gone, or will be told when it is closed.
    fn cause_of(&mut self, folder: &OwnedFd, created: Created) -> Result<Option<Cause>, Errno> {
        let place = open_place(folder, &created.name)?;
        let stat = fstat(&place)?;
        match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFLNK => Ok(Some(Cause::Symlink)),
            SFlag::S_IFREG => {
                let is_written = self.is_written(&place, created);
                Ok((stat.st_nlink > 1 || !is_written).then_some(Cause::Linked))
            }
            _ => Ok(None),
        }
    }

    /// True when the file has a writer and its close will be told. The watch comes first: a close between the two is told twice.
    fn is_written(&mut self, place: &OwnedFd, created: Created) -> bool {
        let Some(kernel) = self.kernel.as_ref().filter(|_| self.written.len() < MAX_WRITTEN) else { return false };
        let Ok(watch) = kernel.watch_once(place.as_fd(), AddWatchFlags::IN_CLOSE_WRITE) else { return false };
        // Without an answer, being told too early is better than never.
        let is_written = reopen(place).and_then(has_writer).unwrap_or(false);
        if is_written {
            self.written.insert(watch, created);
        } else if !self.written.contains_key(&watch) {
            kernel.unwatch(watch);
        }
        is_written
    }

    /// The close of a file that has a watch of its own.
    pub(super) fn on_written(&mut self, watch: WatchDescriptor) {
        let Some(Created { folder, name }) = self.written.remove(&watch) else { return };
        if let Some(path) = self.path_of(folder).map(|path| path.join(name)) {
            self.outbox.arrived(path, Cause::Closed);
        }
    }
}

fn open_place(folder: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(folder, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// Opens for reading what is known to be a regular file, whatever its name leads to by now.
fn reopen(place: &OwnedFd) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    Ok(open(path.as_str(), OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?)
}
