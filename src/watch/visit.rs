//! One folder of a walk: opened without following symlinks, watched, and only then listed, a bounded number of entries at a time,
//! so that events go on in between. What was in it before the watch is listed, and what comes after it is told by the watch.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::dir::{Dir, Entry, OwningIter, Type};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::Watcher;
use super::event::{Cause, Event, WalkReason};
use super::filesystem::FileSystem;
use super::kernel::{folder_mask, rights_mask};
use super::open::{is_gone, open_folder};
use super::roots::RootId;
use super::tree::NodeId;
use super::walks::Walk;
use crate::config::Backend;

/// Entries that are listed at a time.
const ENTRIES_PER_STEP: usize = 512;

/// A folder that is being listed.
#[derive(Debug)]
pub(super) struct Visit {
    node: NodeId,
    path: PathBuf,
    folder: OwnedFd,
    entries: Entries,
    /// Folders in it that were not seen since then are gone when it is listed to its end.
    moment: u64,
}

struct Entries(OwningIter);

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entries")
    }
}

impl Watcher {
    /// Does a little of the walk that is first in line. False when there is none.
    pub(super) fn step(&mut self) -> bool {
        let Some(mut walk) = self.walks.take() else { return false };
        if let Some(visit) = walk.visit.take() {
            walk.visit = self.list(visit, &mut walk);
        } else if let Some(node) = walk.stack.pop() {
            walk.visit = self.enter(node, &mut walk);
        } else {
            self.finish(walk);
            return true;
        }
        self.walks.put_back(walk);
        true
    }

    /// Opens and watches a folder. `None` when there is nothing to list.
    fn enter(&mut self, node: NodeId, walk: &mut Walk) -> Option<Visit> {
        let (root, names) = self.tree.place(node)?;
        let path = self.path_of(node)?;
        if walk.is_round && node == walk.top {
            walk.round = self.start_round(root);
        }
        match self.open_and_watch(root, node, &names) {
            Ok(Some((folder, entries))) => {
                self.on_readable(root, &path);
                let moment = self.tree.start_visit();
                Some(Visit { node, path, folder, entries, moment })
            }
            Ok(None) => None,
            Err(errno) if is_gone(errno) => {
                self.forget(node, root, names.is_empty());
                None
            }
            Err(errno) => {
                if is_forbidden(errno) {
                    self.await_rights(root, &names);
                }
                self.on_unreadable(root, &path, errno);
                None
            }
        }
    }

    fn open_and_watch(
        &mut self,
        root: RootId,
        node: NodeId,
        names: &[std::sync::Arc<OsStr>],
    ) -> Result<Option<(OwnedFd, Entries)>, Errno> {
        let folder = File::from(open_folder(self.path_of_root(root), names)?);
        let device =
            folder.metadata().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?.dev();
        if self.tree.parent_device(node) != Some(device) {
            match FileSystem::of(folder.as_fd())? {
                FileSystem::Pseudo => return Ok(None),
                FileSystem::Remote => self.on_remote(root),
                FileSystem::Local => {}
            }
        }
        self.tree.set_device(node, device);
        let folder = OwnedFd::from(folder);
        self.watch(root, node, &folder)?;
        let listed = folder.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
        Ok(Some((folder, Entries(Dir::from_fd(listed)?.into_iter()))))
    }

    fn watch(&mut self, root: RootId, node: NodeId, folder: &OwnedFd) -> Result<(), Errno> {
        let Some(kernel) = &self.kernel else { return Ok(()) };
        match kernel.watch(folder.as_fd(), folder_mask()) {
            Ok(watch) => {
                if let Some(old) = self.tree.bind(node, watch) {
                    self.unwatch(old);
                }
                Ok(())
            }
            Err(Errno::ENOSPC | Errno::ENOMEM) => {
                self.on_watch_limit(root);
                Ok(())
            }
            Err(errno) => Err(errno),
        }
    }

    /// Lists some entries. `None` when the folder is listed to its end.
    fn list(&mut self, mut visit: Visit, walk: &mut Walk) -> Option<Visit> {
        for _ in 0..ENTRIES_PER_STEP {
            match visit.entries.0.next() {
                Some(Ok(entry)) => self.on_entry(&entry, &visit, walk),
                Some(Err(Errno::EINTR)) => {}
                Some(Err(errno)) => {
                    if let Some((root, _)) = self.tree.place(visit.node) {
                        self.on_unreadable(root, &visit.path, errno);
                    }
                    return None;
                }
                None => {
                    for child in self.tree.unseen_children(visit.node, visit.moment) {
                        self.detach(child);
                    }
                    return None;
                }
            }
        }
        Some(visit)
    }

    fn on_entry(&mut self, entry: &Entry, visit: &Visit, walk: &mut Walk) {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            return;
        }
        let (kind, stat) = kind_of(entry, visit, walk.round.is_some());
        match kind {
            Some(Type::Directory) => {
                let path = visit.path.join(name);
                if self.is_entered(&path)
                    && let Some(child) = self.tree.child(visit.node, name)
                {
                    walk.stack.push(child);
                }
            }
            Some(Type::File | Type::Symlink) => {
                let path = visit.path.join(name);
                let is_news = match (&mut walk.round, &stat) {
                    (Some(round), Some(stat)) => round.is_news(&path, stat),
                    _ => true,
                };
                if !self.settings.is_excluded(&path) {
                    walk.files += 1;
                    if is_news {
                        self.outbox.arrived(path, Cause::Found);
                    }
                }
            }
            _ => {}
        }
    }

    /// False for folders that are not watched as a part of this tree: excluded ones, and other roots.
    pub(super) fn is_entered(&self, path: &Path) -> bool {
        !self.settings.is_excluded(path) && !self.roots.values().any(|root| root.path() == path)
    }

    fn finish(&mut self, walk: Walk) {
        self.walks.finish(&walk);
        let root = self.tree.place(walk.top).map(|(root, _)| root);
        if let Some(root) = root.filter(|_| walk.is_round) {
            self.finish_round(root, walk.round);
        }
        let is_told = !matches!(walk.reason, WalkReason::NewFolder | WalkReason::Poll);
        if let Some(path) = self.path_of(walk.top).filter(|_| is_told) {
            tracing::debug!(path = %path.display(), files = walk.files, reason = ?walk.reason, "walked");
            self.outbox.push(Event::Walked { root: path, files: walk.files, reason: walk.reason });
        }
    }

    fn on_readable(&mut self, root: RootId, path: &Path) {
        let is_limited = self.roots.get(&root).is_some_and(|root| root.is_limited && root.path() == path);
        if !is_limited {
            self.degraded.clear(path, &mut self.outbox);
        }
    }

    fn on_unreadable(&mut self, root: RootId, path: &Path, errno: Errno) {
        let remedy = match errno {
            Errno::EACCES | Errno::EPERM => {
                "let the user that modelscand runs as read it, or put it into watch.exclude"
            }
            Errno::EMFILE | Errno::ENFILE => "raise the limit of open files (LimitNOFILE=, fs.file-max)",
            _ => "look at the file system; it is tried again",
        };
        if !is_forbidden(errno) || self.path_of_root(root) == path {
            self.poll_root(root);
        }
        self.degraded.add(path, &format!("cannot be read: {}", errno.desc()), remedy, &mut self.outbox);
    }

    /// Learns from the folder above when a folder that must not be read may be read.
    fn await_rights(&mut self, root: RootId, names: &[std::sync::Arc<OsStr>]) {
        let (Some(kernel), Some((_, above))) = (&self.kernel, names.split_last()) else { return };
        let watched =
            open_folder(self.path_of_root(root), above).and_then(|folder| kernel.watch(folder.as_fd(), rights_mask()));
        if let Err(errno) = watched {
            tracing::debug!(%errno, "the rights of an unreadable folder are looked at in the next walk only");
        }
    }

    fn on_watch_limit(&mut self, root: RootId) {
        let path = self.path_of_root(root).to_owned();
        if let Some(root) = self.roots.get_mut(&root) {
            (root.limit_was_hit, root.is_limited) = (true, true);
        }
        self.poll_root(root);
        let remedy = "raise fs.inotify.max_user_watches with sysctl; until then it is polled";
        self.degraded.add(&path, "the limit of inotify watches is reached", remedy, &mut self.outbox);
    }

    fn on_remote(&mut self, root: RootId) {
        if self.settings.backend == Backend::Inotify {
            return;
        }
        self.poll_root(root);
        if let Some(root) = self.roots.get_mut(&root) {
            root.is_remote = true;
        }
    }
}

fn is_forbidden(errno: Errno) -> bool {
    matches!(errno, Errno::EACCES | Errno::EPERM)
}

/// What an entry is, and its stat where that is needed to know it or to compare it. Nothing is opened.
fn kind_of(entry: &Entry, visit: &Visit, compare: bool) -> (Option<Type>, Option<FileStat>) {
    let kind = entry.file_type();
    if kind.is_some() && (!compare || kind == Some(Type::Directory)) {
        return (kind, None);
    }
    let Ok(stat) = fstatat(&visit.folder, entry.file_name(), AtFlags::AT_SYMLINK_NOFOLLOW) else { return (kind, None) };
    let kind = match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFDIR => Some(Type::Directory),
        SFlag::S_IFREG => Some(Type::File),
        SFlag::S_IFLNK => Some(Type::Symlink),
        _ => None,
    };
    (kind, Some(stat))
}
