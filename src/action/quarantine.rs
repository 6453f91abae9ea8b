//! Takes a file into the vault.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, RenameFlags, linkat, renameat_with};
use rustix::io::Errno;

use crate::caches::Origin;
use crate::identity::Identity;
use crate::report::Report;
use crate::store::{Attributes, HoldId, HoldKind, Name as OtherName, NewHold, ScanId, Sha256, Writer};

use super::failpoint::{Step, reached};
use super::open::{Inode, sync_folder};
use super::take::{Away, Holding, Name, put_back, taken_name};
use super::vault::{copy_name, final_name, random_token};
use super::{ActionError, Opened, Vault, attributes, copy, note};

/// What a scan knows about the file that is acted upon.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The scan's number.
    pub scan: ScanId,
    /// What was found.
    pub report: &'a Report,
    /// What the file's path means.
    pub origin: &'a Origin,
    /// Symlinks that lead to the file; the note is left beside the first of them.
    pub names: &'a [OtherName],
}

/// A file that is out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number, for `quarantine restore`.
    pub id: HoldId,
    /// The hash of its content; none when it could not be read to its end.
    pub sha256: Option<Sha256>,
    /// The note that was left.
    pub note: Option<PathBuf>,
    /// What a person should know besides, each a sentence without a full stop.
    pub remarks: Vec<String>,
}

/// How the content came into the vault.
enum Pin {
    /// By a link: it is the very inode.
    Linked,
    /// It comes with its name: this file system has no links.
    ByName,
    /// By a copy.
    Copied(Sha256),
}

impl Pin {
    /// How many names of the inode are in the vault.
    fn links(&self) -> u64 {
        match self {
            Self::Linked | Self::ByName => 1,
            Self::Copied(_) => 0,
        }
    }
}

/// One quarantine under way.
struct Act<'a> {
    vault: &'a Vault,
    opened: &'a Opened,
    id: HoldId,
    inode: Inode,
    token: &'a str,
    remarks: Vec<String>,
}

impl Vault {
    /// Takes the file that was scanned into the vault: the inode behind `opened`, whatever its name leads to now.
    ///
    /// When it fails, the file is where and as it was, and the history says so; the caller may [`super::lock`] it instead.
    ///
    /// # Errors
    /// `Changed` when size or modification time are not those that were scanned, `Vanished`, `NotPermitted`, `Store`, `Io` (no
    /// space, a read-only file system, …).
    pub fn quarantine(
        &self,
        writer: &mut Writer,
        opened: &Opened,
        facts: &Facts<'_>,
    ) -> Result<Quarantined, ActionError> {
        let _exclusive = self.exclusive()?;
        ensure_unchanged(opened)?;
        let before = attributes::of(&opened.file).map_err(ActionError::during("look at", &opened.path))?;
        let token = random_token().map_err(ActionError::during("quarantine", &opened.path))?;
        let id = begin(writer, opened, facts.scan, HoldKind::Quarantine, &before, &token)?;
        reached(Step::IntentRecorded);
        let inode = Inode::from(&opened.identity);
        let mut act = Act { vault: self, opened, id, inode, token: &token, remarks: Vec::new() };
        let sha256 = match act.take(writer) {
            Ok(sha256) => sha256,
            Err(error) => return Err(act.undo(writer, &before, error)),
        };
        reached(Step::NameTaken);
        writer.hold_taken(id, sha256, &act.remarks.join("; "))?;
        reached(Step::TakenRecorded);
        let note = note::beside(facts, opened).and_then(|beside| self.leave_note(writer, id, beside, facts.report));
        Ok(Quarantined { id, sha256, note, remarks: act.remarks })
    }
}

impl Act<'_> {
    fn take(&mut self, writer: &mut Writer) -> Result<Option<Sha256>, ActionError> {
        let path = &self.opened.path;
        let is_ours = attributes::shut(&self.opened.file).map_err(ActionError::during("change the mode of", path))?;
        if !is_ours {
            self.remarks
                .push("it still belongs to its owner, who can change its mode under its other names".to_owned());
        }
        reached(Step::InodeLocked);
        let pin = self.pin(writer)?;
        reached(Step::InodePinned);
        self.take_name(&pin)?;
        self.vault.sync();
        sync_folder(self.opened.parent.as_fd());
        self.remark_on_other_names(&pin);
        match pin {
            Pin::Copied(sha256) => Ok(Some(sha256)),
            Pin::Linked | Pin::ByName => Ok(self.hash()),
        }
    }

    /// Gets the content into the vault while its name is still there.
    fn pin(&mut self, writer: &mut Writer) -> Result<Pin, ActionError> {
        match link(&self.opened.file, self.vault, &final_name(self.token)) {
            Ok(()) => Ok(Pin::Linked),
            Err(Errno::XDEV) => self.pin_copy(writer).map(Pin::Copied),
            Err(Errno::PERM | Errno::ACCESS | Errno::MLINK | Errno::OPNOTSUPP) => Ok(Pin::ByName),
            Err(Errno::NOENT) if self.names_left(0) > 0 => Ok(Pin::ByName),
            Err(e) => Err(ActionError::during("move into the vault", &self.opened.path)(e)),
        }
    }

    fn pin_copy(&mut self, writer: &mut Writer) -> Result<Sha256, ActionError> {
        let op = |e: io::Error| ActionError::during("copy into the vault", &self.opened.path)(e);
        let (partial, whole) = (copy_name(self.token), final_name(self.token));
        let (_, sha256) = copy::copy(&self.opened.file, self.vault.as_fd(), &partial).map_err(op)?;
        ensure_unchanged(self.opened)?;
        let vault = self.vault.as_fd();
        renameat_with(vault, &partial, vault, &whole, RenameFlags::NOREPLACE).map_err(|e| op(e.into()))?;
        self.vault.sync();
        reached(Step::CopyPlaced);
        writer.hold_copied(self.id, sha256)?;
        reached(Step::CopyRecorded);
        Ok(sha256)
    }

    fn take_name(&mut self, pin: &Pin) -> Result<(), ActionError> {
        let mut remarks = Vec::new();
        let away = match self.try_take_name(pin, &mut remarks) {
            Ok(away) => away,
            Err(_) if self.names_left(pin.links()) == 0 => Away::NotThere,
            Err(e) => return Err(ActionError::during("take away", &self.opened.path)(e)),
        };
        self.remarks.append(&mut remarks);
        match (pin, away) {
            (Pin::ByName, Away::NotThere | Away::NotCaught) => {
                return Err(ActionError::Changed { path: self.opened.path.clone() });
            }
            (_, away) => self.remark_on(&away),
        }
        Ok(())
    }

    fn try_take_name(&self, pin: &Pin, remarks: &mut Vec<String>) -> io::Result<Away> {
        let (parent, vault) = (self.opened.parent.as_fd(), self.vault.as_fd());
        let name =
            |holding| Name { folder: parent, name: &self.opened.name, inode: self.inode, holding, token: self.token };
        match pin {
            Pin::Linked => name(vault).take(None, remarks),
            Pin::ByName => name(vault).take(Some(&final_name(self.token)), remarks),
            Pin::Copied(_) => {
                let holding = Holding::make(parent, self.token)?;
                let away = name(holding.as_fd()).take(None, remarks);
                holding.remove(parent);
                away
            }
        }
    }

    /// Names of the inode besides those that the vault has.
    fn names_left(&self, in_vault: u64) -> u64 {
        self.opened.file.metadata().map_or(0, |metadata| metadata.nlink().saturating_sub(in_vault))
    }

    fn remark_on(&mut self, away: &Away) {
        match away {
            Away::Taken(name) if *name == self.opened.name => {}
            Away::Taken(name) => {
                let name = crate::report::printable(&name.to_string_lossy(), 1024);
                self.remarks.push(format!("it had been renamed to {name} meanwhile and was taken from there"));
            }
            Away::NotThere => {
                self.remarks.push("its name was gone from the folder meanwhile; any other name leads to a locked file".to_owned());
            }
            Away::NotCaught => self.remarks.push(
                "its name was swapped faster than it could be taken away; wherever it is now, it leads to a locked file".to_owned(),
            ),
        }
    }

    /// Other hard links keep the inode; they are locked with it.
    fn remark_on_other_names(&mut self, pin: &Pin) {
        let others = self.names_left(pin.links());
        if others > 0 {
            let names = if others == 1 { "1 other name leads" } else { &format!("{others} other names lead") };
            self.remarks.push(format!("{names} to the same file; it has mode 000 under every name"));
        }
    }

    /// The hash is for the record; content that cannot be read is in the vault all the same.
    fn hash(&mut self) -> Option<Sha256> {
        match copy::hash(&self.opened.file) {
            Ok(sha256) => Some(sha256),
            Err(error) => {
                self.remarks.push(format!("its content could not be read to the end: {error}"));
                None
            }
        }
    }

    /// Leaves the file as it was found, and records that. It has a name outside the vault here, or never left it.
    fn undo(&self, writer: &mut Writer, before: &Attributes, error: ActionError) -> ActionError {
        let (vault, taken, parent) = (self.vault.as_fd(), taken_name(self.token), self.opened.parent.as_fd());
        if self.vault.has(&taken) {
            put_back(vault, &taken, parent, &self.opened.name, self.token, &mut Vec::new());
        }
        for name in [copy_name(self.token), final_name(self.token)] {
            if let Err(error) = self.vault.remove(&name) {
                tracing::warn!(%error, "something was left in the vault");
            }
        }
        let mut why = error.to_string();
        match attributes::give_back(&self.opened.file, before) {
            Ok(mut remarks) => {
                attributes::give_back_flags(&self.opened.file, before, &mut remarks);
                why.extend(remarks.iter().map(|remark| format!("; {remark}")));
            }
            Err(error) => why.push_str(&format!("; its mode could not be given back: {error}")),
        }
        if let Err(error) = writer.hold_failed(self.id, &why) {
            tracing::warn!(%error, "the failed act could not be recorded; the next start repairs that");
        }
        error
    }
}

/// Size and modification time must be what was scanned. The change time alone moves when the file is renamed or linked, which
/// somebody could do for ever: the inode that was found bad is bad under any name.
pub(super) fn ensure_unchanged(opened: &Opened) -> Result<(), ActionError> {
    let metadata = opened.file.metadata().map_err(ActionError::during("look at", &opened.path))?;
    let (now, then) = (Identity::from(&metadata), opened.identity);
    if metadata.nlink() == 0 {
        Err(ActionError::Vanished { path: opened.path.clone() })
    } else if (Inode::from(&now), now.size, now.mtime_ns) != (Inode::from(&then), then.size, then.mtime_ns) {
        Err(ActionError::Changed { path: opened.path.clone() })
    } else {
        Ok(())
    }
}

/// Records the intent.
pub(super) fn begin(
    writer: &mut Writer,
    opened: &Opened,
    scan: ScanId,
    kind: HoldKind,
    before: &Attributes,
    token: &str,
) -> Result<HoldId, ActionError> {
    Ok(writer.begin_hold(&NewHold {
        scan,
        kind,
        path: opened.path.clone(),
        identity: opened.identity,
        attributes: before.clone(),
        token: token.to_owned(),
    })?)
}

/// Links the very inode behind a descriptor. AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH; an ordinary user goes through /proc.
fn link(file: &File, vault: &Vault, name: &str) -> Result<(), Errno> {
    match linkat(file, "", vault.as_fd(), name, AtFlags::EMPTY_PATH) {
        Err(Errno::NOENT | Errno::PERM | Errno::ACCESS | Errno::INVAL) => {}
        other => return other,
    }
    let itself = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    linkat(CWD, itself, vault.as_fd(), name, AtFlags::SYMLINK_FOLLOW)
}
