//! Opens a file to be scanned: read-only, without following a link and without waiting for anybody.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens a regular file. `O_NONBLOCK`, since opening a FIFO would wait for a writer.
///
/// # Errors
/// When it cannot be opened, or is something else than a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match kind(&file.metadata()?.file_type()) {
        None => Ok(file),
        Some(kind) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("this is {kind}, not a file"))),
    }
}

/// What it is, if not a regular file.
fn kind(of: &std::fs::FileType) -> Option<&'static str> {
    if of.is_file() {
        None
    } else if of.is_dir() {
        Some("a folder")
    } else if of.is_fifo() {
        Some("a pipe")
    } else if of.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}
