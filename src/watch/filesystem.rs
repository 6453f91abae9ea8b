//! What kind of file system a folder is on, and when file systems are mounted or unmounted.
//!
//! inotify tells nothing of changes that another machine makes on a network file system, and nothing at all of a new mount.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statfs::fstatfs;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Watcher;
use super::event::WalkReason;

/// Mounts that are compared at most; a machine with more of them is walked at each change.
const MAX_MOUNTINFO_BYTES: u64 = 16 << 20;

/// How a file system's changes can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileSystem {
    /// Events tell of every change.
    Local,
    /// Others may change it without an event here.
    Remote,
    /// The kernel's own tables in the form of files: nothing of it is a model.
    Pseudo,
}

/// `f_type` of file systems that others can change: statfs(2), `linux/magic.h`, and the sources of 9p, ceph, lustre and gfs2.
const REMOTE: [u32; 14] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xfe53_4d42, // SMB2
    0xff53_4d42, // CIFS
    0x6573_5546, // FUSE
    0x0102_1997, // 9p
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x7375_7245, // Coda
    0x564c,      // NCP
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x0116_1970, // GFS2
    0x7461_636f, // OCFS2
];

/// `f_type` of the kernel's own tables.
const PSEUDO: [u32; 13] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x1cd1,      // devpts
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0xf97c_ff8c, // selinux
    0x6165_676c, // pstore
    0x4249_4e4d, // binfmt_misc
    0x6265_6570, // configfs
];

impl FileSystem {
    pub fn of(folder: BorrowedFd<'_>) -> Result<Self, Errno> {
        let magic = fstatfs(folder)?.filesystem_type().0;
        // The kernel's field is a signed word whose upper half, if it has one, is empty or a copy of the sign.
        let magic = (magic & 0xffff_ffff) as u32;
        Ok(match magic {
            magic if REMOTE.contains(&magic) => Self::Remote,
            magic if PSEUDO.contains(&magic) => Self::Pseudo,
            _ => Self::Local,
        })
    }
}

/// The mounts of this process's namespace, and when they change.
#[derive(Debug)]
pub(super) struct Mounts {
    table: AsyncFd<File>,
    known: BTreeSet<(u64, PathBuf)>,
}

impl Mounts {
    /// `None` where the kernel does not tell.
    #[expect(
        deprecated,
        reason = "its successor is unsafe; the descriptor is owned here and stays open as long as the AsyncFd"
    )]
    pub fn new() -> Option<Self> {
        let table = File::open("/proc/self/mountinfo").ok()?;
        let table = AsyncFd::with_interest(table, Interest::PRIORITY).ok()?;
        Some(Self { table, known: read_mounts() })
    }

    /// The points at which something was mounted or unmounted since the last call.
    fn changed_points(&mut self) -> Vec<PathBuf> {
        let now = read_mounts();
        let points = self.known.symmetric_difference(&now).map(|(_, point)| point.clone()).collect();
        self.known = now;
        points
    }
}

/// Waits until something is mounted or unmounted; for ever where the kernel does not tell.
pub(super) async fn changed(mounts: Option<&Mounts>) {
    let Some(mounts) = mounts else { return std::future::pending().await };
    match mounts.table.ready(Interest::PRIORITY).await {
        Ok(mut ready) => ready.clear_ready(),
        Err(_) => std::future::pending().await,
    }
}

/// Mount identifiers and points, as proc_pid_mountinfo(5) describes their lines.
fn read_mounts() -> BTreeSet<(u64, PathBuf)> {
    let mut text = Vec::new();
    let read = File::open("/proc/self/mountinfo")
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_MOUNTINFO_BYTES), &mut text));
    if let Err(error) = read {
        tracing::warn!(%error, "cannot read /proc/self/mountinfo");
    }
    text.split(|&b| b == b'\n').filter_map(mount_of_line).collect()
}

fn mount_of_line(line: &[u8]) -> Option<(u64, PathBuf)> {
    let mut fields = line.split(|&b| b == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some((id, PathBuf::from(unescaped(fields.nth(3)?))))
}

/// Space, tab, newline and backslash stand as `\040` and the like.
fn unescaped(field: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if first == b'\\' => {
                out.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    OsString::from_vec(out)
}

impl Watcher {
    /// Looks again at every root that a changed mount lies in or above.
    pub(super) fn on_mounts_changed(&mut self) {
        let Some(mounts) = &mut self.mounts else { return };
        let points = mounts.changed_points();
        let touched = |root: &Path| points.iter().any(|point| point.starts_with(root) || root.starts_with(point));
        let roots: Vec<_> = self.roots.iter().filter(|(_, root)| touched(root.path())).map(|(&id, _)| id).collect();
        for id in roots {
            tracing::info!(root = %self.path_of_root(id).display(), "mounts changed: walking it again");
            self.place_root(id);
            self.walk_root(id, WalkReason::Mount);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn mountinfo_lines_give_identifier_and_point() {
        let line = br"36 35 98:0 /mnt1 /mnt\0402\134x rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_of_line(line), Some((36, PathBuf::from(r"/mnt 2\x"))));
        assert_eq!(mount_of_line(b""), None);
    }

    #[test]
    fn the_kernels_own_tables_are_told_from_folders() {
        let kind = |path: &str| FileSystem::of(File::open(path).unwrap().as_fd()).unwrap();
        assert_eq!(kind("/proc"), FileSystem::Pseudo);
        assert_eq!(kind("/sys"), FileSystem::Pseudo);
        assert!(!read_mounts().is_empty());
    }
}
