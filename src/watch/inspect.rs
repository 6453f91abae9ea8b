//! What a CREATE event means. For a folder it is clear; another name may be a file that is about to be written (its close will
//! tell), a symlink, a hard link or a FIFO, and only a look at it says which. Nothing is opened but the folder it is in.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{SFlag, fstatat};

use super::Watcher;
use super::event::Cause;
use super::open::open_folder;
use super::tree::NodeId;

/// A name that was created in a folder.
#[derive(Debug)]
pub(super) struct Created {
    pub folder: NodeId,
    pub name: OsString,
}

impl Watcher {
    /// Looks at names that were created, but for those of which more is known by now.
    pub(super) fn inspect(&mut self, created: Vec<Created>) {
        let mut open: Option<(NodeId, OwnedFd)> = None;
        for Created { folder, name } in created {
            let Some(path) = self.path_of(folder).map(|path| path.join(&name)) else { continue };
            if self.outbox.has_arrived(&path) || self.settings.is_excluded(&path) {
                continue;
            }
            if open.as_ref().is_none_or(|(node, _)| *node != folder) {
                open = self.open_node(folder).ok().map(|descriptor| (folder, descriptor));
            }
            if let Some(cause) = open.as_ref().and_then(|(_, descriptor)| cause_of(descriptor, &name)) {
                self.outbox.arrived(path, cause);
            }
        }
    }

    fn open_node(&self, node: NodeId) -> Result<OwnedFd, Errno> {
        let (root, names) = self.tree.place(node).ok_or(Errno::ENOENT)?;
        open_folder(self.path_of_root(root), &names)
    }
}

fn cause_of(folder: &OwnedFd, name: &OsString) -> Option<Cause> {
    let stat = fstatat(folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFLNK => Some(Cause::Symlink),
        SFlag::S_IFREG if stat.st_nlink > 1 => Some(Cause::Linked),
        _ => None,
    }
}
