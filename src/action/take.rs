//! Takes a name away from an inode, in a folder where somebody else may swap names at any moment.
//!
//! There is no system call that unlinks a name only if it still leads to a given inode. So the name is moved into a folder that
//! nobody else can write, looked at there, and unlinked if it is the one; anything else goes back to where it was, at once.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags, mkdirat, openat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::HOLDING_PREFIX;
use super::failpoint::{Step, reached};
use super::open::{Inode, leads_to, look, readable};

/// How often a name that is swapped under our hands is tried for.
const ROUNDS: usize = 64;
/// Entries of a folder that are looked through for another name.
const MAX_ENTRIES: usize = 200_000;

/// A name that is to be taken away.
pub(super) struct Name<'a> {
    /// The folder that it is in.
    pub folder: BorrowedFd<'a>,
    /// The name.
    pub name: &'a OsStr,
    /// What it must lead to.
    pub inode: Inode,
    /// A folder on the same file system that nobody else can write.
    pub holding: BorrowedFd<'a>,
    /// The random part of everything temporary.
    pub token: &'a str,
}

/// What became of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Away {
    /// It is away; this was it (another than before, when it was renamed in its folder).
    Taken(OsString),
    /// No name in that folder leads to the inode.
    NotThere,
    /// It was swapped again and again, faster than it could be taken.
    NotCaught,
}

impl Name<'_> {
    /// Takes the name away. With `keep_as` the inode gets that name in the holding folder, else only the name ends.
    ///
    /// # Errors
    /// What the system says to the rename; the name is still there then.
    pub(super) fn take(&self, keep_as: Option<&str>, remarks: &mut Vec<String>) -> io::Result<Away> {
        let taken = taken_name(self.token);
        for _ in 0..ROUNDS {
            let Some(candidate) = self.candidate()? else { return Ok(Away::NotThere) };
            match renameat_with(self.folder, &candidate, self.holding, &taken, RenameFlags::NOREPLACE) {
                Err(Errno::NOENT) => continue,
                other => other?,
            }
            reached(Step::NameInHolding);
            if leads_to(self.holding, OsStr::new(&taken), self.inode)? {
                settle(self.holding, &taken, keep_as)?;
                return Ok(Away::Taken(candidate));
            }
            put_back(self.holding, &taken, self.folder, &candidate, self.token, remarks);
        }
        Ok(Away::NotCaught)
    }

    fn candidate(&self) -> io::Result<Option<OsString>> {
        if leads_to(self.folder, self.name, self.inode)? {
            return Ok(Some(self.name.to_owned()));
        }
        find(self.folder, self.inode)
    }
}

/// The name in the holding folder of what was just moved there.
pub(super) fn taken_name(token: &str) -> String {
    format!("{token}.taken")
}

/// Ends the name of what was moved into the holding folder, or gives it its last one.
pub(super) fn settle(holding: BorrowedFd<'_>, taken: &str, keep_as: Option<&str>) -> io::Result<()> {
    match keep_as {
        Some(kept) => Ok(renameat_with(holding, taken, holding, kept, RenameFlags::NOREPLACE)?),
        None => Ok(unlinkat(holding, taken, AtFlags::empty())?),
    }
}

/// Puts something that was not meant back to its place. Where that is taken meanwhile, it goes beside it; where the folder is gone,
/// it stays in the holding folder. Both are told.
pub(super) fn put_back(
    holding: BorrowedFd<'_>,
    taken: &str,
    folder: BorrowedFd<'_>,
    name: &OsStr,
    token: &str,
    remarks: &mut Vec<String>,
) {
    if renameat_with(holding, taken, folder, name, RenameFlags::NOREPLACE).is_ok() {
        return;
    }
    let room = 255 - ".displaced-".len() - token.len();
    let mut beside = OsStr::from_bytes(name.as_bytes().get(..room).unwrap_or(name.as_bytes())).to_owned();
    beside.push(format!(".displaced-{token}"));
    let shown = crate::report::printable(&beside.to_string_lossy(), 1024);
    if renameat_with(holding, taken, folder, &beside, RenameFlags::NOREPLACE).is_ok() {
        remarks.push(format!("something else that was swapped into its place is now beside it as {shown}"));
        return;
    }
    // Whoever swaps again and again may displace more than one thing.
    let names =
        (0..ROUNDS).map(|n| if n == 0 { format!("{token}.displaced") } else { format!("{token}.{n}.displaced") });
    let mut free = names.filter(|kept| renameat_with(holding, taken, holding, kept, RenameFlags::NOREPLACE).is_ok());
    let kept = free.next().unwrap_or_else(|| taken.to_owned());
    remarks.push(format!("something else that was swapped into its place could not be put back and is kept as {kept}"));
}

/// Another name of the inode in the same folder.
fn find(folder: BorrowedFd<'_>, inode: Inode) -> io::Result<Option<OsString>> {
    let Ok(listed) = readable(folder) else { return Ok(None) };
    for entry in Dir::new(listed)?.take(MAX_ENTRIES) {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if entry.ino() == inode.inode && leads_to(folder, name, inode)? {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// A folder in somebody's folder that only we can write, on the same file system: what the vault is where the vault is elsewhere.
pub(super) struct Holding {
    pub folder: OwnedFd,
    name: String,
}

impl Holding {
    /// Makes it.
    pub(super) fn make(parent: BorrowedFd<'_>, token: &str) -> io::Result<Self> {
        let name = format!("{HOLDING_PREFIX}{token}");
        mkdirat(parent, &name, Mode::RWXU)?;
        reached(Step::HoldingMade);
        Self::open(parent, token)?.ok_or_else(|| io::Error::other("a folder that was just made is gone"))
    }

    /// Opens one that a crash left.
    pub(super) fn open(parent: BorrowedFd<'_>, token: &str) -> io::Result<Option<Self>> {
        let name = format!("{HOLDING_PREFIX}{token}");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match openat(parent, &name, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            other => File::from(other?),
        };
        let metadata = folder.metadata()?;
        let is_ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
        let same_device = metadata.dev() == look(parent, OsStr::new("."))?.metadata()?.dev();
        if is_ours && same_device {
            return Ok(Some(Self { folder: folder.into(), name }));
        }
        Err(io::Error::other("a folder that was just made is another one now"))
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Removes it. What is left in it, and it with that, stays.
    pub(super) fn remove(self, parent: BorrowedFd<'_>) {
        if let Err(error) = unlinkat(parent, &self.name, AtFlags::REMOVEDIR) {
            tracing::warn!(%error, folder = self.name, "a temporary folder could not be removed");
        }
    }
}
