//! What a file is like besides its bytes: taken down before an act, given back after it.
//!
//! Set-user-id, set-group-id and capabilities are not given back: no model needs them, and whoever had the file open for writing
//! while it was held would gain by them.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::fs::{
    IFlags, Timespec, Timestamps, XattrFlags, fgetxattr, flistxattr, fsetxattr, futimens, ioctl_getflags,
    ioctl_setflags,
};
use rustix::io::Errno;

use crate::report::printable;
use crate::store::Attributes;

/// The most that is kept of extended attributes, names and values together. ext4 has room for 4 KiB, xfs for 64 KiB a value.
const MAX_XATTR_BYTES: usize = 1 << 20;
/// A list of names longer than this the kernel does not give (XATTR_LIST_MAX); so for one value.
const MAX_XATTR_PIECE: usize = 64 * 1024;
/// The inode flags that keep even root from a change of mode or name.
const STUBBORN: IFlags = IFlags::IMMUTABLE.union(IFlags::APPEND);
/// The permission bits that are given back: without set-user-id and set-group-id.
const SAFE_MODE: u32 = 0o1777;

/// Takes down what `file` is like.
///
/// # Errors
/// What the system says, and `InvalidData` for more extended attributes than are kept.
pub(super) fn of(file: &File) -> io::Result<Attributes> {
    let metadata = file.metadata()?;
    let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
    Ok(Attributes {
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        links: metadata.nlink(),
        atime_ns: ns(metadata.atime(), metadata.atime_nsec()),
        mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        flags: flags(file).intersection(STUBBORN).bits(),
        xattrs: xattrs(file)?,
    })
}

/// The inode flags; none on a file system without them.
fn flags(file: &File) -> IFlags {
    ioctl_getflags(file).unwrap_or(IFlags::empty())
}

/// Takes away the flags that would keep us from acting, where there are any. Needs `CAP_LINUX_IMMUTABLE`.
pub(super) fn soften(file: &File) -> io::Result<()> {
    let now = flags(file);
    if now.intersects(STUBBORN) { Ok(ioctl_setflags(file, now.difference(STUBBORN))?) } else { Ok(()) }
}

/// Makes the inode immutable, so that not even its owner can change its mode or name. Needs `CAP_LINUX_IMMUTABLE` and a file system
/// with inode flags.
///
/// # Errors
/// What the system says; nothing was changed then.
pub(super) fn make_immutable(file: &File) -> io::Result<()> {
    Ok(ioctl_setflags(file, ioctl_getflags(file)?.union(IFlags::IMMUTABLE))?)
}

fn xattrs(file: &File) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut list = vec![0; MAX_XATTR_PIECE];
    let length = match flistxattr(file, &mut list[..]) {
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        other => other?,
    };
    list.truncate(length);
    let mut kept = Vec::new();
    let mut bytes = 0;
    for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Some(value) = xattr(file, name)? else { continue };
        bytes += name.len() + value.len();
        if bytes > MAX_XATTR_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more extended attributes than modelscand keeps"));
        }
        kept.push((name.to_owned(), value));
    }
    Ok(kept)
}

/// A value, or none when it is not there or not ours to read.
fn xattr(file: &File, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; MAX_XATTR_PIECE];
    match fgetxattr(file, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::PERM | Errno::ACCESS | Errno::NOTSUP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Takes the inode out of everybody's reach, whatever name leads to it: mode 000 (with an ACL, its mask too) and, where we may,
/// our owner, so that the old one cannot change the mode back. Answers whether it is ours now.
///
/// # Errors
/// What the system says to the change of mode; then nothing was changed.
pub(super) fn shut(file: &File) -> io::Result<bool> {
    let (us, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    soften(file)?;
    file.set_permissions(Permissions::from_mode(0o000))?;
    if file.metadata()?.uid() == us {
        return Ok(true);
    }
    let is_ours = std::os::unix::fs::fchown(file, Some(us), Some(group)).is_ok();
    file.set_permissions(Permissions::from_mode(0o000))?;
    Ok(is_ours)
}

/// Gives back what was taken down, the flags apart ([`give_back_flags`]), as far as the rights allow. Answers what could not be given back, for a person.
///
/// # Errors
/// What the system says to the change of mode; owner, extended attributes and times that cannot be set are remarks.
pub(super) fn give_back(file: &File, attributes: &Attributes) -> io::Result<Vec<String>> {
    let mut remarks = Vec::new();
    soften(file)?;
    let now = file.metadata()?;
    let owner = (attributes.uid, attributes.gid);
    if (now.uid(), now.gid()) != owner && std::os::unix::fs::fchown(file, Some(owner.0), Some(owner.1)).is_err() {
        remarks.push(format!("owner {} and group {} could not be given back", owner.0, owner.1));
    }
    give_back_xattrs(file, attributes, &mut remarks);
    if attributes.mode & !SAFE_MODE != 0 {
        remarks.push("set-user-id and set-group-id were not given back".to_owned());
    }
    file.set_permissions(Permissions::from_mode(attributes.mode & SAFE_MODE))?;
    let times = Timestamps { last_access: time(attributes.atime_ns), last_modification: time(attributes.mtime_ns) };
    if futimens(file, &times).is_err() {
        remarks.push("the times could not be given back".to_owned());
    }
    Ok(remarks)
}

/// Gives back the flags that made it immutable or append-only. To be called when the file is at its place: nothing can be done to it
/// afterwards.
pub(super) fn give_back_flags(file: &File, attributes: &Attributes, remarks: &mut Vec<String>) {
    let wanted = IFlags::from_bits_truncate(attributes.flags).intersection(STUBBORN);
    if !wanted.is_empty() && ioctl_setflags(file, flags(file).union(wanted)).is_err() {
        remarks.push("the flag that made it immutable or append-only could not be given back".to_owned());
    }
}

/// User attributes can only be set by who may write the file, so it is opened to its owner for the moment. An ACL sets mode bits,
/// which is why the mode comes after.
fn give_back_xattrs(file: &File, attributes: &Attributes, remarks: &mut Vec<String>) {
    let differing: Vec<_> = attributes
        .xattrs
        .iter()
        .filter(|(name, value)| xattr(file, name).ok().flatten().as_ref() != Some(value))
        .collect();
    if differing.is_empty() {
        return;
    }
    let _ = file.set_permissions(Permissions::from_mode(0o600));
    for (name, value) in differing {
        let shown = printable(&String::from_utf8_lossy(name), 255);
        if name.as_slice() == b"security.capability" {
            remarks.push("capabilities were not given back".to_owned());
        } else if fsetxattr(file, name.as_slice(), value, XattrFlags::empty()).is_err() {
            remarks.push(format!("the extended attribute {shown} could not be given back"));
        }
    }
}

fn time(ns: i64) -> Timespec {
    Timespec { tv_sec: ns.div_euclid(1_000_000_000), tv_nsec: ns.rem_euclid(1_000_000_000) }
}
