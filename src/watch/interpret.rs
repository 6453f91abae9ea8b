//! What the kernel's events mean: which file arrived, which folder is to be walked, which root is in doubt.

use std::ffi::OsString;
use std::path::PathBuf;

use nix::sys::inotify::{AddWatchFlags, InotifyEvent, WatchDescriptor};

use super::Watcher;
use super::event::{Cause, Event, WalkReason};
use super::inspect::Created;
use super::roots::RootId;
use super::tree::NodeId;

const CREATE: AddWatchFlags = AddWatchFlags::IN_CREATE;
const MOVED_TO: AddWatchFlags = AddWatchFlags::IN_MOVED_TO;
const MOVED_FROM: AddWatchFlags = AddWatchFlags::IN_MOVED_FROM;
const ATTRIB: AddWatchFlags = AddWatchFlags::IN_ATTRIB;
const DELETE: AddWatchFlags = AddWatchFlags::IN_DELETE;

impl Watcher {
    /// Reads and carries out what the kernel has to tell, a bounded part at a time. False when there was nothing.
    pub(super) fn take_kernel_events(&mut self) -> bool {
        let Some(kernel) = self.kernel.as_ref().filter(|_| !self.outbox.is_full()) else { return false };
        let events = kernel.read();
        if events.is_empty() {
            self.cookies.on_empty(self.walks.next_number());
            return false;
        }
        let mut created = Vec::new();
        let mut ignored = Vec::new();
        for event in events {
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                ignored.push(event.wd);
            }
            self.interpret(event, &mut created);
        }
        self.inspect(created);
        for id in std::mem::take(&mut self.doubtful) {
            self.place_root(id);
        }
        for watch in ignored {
            self.cookies.on_ignored(watch, self.walks.next_number());
        }
        true
    }

    fn interpret(&mut self, event: InotifyEvent, created: &mut Vec<Created>) {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            self.on_overflow();
            return;
        }
        self.doubtful.extend(self.anchors.touched_by(&event));
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.on_watch_gone(event.wd);
            return;
        }
        let (Some(folder), Some(name)) = (self.tree.of_watch(event.wd), event.name) else {
            self.on_written(event.wd);
            return;
        };
        let Some(path) = self.path_of(folder).map(|path| path.join(&name)) else { return };
        if event.mask.contains(AddWatchFlags::IN_ISDIR) {
            self.on_folder(event.mask, folder, name, path);
        } else {
            self.on_file(event.mask, folder, name, path, created);
        }
    }

    fn on_folder(&mut self, mask: AddWatchFlags, parent: NodeId, name: OsString, path: PathBuf) {
        if mask.intersects(DELETE | MOVED_FROM) {
            if let Some(folder) = self.tree.known_child(parent, &name) {
                self.detach(folder);
                self.outbox.push(Event::Gone { path: path.clone() });
            }
            // An exchange (renameat2(2)) tells of the folder that came before it tells of the one that went.
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
                && self.is_entered(&path)
                && let Some(folder) = self.tree.child(parent, &name)
            {
                self.walks.add_soon(folder);
            }
        } else if mask.contains(ATTRIB) {
            // The new rights of a folder that could not be read; other folders are fine as they are.
            if let Some(folder) = self.tree.known_child(parent, &name).filter(|_| self.degraded.is_in(&path)) {
                self.walks.add_soon(folder);
            }
        } else if mask.intersects(CREATE | MOVED_TO) && self.is_entered(&path) {
            // Another folder may have had this name, and its removal may still be in the queue: a new node for a new folder.
            if let Some(old) = self.tree.known_child(parent, &name).filter(|_| mask.contains(MOVED_TO)) {
                self.detach(old);
            }
            if let Some(folder) = self.tree.child(parent, &name) {
                self.walks.add_soon(folder);
            }
        }
    }

    fn on_file(
        &mut self,
        mask: AddWatchFlags,
        folder: NodeId,
        name: OsString,
        path: PathBuf,
        created: &mut Vec<Created>,
    ) {
        if self.settings.is_excluded(&path) {
            return;
        }
        if mask.contains(AddWatchFlags::IN_CLOSE_WRITE) {
            self.outbox.arrived(path, Cause::Closed);
        } else if mask.contains(MOVED_TO) {
            self.outbox.arrived(path, Cause::MovedIn);
        } else if mask.contains(CREATE) {
            created.push(Created { folder, name });
        } else if mask.intersects(DELETE | MOVED_FROM) {
            self.outbox.push(Event::Gone { path });
        }
    }

    /// A watch that we did not take away: its folder was deleted, or its file system unmounted.
    fn on_watch_gone(&mut self, watch: WatchDescriptor) {
        self.doubtful.extend(self.anchors.remove(watch));
        self.written.remove(&watch);
        let Some(folder) = self.tree.unbind(watch) else { return };
        let Some((root, names)) = self.tree.place(folder) else { return };
        if names.is_empty() {
            self.doubtful.insert(root);
        } else {
            // Deleted, then this finds nothing; unmounted, then what the mount had covered is there.
            self.walks.add_soon(folder);
        }
    }

    fn on_overflow(&mut self) {
        self.overflows += 1;
        tracing::warn!(
            overflows = self.overflows,
            "the kernel's event queue was full and events were lost: walking everything again; raise \
             fs.inotify.max_queued_events with sysctl if this happens often"
        );
        let roots: Vec<RootId> = self.roots.keys().copied().collect();
        for id in roots {
            self.place_root(id);
            self.walk_root(id, WalkReason::Overflow);
        }
        self.cookies.on_overflow(self.walks.next_number());
    }
}
