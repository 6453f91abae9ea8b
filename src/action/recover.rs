//! After a crash: completes what was begun, or puts it back, so that every file is whole, in one place, and recorded.
//!
//! A quarantine whose content is safely in the vault is completed, any other is undone and the file scanned again. A restore whose
//! file is at its place is completed, any other leaves the file in the vault.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, unlinkat};

use crate::config::Decision;
use crate::identity::Identity;
use crate::store::{Hold, HoldId, HoldKind, HoldState, Writer};

use super::lock::{give_mode_back, open_locked};
use super::open::{Inode, leads_to, look, open_parent};
use super::restore::PARTIAL;
use super::take::{Holding, Name, put_back, settle, taken_name};
use super::vault::{copy_name, final_name};
use super::{ActionError, OpenError, Vault, attributes, copy, lock};

/// What a start found unfinished.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Brought to their end.
    pub completed: Vec<HoldId>,
    /// Put back as if they had not begun.
    pub rolled_back: Vec<HoldId>,
    /// Not repaired, and why; they are tried again at the next start.
    pub failed: Vec<(HoldId, ActionError)>,
    /// What lies in the vault and is in no record, as after the loss of a history. Left alone; a person must look at it.
    pub strays: Vec<PathBuf>,
}

enum End {
    Completed,
    RolledBack,
}

impl Vault {
    /// Repairs what a crash cut short. For the daemon's start, before anything is scanned.
    ///
    /// # Errors
    /// `Store` or `Io` when nothing could be looked at; what goes wrong with a single file is in [`Recovered::failed`].
    pub fn recover(&self, writer: &mut Writer) -> Result<Recovered, ActionError> {
        let _exclusive = self.exclusive()?;
        let mut recovered = Recovered::default();
        for hold in writer.unfinished()? {
            match self.repair(writer, &hold) {
                Ok(End::Completed) => recovered.completed.push(hold.id),
                Ok(End::RolledBack) => recovered.rolled_back.push(hold.id),
                Err(error) => recovered.failed.push((hold.id, error)),
            }
        }
        recovered.strays = self.strays(&writer.holds()?)?;
        Ok(recovered)
    }

    fn strays(&self, holds: &[Hold]) -> Result<Vec<PathBuf>, ActionError> {
        let op = |e: io::Error| ActionError::during("list", self.path())(e);
        let recorded: HashSet<String> = holds.iter().map(|hold| final_name(&hold.token)).collect();
        let mut strays = Vec::new();
        for entry in Dir::read_from(self.as_fd()).map_err(|e| op(e.into()))? {
            let entry = entry.map_err(|e| op(e.into()))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let is_recorded = name.to_str().is_some_and(|name| recorded.contains(name));
            if !is_recorded && name != "." && name != ".." {
                strays.push(self.path().join(name));
            }
        }
        strays.sort();
        Ok(strays)
    }

    fn repair(&self, writer: &mut Writer, hold: &Hold) -> Result<End, ActionError> {
        match (hold.state, hold.kind) {
            (HoldState::Taking, HoldKind::Lock) => repair_lock(writer, hold),
            (HoldState::Restoring, HoldKind::Lock) => {
                let file = open_locked(hold)?;
                give_mode_back(writer, hold, &file).map(|_| End::Completed)
            }
            (HoldState::Taking, HoldKind::Quarantine) => self.repair_quarantine(writer, hold),
            (HoldState::Restoring, HoldKind::Quarantine) => self.repair_restore(writer, hold),
            _ => {
                self.remove(&final_name(&hold.token))?;
                writer.delete_done(hold.id, "deleted for good")?;
                Ok(End::Completed)
            }
        }
    }

    fn repair_quarantine(&self, writer: &mut Writer, hold: &Hold) -> Result<End, ActionError> {
        let mut remarks = vec!["completed after a crash".to_owned()];
        self.settle_taken(hold, &mut remarks)?;
        self.remove(&copy_name(&hold.token))?;
        let kept = final_name(&hold.token);
        let inode = Inode::from(&hold.identity);
        let op = |e: io::Error| ActionError::during("complete the quarantine of", &hold.path)(e);
        let is_linked = leads_to(self.as_fd(), OsStr::new(&kept), inode).map_err(op)?;
        let is_copied = !is_linked && hold.sha256.is_some() && self.has(&kept);
        if !is_linked && !is_copied {
            self.remove(&kept)?;
            return roll_back(writer, hold);
        }
        if is_copied && let Ok(source) = open_locked(hold) {
            attributes::shut(&source).map_err(op)?;
        }
        self.take_name_again(hold, is_copied, &mut remarks)?;
        let file = self.open(&kept).map_err(op)?;
        attributes::shut(&file).map_err(op)?;
        let hash = copy::hash(&file).map_err(op)?;
        writer.hold_taken(hold.id, Some(hash), &remarks.join("; "))?;
        Ok(End::Completed)
    }

    /// What was moved into the vault, or into a holding folder, and not looked at.
    fn settle_taken(&self, hold: &Hold, remarks: &mut Vec<String>) -> Result<(), ActionError> {
        let op = |e: io::Error| ActionError::during("tidy up after", &hold.path)(e);
        let parent = match open_parent(&hold.path) {
            Ok((parent, _)) => Some(parent),
            Err(OpenError::Vanished(_) | OpenError::Symlink(_)) => None,
            Err(e) => return Err(e.into()),
        };
        let back = parent.as_ref().map(AsFd::as_fd);
        let has_content = self.has(&final_name(&hold.token));
        self.settle_in(self.as_fd(), hold, back, has_content, remarks).map_err(op)?;
        let Some(parent) = &parent else { return Ok(()) };
        if let Some(holding) = Holding::open(parent.as_fd(), &hold.token).map_err(op)? {
            self.settle_in(holding.as_fd(), hold, back, has_content, remarks).map_err(op)?;
            holding.remove(parent.as_fd());
        }
        Ok(())
    }

    fn settle_in(
        &self,
        holding: BorrowedFd<'_>,
        hold: &Hold,
        back: Option<BorrowedFd<'_>>,
        has_content: bool,
        remarks: &mut Vec<String>,
    ) -> io::Result<()> {
        let taken = taken_name(&hold.token);
        if look(holding, OsStr::new(&taken)).is_err() {
            return Ok(());
        }
        if leads_to(holding, OsStr::new(&taken), Inode::from(&hold.identity))? {
            let kept = final_name(&hold.token);
            return settle(holding, &taken, (!has_content).then_some(&kept));
        }
        let name = hold.path.file_name().unwrap_or(OsStr::new("file"));
        put_back(holding, &taken, back.unwrap_or(holding), name, &hold.token, remarks);
        Ok(())
    }

    fn take_name_again(&self, hold: &Hold, is_copied: bool, remarks: &mut Vec<String>) -> Result<(), ActionError> {
        let op = |e: io::Error| ActionError::during("take away", &hold.path)(e);
        let (parent, name) = match open_parent(&hold.path) {
            Ok(found) => found,
            Err(OpenError::Vanished(_) | OpenError::Symlink(_)) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let away = |holding, remarks: &mut Vec<String>| {
            let inode = Inode::from(&hold.identity);
            Name { folder: parent.as_fd(), name: &name, inode, holding, token: &hold.token }.take(None, remarks)
        };
        if !is_copied {
            return away(self.as_fd(), remarks).map(drop).map_err(op);
        }
        let holding = Holding::make(parent.as_fd(), &hold.token).map_err(op)?;
        let taken = away(holding.as_fd(), remarks);
        holding.remove(parent.as_fd());
        taken.map(drop).map_err(op)
    }

    fn repair_restore(&self, writer: &mut Writer, hold: &Hold) -> Result<End, ActionError> {
        let is_placed = self.tidy_place(hold)?;
        let kept = final_name(&hold.token);
        if is_placed || !self.has(&kept) {
            self.empty(hold)?;
            self.remove_note(hold);
            writer.restore_done(hold.id, "completed after a crash")?;
            return Ok(End::Completed);
        }
        let file = self.open(&kept).map_err(ActionError::during("open in the vault", &hold.path))?;
        attributes::shut(&file).map_err(ActionError::during("shut again", &hold.path))?;
        writer.restore_failed(hold.id, "interrupted by a crash; it is still in the vault")?;
        Ok(End::RolledBack)
    }

    /// Removes a copy that did not get to its place. Answers whether one did.
    fn tidy_place(&self, hold: &Hold) -> Result<bool, ActionError> {
        let Some(target) = &hold.restored_to else { return Ok(false) };
        let (parent, name) = match open_parent(target) {
            Ok(found) => found,
            Err(OpenError::Vanished(_) | OpenError::Symlink(_)) => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        let op = |e: io::Error| ActionError::during("tidy up at", target)(e);
        let is_placed = match hold.placed {
            Some((device, inode)) => leads_to(parent.as_fd(), &name, Inode { device, inode }).map_err(op)?,
            None => false,
        };
        if let Some(holding) = Holding::open(parent.as_fd(), &hold.token).map_err(op)? {
            let _ = unlinkat(&holding.folder, PARTIAL, AtFlags::empty());
            holding.remove(parent.as_fd());
        }
        Ok(is_placed)
    }
}

fn repair_lock(writer: &mut Writer, hold: &Hold) -> Result<End, ActionError> {
    match open_locked(hold) {
        Ok(file) if mode_of(&file) == Some(0) && hold.attributes.mode != 0 => {
            writer.hold_taken(hold.id, None, &lock::remark(hold.attributes.uid))?;
            if let Ok(metadata) = file.metadata() {
                writer.known_as(hold.scan, &Identity::from(&metadata), Decision::Lock)?;
            }
            Ok(End::Completed)
        }
        _ => roll_back(writer, hold),
    }
}

fn mode_of(file: &File) -> Option<u32> {
    file.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o7777)
}

/// Leaves the file at its place as it was, if it is there.
fn roll_back(writer: &mut Writer, hold: &Hold) -> Result<End, ActionError> {
    let why = match open_locked(hold) {
        Ok(file) => {
            let op = ActionError::during("give the mode back to", &hold.path);
            let mut why = attributes::give_back(&file, &hold.attributes).map_err(op)?;
            attributes::give_back_flags(&file, &hold.attributes, &mut why);
            why.insert(0, "interrupted by a crash; the file is as it was and is scanned again".to_owned());
            why.join("; ")
        }
        Err(error) => format!("interrupted by a crash: {error}"),
    };
    writer.hold_failed(hold.id, &why)?;
    Ok(End::RolledBack)
}
