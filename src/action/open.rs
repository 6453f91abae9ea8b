//! Opens a file so that nobody can turn what follows: no symbolic link on the way, a regular file and nothing else, never blocking.
//!
//! The folder's descriptor is kept with the file's: a name is only ever looked at again in the folder in which it was found.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use crate::identity::Identity;

/// The longest piece of a path that is given to the kernel at once; PATH_MAX is 4096 with the closing NUL.
const MAX_PIECE_BYTES: usize = 4000;
/// The longest path that is followed, piece by piece.
const MAX_PATH_BYTES: usize = 1 << 20;

/// A regular file as it is to be scanned and acted upon.
#[derive(Debug)]
pub struct Opened {
    /// The file, open for reading.
    pub file: File,
    /// What `fstat(2)` said right after it was opened.
    pub identity: Identity,
    /// The folder that it was found in (an `O_PATH` descriptor).
    pub parent: OwnedFd,
    /// Its name in that folder.
    pub name: OsString,
    /// The whole path, for people and for the record. Never opened again.
    pub path: PathBuf,
}

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not an absolute path of plain names.
    #[error("{}: the path must be absolute and without `..`", .0.display())]
    NotPlain(PathBuf),
    /// The path or a folder on the way is a symbolic link.
    #[error("{}: a symbolic link is on the way; give the real path", .0.display())]
    Symlink(PathBuf),
    /// A folder, FIFO, socket or device.
    #[error("{}: a {kind}, not a regular file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Nothing is there (any more), or something else than a moment ago.
    #[error("{}: it is not there any more", .0.display())]
    Vanished(PathBuf),
    /// The process may not read it.
    #[error("{}: permission denied", .0.display())]
    Permission(PathBuf),
    /// Anything else that the system says.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A file whatever its names: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inode {
    pub device: u64,
    pub inode: u64,
}

impl From<&Metadata> for Inode {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl From<&Identity> for Inode {
    fn from(identity: &Identity) -> Self {
        Self { device: identity.device, inode: identity.inode }
    }
}

/// Opens the regular file at `path`, an absolute path without symbolic links (the folder that is watched must be given by its
/// real path). Paths longer than PATH_MAX are walked in pieces. A FIFO, device or socket is told from its inode and not opened.
///
/// # Errors
/// [`OpenError`], one kind a cause.
pub fn open_for_scan(path: &Path) -> Result<Opened, OpenError> {
    let (parent, name) = open_parent(path)?;
    let found = look(parent.as_fd(), &name).map_err(|e| refused(e, path))?;
    let before = found.metadata().map_err(|e| refused(e, path))?;
    if let Some(error) = not_regular(&before, path) {
        return Err(error);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |flags| openat(&parent, &name, flags, Mode::empty());
    // A scan is no access by a person: the access time stays, where we may ask for that (its owner and root may).
    let file = match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => open(flags),
        other => other,
    };
    let file = File::from(file.map_err(|e| refused(e, path))?);
    let metadata = file.metadata().map_err(|e| refused(e, path))?;
    if Inode::from(&metadata) != Inode::from(&before) || !metadata.is_file() {
        return Err(OpenError::Vanished(path.to_owned()));
    }
    Ok(Opened { file, identity: Identity::from(&metadata), parent, name, path: path.to_owned() })
}

/// Opens the folder that `path` names something in, without following a symbolic link anywhere.
pub(super) fn open_parent(path: &Path) -> Result<(OwnedFd, OsString), OpenError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(OpenError::NotPlain(path.to_owned()));
    };
    Ok((open_folder(folder)?, name.to_owned()))
}

/// Opens a folder (`O_PATH`) by its real path.
fn open_folder(path: &Path) -> Result<OwnedFd, OpenError> {
    let plain = |part: &Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    let bytes = path.as_os_str().len();
    if !path.is_absolute() || !path.components().all(|part| plain(&part)) || bytes > MAX_PATH_BYTES {
        return Err(OpenError::NotPlain(path.to_owned()));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(CWD, "/", flags, Mode::empty()).map_err(|e| refused(e, path))?;
    for piece in pieces(path) {
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
        folder = openat2(&folder, piece, flags, Mode::empty(), resolve).map_err(|e| refused(e, path))?;
    }
    Ok(folder)
}

/// A path's components, joined into relative paths that are short enough for the kernel.
fn pieces(path: &Path) -> Vec<PathBuf> {
    let mut pieces: Vec<PathBuf> = Vec::new();
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        match pieces.last_mut() {
            Some(last) if last.as_os_str().len() + 1 + name.len() <= MAX_PIECE_BYTES => last.push(name),
            _ => pieces.push(PathBuf::from(name)),
        }
    }
    pieces
}

/// A descriptor (`O_PATH`) of whatever `name` leads to in `folder`; of a symbolic link itself.
pub(super) fn look(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    if name.is_empty() || name.as_bytes().contains(&b'/') || name == ".." {
        return Err(Errno::INVAL.into());
    }
    Ok(File::from(openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?))
}

/// Whether `name` leads to `inode`, and that is a regular file.
pub(super) fn leads_to(folder: BorrowedFd<'_>, name: &OsStr, inode: Inode) -> io::Result<bool> {
    match look(folder, name).and_then(|file| file.metadata()) {
        Ok(metadata) => Ok(metadata.is_file() && Inode::from(&metadata) == inode),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// The same folder, open for listing and `fsync(2)`.
pub(super) fn readable(folder: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Brings a folder's entries to the disk, where the file system and the rights allow it.
pub(super) fn sync_folder(folder: BorrowedFd<'_>) {
    if let Err(error) = readable(folder).and_then(|folder| Ok(rustix::fs::fsync(folder)?)) {
        tracing::debug!(%error, "a folder was not synced");
    }
}

fn not_regular(metadata: &Metadata, path: &Path) -> Option<OpenError> {
    let kind = metadata.file_type();
    let kind = match kind {
        _ if kind.is_file() => return None,
        _ if kind.is_symlink() => return Some(OpenError::Symlink(path.to_owned())),
        _ if kind.is_dir() => "folder",
        _ if kind.is_fifo() => "FIFO",
        _ if kind.is_socket() => "socket",
        _ => "device",
    };
    Some(OpenError::NotAFile { path: path.to_owned(), kind })
}

fn refused(error: impl Into<io::Error>, path: &Path) -> OpenError {
    let source = error.into();
    let path = path.to_owned();
    match Errno::from_io_error(&source) {
        Some(Errno::LOOP | Errno::XDEV) => OpenError::Symlink(path),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::STALE) => OpenError::Vanished(path),
        Some(Errno::ACCESS | Errno::PERM) => OpenError::Permission(path),
        _ => OpenError::Io { path, source },
    }
}
