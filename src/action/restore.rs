//! Gives a file back: bit for bit, with owner, group, mode, times and attributes, never over anything and never through a link.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use jiff::Timestamp;
use rustix::fs::{AtFlags, RenameFlags, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::config::Decision;
use crate::identity::Identity;
use crate::store::{AllowSubject, Hold, HoldId, HoldKind, HoldState, NewAllow, Sha256, Writer};

use super::failpoint::{Step, reached};
use super::open::{look, open_parent, sync_folder};
use super::take::Holding;
use super::vault::final_name;
use super::{ActionError, Vault, attributes, copy, lock};

/// The name of a copy in the holding folder of a restore.
pub(super) const PARTIAL: &str = "restored";

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Where it was.
    OriginalPlace,
    /// An absolute path without symbolic links on the way.
    Path(PathBuf),
}

/// How a file is to be given back.
#[derive(Debug, Clone)]
pub struct Restore {
    /// Where it goes.
    pub to: To,
    /// Who trusts it and why, so that it is not caught again.
    pub allow: Option<Trust>,
}

/// Who trusts a content, and why.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Why.
    pub reason: String,
    /// Who, as a user id.
    pub author_uid: u32,
    /// Who, as a name.
    pub author: String,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// A file that was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where it is.
    pub path: PathBuf,
    /// What could not be given back, for a person.
    pub remarks: Vec<String>,
}

/// The place that a file goes to.
struct Place {
    folder: OwnedFd,
    name: OsString,
    path: PathBuf,
}

impl Vault {
    /// Gives a quarantined or locked file back.
    ///
    /// # Errors
    /// `Occupied` when something is at its place, `Open` when the folder is gone or reached through a link, `ChangedInVault`,
    /// `Refused`, `NotPermitted`, `Store`, `Io`; it is held as before then.
    pub fn restore(&self, writer: &mut Writer, id: HoldId, how: &Restore) -> Result<Restored, ActionError> {
        let _exclusive = self.exclusive()?;
        let hold = writer.hold(id)?;
        if hold.state != HoldState::Held {
            return Err(ActionError::Refused(format!(
                "number {id} is not held; `modelscand quarantine list` shows what is"
            )));
        }
        if hold.kind == HoldKind::Lock {
            return match how.to {
                To::OriginalPlace => lock::unlock(writer, id),
                To::Path(_) => {
                    Err(ActionError::Refused(format!("number {id} is locked in its place; restore it without --to")))
                }
            };
        }
        let (kept, hash) = self.open_verified(&hold)?;
        let place = find_place(&hold, &how.to)?;
        writer.begin_restore(id, &place.path)?;
        reached(Step::RestoreRecorded);
        let trusted = how.allow.as_ref().map(|trust| trust.of(hash));
        match self.give_back(writer, &hold, &kept, &place, trusted.as_ref()) {
            Ok(remarks) => self.finish(writer, &hold, &place, remarks),
            Err(error) => Err(self.keep(writer, &hold, &kept, trusted.as_ref(), error)),
        }
    }

    pub(super) fn open_verified(&self, hold: &Hold) -> Result<(File, Sha256), ActionError> {
        let op = |e: io::Error| ActionError::during("read from the vault what was", &hold.path)(e);
        let kept = self.open(&final_name(&hold.token)).map_err(op)?;
        let hash = copy::hash(&kept).map_err(op)?;
        if hold.sha256.is_some_and(|recorded| recorded != hash) {
            return Err(ActionError::ChangedInVault { path: hold.path.clone() });
        }
        Ok((kept, hash))
    }

    /// Everything up to the moment when the file is at its place and nowhere else. What is allowed is recorded before, so that a
    /// watching daemon does not catch it at once.
    fn give_back(
        &self,
        writer: &mut Writer,
        hold: &Hold,
        kept: &File,
        place: &Place,
        trusted: Option<&NewAllow>,
    ) -> Result<Vec<String>, ActionError> {
        if let Some(entry) = trusted {
            writer.allow(entry)?;
        }
        let op = |e: io::Error| ActionError::during("restore to", &place.path)(e);
        let mut remarks = attributes::give_back(kept, &hold.attributes).map_err(op)?;
        reached(Step::AttributesRestored);
        let name = final_name(&hold.token);
        let placed = match renameat_with(self.as_fd(), &name, &place.folder, &place.name, RenameFlags::NOREPLACE) {
            Ok(()) => kept.try_clone().map_err(op)?,
            Err(Errno::XDEV) => {
                attributes::shut(kept).map_err(op)?;
                let (copied, more) = self.place_copy(writer, hold, kept, place)?;
                remarks = more;
                copied
            }
            Err(e) => return Err(op(e.into())),
        };
        reached(Step::FilePlaced);
        sync_folder(place.folder.as_fd());
        self.sync();
        attributes::give_back_flags(&placed, &hold.attributes, &mut remarks);
        let identity = Identity::from(&placed.metadata().map_err(op)?);
        match trusted {
            Some(_) => writer.known_as(hold.scan, &identity, Decision::Allow)?,
            None => writer.forget(&identity)?,
        }
        Ok(remarks)
    }

    fn place_copy(
        &self,
        writer: &mut Writer,
        hold: &Hold,
        kept: &File,
        place: &Place,
    ) -> Result<(File, Vec<String>), ActionError> {
        let op = |e: io::Error| ActionError::during("restore to", &place.path)(e);
        let holding = Holding::make(place.folder.as_fd(), &hold.token).map_err(op)?;
        let made = self.copy_into(writer, hold, kept, place, &holding);
        if made.is_err() {
            let _ = unlinkat(&holding.folder, PARTIAL, AtFlags::empty());
        }
        holding.remove(place.folder.as_fd());
        made
    }

    fn copy_into(
        &self,
        writer: &mut Writer,
        hold: &Hold,
        kept: &File,
        place: &Place,
        holding: &Holding,
    ) -> Result<(File, Vec<String>), ActionError> {
        let op = |e: io::Error| ActionError::during("restore to", &place.path)(e);
        let (copied, hash) = copy::copy(kept, holding.as_fd(), PARTIAL).map_err(op)?;
        if hold.sha256.is_some_and(|recorded| recorded != hash) {
            return Err(ActionError::ChangedInVault { path: hold.path.clone() });
        }
        let remarks = attributes::give_back(&copied, &hold.attributes).map_err(op)?;
        copied.sync_all().map_err(op)?;
        reached(Step::RestoreCopied);
        let metadata = copied.metadata().map_err(op)?;
        writer.restore_placed(hold.id, metadata.dev(), metadata.ino())?;
        reached(Step::PlaceRecorded);
        renameat_with(holding.as_fd(), PARTIAL, &place.folder, &place.name, RenameFlags::NOREPLACE)
            .map_err(|e| op(e.into()))?;
        Ok((copied, remarks))
    }

    fn finish(
        &self,
        writer: &mut Writer,
        hold: &Hold,
        place: &Place,
        remarks: Vec<String>,
    ) -> Result<Restored, ActionError> {
        self.empty(hold)?;
        reached(Step::VaultEmptied);
        self.remove_note(hold);
        writer.restore_done(hold.id, &remarks.join("; "))?;
        reached(Step::RestoreDone);
        Ok(Restored { path: place.path.clone(), remarks })
    }

    /// Removes from the vault what was restored as a copy. Other names that the inode still has get its attributes back.
    pub(super) fn empty(&self, hold: &Hold) -> Result<(), ActionError> {
        let name = final_name(&hold.token);
        if !self.has(&name) {
            return Ok(());
        }
        let kept = self.open(&name).map_err(ActionError::during("open in the vault", &hold.path))?;
        if kept.metadata().is_ok_and(|metadata| metadata.nlink() > 1) {
            let _ = attributes::give_back(&kept, &hold.attributes);
        }
        self.remove(&name)
    }

    /// After a failure: held as before.
    fn keep(
        &self,
        writer: &mut Writer,
        hold: &Hold,
        kept: &File,
        trusted: Option<&NewAllow>,
        error: ActionError,
    ) -> ActionError {
        if !self.has(&final_name(&hold.token)) {
            return error;
        }
        let shut = attributes::shut(kept).map(drop).map_err(ActionError::during("shut again", &hold.path));
        let taken_back = trusted.map_or(Ok(false), |entry| writer.disallow(&entry.subject));
        let recorded = writer.restore_failed(hold.id, &error.to_string());
        for problem in [shut, taken_back.map(drop).map_err(ActionError::from), recorded.map_err(ActionError::from)] {
            if let Err(problem) = problem {
                tracing::warn!(%problem, "a failed restore was not cleaned up; the next start repairs that");
            }
        }
        error
    }
}

impl Trust {
    fn of(&self, hash: Sha256) -> NewAllow {
        NewAllow {
            subject: AllowSubject::Sha256(hash),
            reason: self.reason.clone(),
            author_uid: self.author_uid,
            author: self.author.clone(),
            expires_at: self.expires_at,
        }
    }
}

fn find_place(hold: &Hold, to: &To) -> Result<Place, ActionError> {
    let path = match to {
        To::OriginalPlace => hold.path.clone(),
        To::Path(path) => path.clone(),
    };
    let (folder, name) = open_parent(&path)?;
    match look(folder.as_fd(), &name) {
        Ok(_) => Err(ActionError::Occupied { path }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Place { folder, name, path }),
        Err(e) => Err(ActionError::during("look at", &path)(e)),
    }
}
