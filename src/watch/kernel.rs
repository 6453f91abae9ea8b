//! inotify(7) as this room needs it: watches are set on descriptors and not on paths, so that a folder that is swapped while it is
//! opened cannot mislead us and no path is too long; and only events that can mean a finished file are asked for, so that neither
//! a writer's many writes nor our own reads wake us.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What is asked of a folder whose files are watched. CREATE tells of folders, symlinks and hard links; a file that is created and
/// written is told of by CLOSE_WRITE.
pub(super) fn folder_mask() -> AddWatchFlags {
    AddWatchFlags::IN_CLOSE_WRITE | names_mask() | place_mask()
}

/// What is asked of a folder in which a name is waited for.
pub(super) fn names_mask() -> AddWatchFlags {
    AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_DELETE
}

/// What is asked of a folder that must stay where it is: silent until it does not.
pub(super) fn place_mask() -> AddWatchFlags {
    AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF
}

/// What is asked of a folder in which another folder cannot be read, to learn when that changes.
pub(super) fn rights_mask() -> AddWatchFlags {
    AddWatchFlags::IN_ATTRIB
}

#[derive(Debug)]
pub(super) struct Kernel {
    queue: AsyncFd<Queue>,
    /// Plays a machine that has no watches left.
    #[cfg(test)]
    pub is_at_limit: bool,
}

#[derive(Debug)]
struct Queue(Inotify);

impl AsRawFd for Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Kernel {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; the descriptor is owned here and stays open as long as the AsyncFd"
    )]
    pub fn new() -> Result<Self, Errno> {
        let queue = Queue(Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?);
        let queue = AsyncFd::with_interest(queue, Interest::READABLE)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
        Ok(Self {
            queue,
            #[cfg(test)]
            is_at_limit: false,
        })
    }

    /// Sets a watch on the open folder, or adds `mask` to the watch that it has: a folder can be both watched and waited in.
    pub fn watch(&self, folder: BorrowedFd<'_>, mask: AddWatchFlags) -> Result<WatchDescriptor, Errno> {
        #[cfg(test)]
        if self.is_at_limit {
            return Err(Errno::ENOSPC);
        }
        let add = AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD | libc::IN_EXCL_UNLINK);
        self.queue.get_ref().0.add_watch(&by_descriptor(folder), mask | add)
    }

    /// Sets a watch on an open file itself, under whatever name it is used; it ends with the first event.
    pub fn watch_once(&self, file: BorrowedFd<'_>, mask: AddWatchFlags) -> Result<WatchDescriptor, Errno> {
        self.queue.get_ref().0.add_watch(&by_descriptor(file), mask | AddWatchFlags::IN_ONESHOT)
    }

    /// Takes a watch away. One that the kernel took away already is not an error.
    pub fn unwatch(&self, watch: WatchDescriptor) {
        if let Err(errno) = self.queue.get_ref().0.rm_watch(watch) {
            tracing::trace!(%errno, "a watch was gone already");
        }
    }

    /// The events at hand, a few thousand at most; none when the queue is empty.
    pub fn read(&self) -> Vec<InotifyEvent> {
        loop {
            match self.queue.get_ref().0.read_events() {
                Ok(events) => return events,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Vec::new(),
                Err(errno) => {
                    tracing::error!(%errno, "cannot read events");
                    return Vec::new();
                }
            }
        }
    }

    async fn readable(&self) {
        if let Ok(mut ready) = self.queue.readable().await {
            ready.clear_ready();
        }
    }
}

/// Waits until there are events; for ever without a kernel queue.
pub(super) async fn readable(kernel: Option<&Kernel>) {
    match kernel {
        Some(kernel) => kernel.readable().await,
        None => std::future::pending().await,
    }
}

/// A path that names the open descriptor itself, whatever happened to its name.
fn by_descriptor(folder: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))
}

/// The most watches that this user may have.
pub(super) fn watch_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?.trim().parse().ok()
}
