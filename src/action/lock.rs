//! Takes a file out of reach in its place: mode 000, the old one kept.
//!
//! The weaker measure: the file's owner can change the mode back, unless the inode is made immutable besides, and root can read it all
//! the same. It says so.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::Decision;
use crate::identity::Identity;
use crate::store::{Hold, HoldId, HoldKind, ScanId, Writer};

use super::failpoint::{Step, reached};
use super::open::{Inode, look, open_parent};
use super::quarantine::{begin, ensure_unchanged};
use super::restore::Restored;
use super::vault::random_token;
use super::{ActionError, Opened, attributes};

/// A file under lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Its number, for `quarantine restore`.
    pub id: HoldId,
    /// What a person should know besides.
    pub remark: String,
}

/// Sets mode 000 on the file that was scanned, whatever its name leads to now; with `immutable`, so that its owner cannot change that
/// back, where the rights and the file system allow it.
///
/// # Errors
/// As [`super::Vault::quarantine`]; the file is as it was then.
pub fn lock(writer: &mut Writer, opened: &Opened, scan: ScanId, immutable: bool) -> Result<Locked, ActionError> {
    ensure_unchanged(opened)?;
    let op = |e: io::Error| ActionError::during("lock", &opened.path)(e);
    let before = attributes::of(&opened.file).map_err(op)?;
    let token = random_token().map_err(op)?;
    let id = begin(writer, opened, scan, HoldKind::Lock, &before, &token)?;
    reached(Step::IntentRecorded);
    let shut = attributes::soften(&opened.file);
    if let Err(error) = shut.and_then(|()| opened.file.set_permissions(Permissions::from_mode(0o000))) {
        attributes::give_back_flags(&opened.file, &before, &mut Vec::new());
        let error = op(error);
        writer.hold_failed(id, &error.to_string())?;
        return Err(error);
    }
    reached(Step::InodeLocked);
    let remark = if immutable { make_immutable(&opened.file, before.uid) } else { remark(before.uid) };
    writer.hold_taken(id, None, &remark)?;
    let now = opened.file.metadata().map_err(op)?;
    writer.known_as(scan, &Identity::from(&now), Decision::Lock)?;
    Ok(Locked { id, remark })
}

fn make_immutable(file: &File, owner: u32) -> String {
    match attributes::make_immutable(file) {
        Ok(()) => "mode 000 and immutable; only root can read it or change that back".to_owned(),
        Err(error) => format!("{}; it could not be made immutable: {error}", remark(owner)),
    }
}

/// Gives a locked file its mode back.
///
/// # Errors
/// `Refused` when it is not under lock, `Changed` when something else is at its place, `Open`, `NotPermitted`, `Store`, `Io`.
pub fn unlock(writer: &mut Writer, id: HoldId) -> Result<Restored, ActionError> {
    let hold = writer.hold(id)?;
    if hold.kind != HoldKind::Lock {
        return Err(ActionError::Refused(format!("number {id} is in the vault, not under lock")));
    }
    let file = open_locked(&hold)?;
    writer.begin_restore(id, &hold.path)?;
    reached(Step::RestoreRecorded);
    give_mode_back(writer, &hold, &file)
}

/// The second half of an unlock, also after a crash.
pub(super) fn give_mode_back(writer: &mut Writer, hold: &Hold, file: &File) -> Result<Restored, ActionError> {
    match attributes::give_back(file, &hold.attributes) {
        Ok(mut remarks) => {
            attributes::give_back_flags(file, &hold.attributes, &mut remarks);
            reached(Step::AttributesRestored);
            writer.restore_done(hold.id, &remarks.join("; "))?;
            Ok(Restored { path: hold.path.clone(), remarks })
        }
        Err(error) => {
            let error = ActionError::during("give the mode back to", &hold.path)(error);
            writer.restore_failed(hold.id, &error.to_string())?;
            Err(error)
        }
    }
}

/// What a person should know of a lock.
pub(super) fn remark(owner: u32) -> String {
    if owner == 0 {
        "mode 000; root can read it all the same".to_owned()
    } else {
        format!("mode 000; its owner (user {owner}) can change that back, quarantine is stronger")
    }
}

/// Opens a file of mode 000 at its place, if it is the one that was taken. The number of an inode may have been used again
/// meanwhile, for a file that somebody else linked here: its size and modification time must be the same too.
pub(super) fn open_locked(hold: &Hold) -> Result<File, ActionError> {
    let (parent, name) = open_parent(&hold.path)?;
    let op = |e: io::Error| ActionError::during("open", &hold.path)(e);
    let found = look(parent.as_fd(), &name).map_err(op)?;
    let metadata = found.metadata().map_err(op)?;
    let (now, then) = (Identity::from(&metadata), hold.identity);
    let is_same = (Inode::from(&now), now.size, now.mtime_ns) == (Inode::from(&then), then.size, then.mtime_ns);
    if !metadata.is_file() || !is_same {
        return Err(ActionError::Changed { path: hold.path.clone() });
    }
    reopen(&found, metadata.mode()).map_err(op)
}

/// Opens the inode behind an `O_PATH` descriptor for reading. An ordinary user must give himself the right first.
fn reopen(found: &File, mode: u32) -> io::Result<File> {
    let itself = PathBuf::from(format!("/proc/self/fd/{}", found.as_raw_fd()));
    let open = |path: &Path| fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    match open(&itself) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(&itself, Permissions::from_mode(0o400))?;
            let opened = open(&itself);
            fs::set_permissions(&itself, Permissions::from_mode(mode & 0o7777))?;
            opened
        }
        other => other,
    }
}
