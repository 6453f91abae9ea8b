//! Asks the kernel whether anybody has a file open for writing, by a lease that is given back at once: see `F_SETLEASE` in fcntl(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// `F_SETSIG` of `linux/fcntl.h`, which the libc crate does not name for glibc.
const F_SETSIG: libc::c_int = 10;
/// `F_SETLEASE` of `linux/fcntl.h`.
const F_SETLEASE: libc::c_int = 1024;

/// True when somebody has the file open for writing, or mapped writable. `file` is open for reading only, and nothing else uses
/// its open file description.
///
/// # Errors
/// EACCES for files of others without CAP_LEASE, EINVAL where the file system has no leases. Not reliable on overlayfs.
pub(crate) fn has_writer(file: impl AsFd) -> io::Result<bool> {
    // A writer that comes while the lease is held makes the kernel send a signal. SIGIO, the default, would end the process;
    // SIGURG is ignored unless somebody asked for it.
    command(file.as_fd(), F_SETSIG, libc::SIGURG)?;
    match command(file.as_fd(), F_SETLEASE, libc::F_RDLCK.into()) {
        Ok(()) => command(file.as_fd(), F_SETLEASE, libc::F_UNLCK.into()).map(|()| false),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(true),
        Err(error) => Err(error),
    }
}

fn command(file: BorrowedFd<'_>, command: libc::c_int, argument: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed, so it is open; both commands take a number and touch no memory of ours.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use super::*;

    #[test]
    fn a_writer_is_seen_while_it_is_there() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (path, writer) = (file.path().to_owned(), OpenOptions::new().append(true).open(file.path()).unwrap());
        drop(file.reopen());
        let (handle, _path) = file.into_parts();
        drop(handle);
        assert!(has_writer(File::open(&path).unwrap()).unwrap());
        drop(writer);
        assert!(!has_writer(File::open(&path).unwrap()).unwrap());
        OpenOptions::new().append(true).open(&path).unwrap();
    }
}
