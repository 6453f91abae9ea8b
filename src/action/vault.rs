//! The vault: a folder of ours alone, where quarantined files lie with mode 000 under names that nobody can guess and no loader
//! takes for a model.
//!
//! Every act holds a lock on the folder, so that two processes (a daemon and a command) never work on one file, and what
//! [`Vault::recover`] finds unfinished was cut short by a crash.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, chmodat, flock, openat, unlinkat};
use rustix::io::Errno;

use crate::store::{HoldId, HoldKind, HoldState, Writer};

use super::ActionError;
use super::failpoint::{Step, reached};
use super::open::{look, sync_folder};

/// The folder where quarantined files are kept.
#[derive(Debug)]
pub struct Vault {
    folder: File,
    path: PathBuf,
    leaves_notes: bool,
}

/// Held for the time of one act.
pub(super) struct Exclusive(File);

impl Drop for Exclusive {
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Vault {
    /// Opens the vault at `path`, and makes it (0700) where there is none. With `leaves_notes`, a note says why a file is gone.
    ///
    /// # Errors
    /// `UnsafeVault` when it is a symbolic link, belongs to somebody else, can be entered by others, or lies in a folder that
    /// others can change; `NotPermitted`, `Io`.
    pub fn open_or_create(path: &Path, leaves_notes: bool) -> Result<Self, ActionError> {
        let op = |what| ActionError::during::<io::Error>(what, path);
        match fs::DirBuilder::new().recursive(true).mode(0o700).create(path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(op("create the vault")(e)),
            _ => {}
        }
        let unsafe_ = |reason: String| ActionError::UnsafeVault { path: path.to_owned(), reason };
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let folder = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Err(e) if matches!(Errno::from_io_error(&e), Some(Errno::LOOP | Errno::NOTDIR)) => {
                return Err(unsafe_(
                    "it is a symbolic link or not a folder; set `vault.path` to a real folder".to_owned(),
                ));
            }
            other => other.map_err(op("open the vault"))?,
        };
        let metadata = folder.metadata().map_err(op("open the vault"))?;
        if let Some(reason) = reason_to_refuse(&metadata, path).map_err(op("look at the vault"))? {
            return Err(unsafe_(reason));
        }
        Ok(Self { folder, path: path.to_owned(), leaves_notes })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a note says why a file is gone.
    pub(super) fn leaves_notes(&self) -> bool {
        self.leaves_notes
    }

    /// Deletes a quarantined file for good.
    ///
    /// # Errors
    /// `Store` (also for a number that is not held), `NotPermitted`, `Io`; it is still held then, or the next
    /// [`Vault::recover`] completes it.
    pub fn delete(&self, writer: &mut Writer, id: HoldId) -> Result<(), ActionError> {
        let _exclusive = self.exclusive()?;
        let hold = writer.hold(id)?;
        writer.begin_delete(id)?;
        reached(Step::DeleteRecorded);
        self.remove(&final_name(&hold.token))?;
        reached(Step::Deleted);
        writer.delete_done(id, "deleted for good")?;
        Ok(())
    }

    /// Deletes what has been held for more than `keep_days` days; 0 keeps for ever. Answers what was deleted.
    ///
    /// # Errors
    /// As [`Vault::delete`].
    pub fn prune(&self, writer: &mut Writer, keep_days: u32) -> Result<Vec<HoldId>, ActionError> {
        if keep_days == 0 {
            return Ok(Vec::new());
        }
        let age = SignedDuration::from_hours(24 * i64::from(keep_days));
        let before = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
        let is_old = |hold: &crate::store::Hold| {
            hold.kind == HoldKind::Quarantine && hold.state == HoldState::Held && hold.since < before
        };
        let old: Vec<HoldId> = writer.holds()?.iter().filter(|hold| is_old(hold)).map(|hold| hold.id).collect();
        old.iter().try_for_each(|id| self.delete(writer, *id))?;
        Ok(old)
    }

    /// Deletes the oldest files held while all of them together have more than `max_bytes` bytes; 0 is no limit. The newest is kept
    /// whatever its size. Answers what was deleted.
    ///
    /// # Errors
    /// As [`Vault::delete`].
    pub fn prune_to_size(&self, writer: &mut Writer, max_bytes: u64) -> Result<Vec<HoldId>, ActionError> {
        if max_bytes == 0 {
            return Ok(Vec::new());
        }
        let mut held = writer.holds()?;
        held.retain(|hold| hold.kind == HoldKind::Quarantine && hold.state == HoldState::Held);
        let mut bytes = 0_u64;
        let too_much = held.iter().rev().enumerate().filter_map(|(newer, hold)| {
            bytes = bytes.saturating_add(hold.identity.size);
            (newer > 0 && bytes > max_bytes).then_some(hold.id)
        });
        let mut old: Vec<HoldId> = too_much.collect();
        old.reverse();
        old.iter().try_for_each(|id| self.delete(writer, *id))?;
        Ok(old)
    }

    /// Waits until no other act is under way, here or in another process.
    pub(super) fn exclusive(&self) -> Result<Exclusive, ActionError> {
        let op = |e: Errno| ActionError::during("lock the vault", &self.path)(e);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own = File::from(openat(&self.folder, ".", flags, Mode::empty()).map_err(op)?);
        loop {
            match flock(&own, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                other => break other.map_err(op)?,
            }
        }
        Ok(Exclusive(own))
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Whether there is something of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        look(self.as_fd(), OsStr::new(name)).is_ok()
    }

    /// Opens what lies here for reading, and shuts it again: an ordinary user may not read a file of mode 000 that is his own.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, name, flags, Mode::empty()) {
            Err(Errno::ACCESS) => {
                chmodat(&self.folder, name, Mode::RUSR, AtFlags::empty())?;
                let file = File::from(openat(&self.folder, name, flags, Mode::empty())?);
                file.set_permissions(Permissions::from_mode(0o000))?;
                file
            }
            other => File::from(other?),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
    }

    /// Removes what is called `name` here, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), ActionError> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {
                self.sync();
                Ok(())
            }
            Err(e) => Err(ActionError::during("delete from the vault", &self.path.join(name))(e)),
        }
    }

    pub(super) fn sync(&self) {
        sync_folder(self.as_fd());
    }
}

/// The name of a quarantined file.
pub(super) fn final_name(token: &str) -> String {
    format!("{token}.quarantined")
}

/// The name of a copy that is not whole yet.
pub(super) fn copy_name(token: &str) -> String {
    format!("{token}.copy")
}

/// 128 random bits in hex: nobody can guess a name, and none comes twice.
pub(super) fn random_token() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    let length = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())?;
    if length != bytes.len() {
        return Err(io::Error::other("the system gave too few random bytes"));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn reason_to_refuse(metadata: &fs::Metadata, path: &Path) -> io::Result<Option<String>> {
    let us = rustix::process::geteuid().as_raw();
    if metadata.uid() != us {
        return Ok(Some(format!("it belongs to user {}, not to {us}; remove it or set `vault.path`", metadata.uid())));
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o7777;
        return Ok(Some(format!("others may enter it (mode {mode:o}); look at what is in it, then `chmod 700` it")));
    }
    // Whoever owns `/` is trusted like root: in a user namespace the machine's root has another number.
    let root = fs::metadata("/")?.uid();
    for folder in fs::canonicalize(path)?.ancestors().skip(1) {
        let metadata = fs::metadata(folder)?;
        let is_sticky = metadata.mode() & 0o1000 != 0;
        let others_write = metadata.mode() & 0o022 != 0 && !is_sticky;
        if others_write || ![us, 0, root].contains(&metadata.uid()) {
            return Ok(Some(format!("others can change the folder {} above it; set `vault.path`", folder.display())));
        }
    }
    Ok(None)
}
