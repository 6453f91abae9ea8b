//! Opens folders below a root by descriptors: no symlink is followed below the root, and no path is too long.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::Mode;

/// Bytes of a relative path that are given to the kernel at once; PATH_MAX is 4,096.
const MAX_PATH_BYTES: usize = 4000;
/// Tries when the kernel asks for another one, as it does while something above is being renamed.
const MAX_TRIES: u32 = 16;

fn flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK
}

/// Opens the folder `root`, following symlinks: its owner named it so.
pub(super) fn open_root(root: &Path) -> Result<OwnedFd, Errno> {
    open(root, flags(), Mode::empty())
}

/// Opens the folder that is reached from `root` by `names`, one below the other.
///
/// # Errors
/// ENOENT, ENOTDIR or ELOOP when a name is gone or is not a folder (any more); else what openat2(2) says.
pub(super) fn open_folder(root: &Path, names: &[Arc<OsStr>]) -> Result<OwnedFd, Errno> {
    let mut folder = open_root(root)?;
    let mut part: Vec<u8> = Vec::new();
    for name in names {
        if part.len() + 1 + name.len() > MAX_PATH_BYTES {
            folder = open_beneath(&folder, &OsString::from_vec(std::mem::take(&mut part)))?;
        }
        if !part.is_empty() {
            part.push(b'/');
        }
        part.extend_from_slice(name.as_bytes());
    }
    if part.is_empty() { Ok(folder) } else { open_beneath(&folder, &OsString::from_vec(part)) }
}

fn open_beneath(folder: &OwnedFd, path: &OsStr) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(flags() | OFlag::O_NOFOLLOW)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    for _ in 0..MAX_TRIES {
        match openat2(folder, path, how) {
            Err(Errno::EAGAIN) => {}
            // Older kernels, and sandboxes that do not know the call.
            Err(Errno::ENOSYS | Errno::EPERM) => return open_step_by_step(folder, path),
            result => return result,
        }
    }
    Err(Errno::EAGAIN)
}

fn open_step_by_step(folder: &OwnedFd, path: &OsStr) -> Result<OwnedFd, Errno> {
    let mut folder = folder.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
    for name in Path::new(path) {
        folder = openat(&folder, name, flags() | OFlag::O_NOFOLLOW, Mode::empty())?;
    }
    Ok(folder)
}

/// True when the error says that there is no such folder, as opposed to one that cannot be opened.
pub(super) fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP)
}
