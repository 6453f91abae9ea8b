//! Proof of having caught up. The kernel's queue is in order, so an event of our own that is put into it now comes out after every
//! event that was in it before; and the walks that those events led to are finished before the proof is told.
//!
//! Our own event is the IGNORED of a watch that is set on a nameless file and taken away at once: nothing is written anywhere.

use std::collections::HashMap;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, WatchDescriptor};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::Watcher;
use super::event::Event;
use super::kernel::Kernel;

#[derive(Debug, Default)]
pub(super) struct Cookies {
    next: u64,
    /// Those whose event is in the kernel's queue.
    queued: HashMap<WatchDescriptor, u64>,
    /// Those without an event of their own: the queue must be empty once.
    until_empty: Vec<u64>,
    /// Those whose event was read, with the number below which all walks must be finished.
    read: Vec<(u64, u64)>,
}

impl Cookies {
    /// The event of a cookie came out of the queue. False when the watch is no cookie's.
    pub fn on_ignored(&mut self, watch: WatchDescriptor, walks: u64) -> bool {
        let cookie = self.queued.remove(&watch);
        self.read.extend(cookie.map(|cookie| (cookie, walks)));
        cookie.is_some()
    }

    /// The queue is empty.
    pub fn on_empty(&mut self, walks: u64) {
        self.read.extend(self.until_empty.drain(..).map(|cookie| (cookie, walks)));
    }

    /// Events were lost, and walks that make up for them were asked for: they stand for all that was in the queue.
    pub fn on_overflow(&mut self, walks: u64) {
        self.on_empty(walks);
        self.read.extend(self.queued.drain().map(|(_, cookie)| (cookie, walks)));
    }
}

impl Watcher {
    /// Asks for [`Event::Synced`] with the returned cookie, once everything that exists now has been told.
    pub fn sync(&mut self) -> u64 {
        let cookie = self.cookies.next;
        self.cookies.next += 1;
        self.start_all_polls();
        match self.kernel.as_ref().map(queue_event) {
            Some(Ok(watch)) => {
                self.cookies.queued.insert(watch, cookie);
            }
            Some(Err(errno)) => {
                tracing::debug!(%errno, "no watch for a cookie: waiting for an empty queue");
                self.cookies.until_empty.push(cookie);
            }
            None => self.cookies.read.push((cookie, self.walks.next_number())),
        }
        cookie
    }

    /// Tells of the cookies that are proven.
    pub(super) fn settle_cookies(&mut self) {
        let walks = &self.walks;
        for (cookie, _) in self.cookies.read.extract_if(.., |(_, number)| walks.are_finished_before(*number)) {
            self.outbox.push(Event::Synced { cookie });
        }
    }
}

fn queue_event(kernel: &Kernel) -> Result<WatchDescriptor, Errno> {
    let file = memfd_create(c"modelscand-sync", MFdFlags::MFD_CLOEXEC)?;
    let watch = kernel.watch(file.as_fd(), AddWatchFlags::IN_DELETE_SELF)?;
    kernel.unwatch(watch);
    Ok(watch)
}
