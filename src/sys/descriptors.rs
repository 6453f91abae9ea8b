//! Descriptors across a process boundary: receiving one with a message, and closing those that were inherited.
//!
//! A descriptor that arrives is owned from the moment that it exists, so that none can leak, whatever else the message holds.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use tokio::io::unix::AsyncFd;

/// A message as it came over a socket that keeps messages apart.
#[derive(Debug)]
pub(crate) struct Message {
    /// Bytes written to the buffer; 0 when the other side has closed.
    pub(crate) bytes: usize,
    /// The descriptors that came with it.
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Receives one message and the descriptors with it, which are closed on exec.
///
/// # Errors
/// What recvmsg(2) says; and where something did not fit. The caller must then give up the process, as nix does not show what
/// descriptors the kernel has installed in that case.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Message> {
    let mut control = nix::cmsg_space!([RawFd; 1]);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC)?;
    if message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
        return Err(io::Error::other("the message is longer than it may be"));
    }
    let bytes = message.bytes;
    let descriptors = message.cmsgs()?.flat_map(owned).collect();
    Ok(Message { bytes, descriptors })
}

fn owned(control: ControlMessageOwned) -> Vec<OwnedFd> {
    let ControlMessageOwned::ScmRights(raw) = control else { return Vec::new() };
    // SAFETY: the kernel has just installed these descriptors for this message; nothing else knows their numbers.
    raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}

/// Closes every descriptor from `first` on. Call it only where nothing in the process owns one of them.
///
/// # Errors
/// What close_range(2) says; Linux has it since 5.9.
pub(crate) fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: takes numbers only. That no owner of those descriptors is left is the caller's promise; breaking it cannot touch
    // memory, as every use of a closed descriptor fails with EBADF.
    let rc = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A descriptor that tells the runtime when it can be read or written.
///
/// # Errors
/// What epoll(7) says.
pub(crate) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` stays open and keeps its number for as long as it lives, and the `AsyncFd` owns it.
    unsafe { AsyncFd::register(descriptor) }.map_err(io::Error::from)
}
