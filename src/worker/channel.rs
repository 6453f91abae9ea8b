//! The daemon's end of the socket to one worker.
//!
//! Takes one bounded message at a time and leaves the rest in the kernel's bounded buffer, so that a worker that says too much waits
//! and the daemon does not grow. A descriptor that comes with a message is nonsense, and the kernel drops it.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::protocol::{FromWorker, MAX_MESSAGE_BYTES, Nonsense, decode, too_long};
use crate::sys;

/// Why no message came.
#[derive(Debug)]
pub(super) enum Broken {
    /// The worker is gone, or has closed its end.
    Closed,
    /// It said what is not allowed.
    Nonsense(Nonsense),
}

impl From<Nonsense> for Broken {
    fn from(nonsense: Nonsense) -> Self {
        Self::Nonsense(nonsense)
    }
}

/// Both ends of a new socket pair that keeps messages apart: the daemon's and the worker's.
///
/// # Errors
/// What socketpair(2) says.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// The daemon's end.
#[derive(Debug)]
pub(super) struct Channel(AsyncFd<OwnedFd>);

impl Channel {
    /// Makes `socket` ready for use in the runtime that this is called in.
    ///
    /// # Errors
    /// What fcntl(2) or epoll(7) says.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self(sys::descriptors::watched(socket)?))
    }

    /// Sends one message, and a descriptor with it.
    ///
    /// # Errors
    /// What sendmsg(2) says; `EPIPE` when the worker is gone.
    pub(super) async fn send(&self, message: &[u8], file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let descriptors: Vec<_> = file.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let control = if file.is_some() { &rights[..] } else { &[] };
        self.0
            .async_io(Interest::WRITABLE, |socket| {
                let parts = [IoSlice::new(message)];
                Ok(sendmsg::<()>(socket.as_raw_fd(), &parts, control, MsgFlags::MSG_NOSIGNAL, None)?)
            })
            .await
            .map(drop)
    }

    /// The next message of the worker.
    ///
    /// # Errors
    /// When it is gone or talks nonsense.
    pub(super) async fn receive(&self) -> Result<FromWorker, Broken> {
        let mut buffer = vec![0; MAX_MESSAGE_BYTES];
        let received = self.0.async_io(Interest::READABLE, |socket| receive(socket, &mut buffer)).await;
        let Ok((bytes, flags)) = received else { return Err(Broken::Closed) };
        check(buffer.get(..bytes).unwrap_or_default(), flags)
    }

    /// Whether the worker is there and has nothing to say, as it must be between two files.
    pub(super) fn is_quiet(&self) -> bool {
        receive(self.0.get_ref(), &mut [0]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
    }
}

/// The length of the next message, and flags that say whether something of it did not fit.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, MsgFlags)> {
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, None, MsgFlags::MSG_CMSG_CLOEXEC)?;
    Ok((message.bytes, message.flags))
}

/// As [`Channel::receive`], on a socket that blocks.
///
/// # Errors
/// As there; also when the socket's own time limit is over.
pub(super) fn receive_one(socket: &OwnedFd) -> Result<FromWorker, Broken> {
    let mut buffer = vec![0; MAX_MESSAGE_BYTES];
    let (bytes, flags) = receive(socket, &mut buffer).map_err(|_| Broken::Closed)?;
    check(buffer.get(..bytes).unwrap_or_default(), flags)
}

fn check(bytes: &[u8], flags: MsgFlags) -> Result<FromWorker, Broken> {
    if flags.contains(MsgFlags::MSG_CTRUNC) {
        Err(Nonsense("a descriptor".to_owned()).into())
    } else if flags.contains(MsgFlags::MSG_TRUNC) {
        Err(too_long().into())
    } else if bytes.is_empty() {
        Err(Broken::Closed)
    } else {
        Ok(decode(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{Shutdown, send, shutdown};

    fn said(say: impl FnOnce(&OwnedFd)) -> Result<FromWorker, Broken> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, theirs) = pair().unwrap();
            let channel = Channel::new(ours).unwrap();
            say(&theirs);
            channel.receive().await
        })
    }

    #[test]
    fn a_message_that_is_too_long_is_nonsense_and_not_a_shorter_message() {
        let long = vec![b' '; MAX_MESSAGE_BYTES + 1];
        let answer = said(|worker| assert_eq!(send(worker.as_raw_fd(), &long, MsgFlags::empty()), Ok(long.len())));
        assert!(matches!(answer, Err(Broken::Nonsense(n)) if n == too_long()));
    }

    #[test]
    fn a_descriptor_from_a_worker_is_nonsense_and_does_not_arrive() {
        let answer = said(|worker| {
            let fds = [worker.as_raw_fd()];
            let rights = [ControlMessage::ScmRights(&fds)];
            sendmsg::<()>(worker.as_raw_fd(), &[IoSlice::new(b"{}")], &rights, MsgFlags::empty(), None).unwrap();
        });
        assert!(matches!(answer, Err(Broken::Nonsense(_))));
    }

    #[test]
    fn an_empty_message_and_a_closed_socket_are_the_end() {
        assert!(matches!(
            said(|worker| assert!(send(worker.as_raw_fd(), b"", MsgFlags::empty()).is_ok())),
            Err(Broken::Closed)
        ));
        assert!(matches!(
            said(|worker| assert!(shutdown(worker.as_raw_fd(), Shutdown::Both).is_ok())),
            Err(Broken::Closed)
        ));
    }
}
