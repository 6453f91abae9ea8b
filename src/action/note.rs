//! The note that tells a user why a file is gone, what was found, and what to do: `NAME.quarantined.txt`, the user's own.
//!
//! It is made in the folder's descriptor and never over anything; it is removed only where it still is what was written.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, openat};

use crate::caches::CacheKind;
use crate::identity::Identity;
use crate::report::{Report, printable};
use crate::store::{Hold, HoldId, Writer};

use super::open::{Inode, open_for_scan, open_parent};
use super::take::{Away, Holding, Name};
use super::{ActionError, Facts, NOTE_SUFFIX, Opened, Vault};

/// Findings that are named in a note.
const MAX_FINDINGS: usize = 20;
/// A note is never longer; a longer file is not one of ours.
const MAX_NOTE_BYTES: u64 = 64 << 10;

/// Where a note about a file goes: beside the name that people use. The hub's `blobs/` must hold blobs only, so where no snapshot
/// leads to a blob yet there is none, until [`Vault::leave_note`] is called for the snapshot's link.
pub(super) fn beside<'a>(facts: &Facts<'a>, opened: &'a Opened) -> Option<&'a Path> {
    match facts.names.first() {
        Some(name) => Some(&name.path),
        None if facts.origin.cache == CacheKind::Huggingface => None,
        None => Some(&opened.path),
    }
}

impl Vault {
    /// Leaves a note about a quarantined file beside `beside`, when notes are configured. Answers where; none when it could not be
    /// left (logged) or something of that name is there.
    pub fn leave_note(&self, writer: &mut Writer, id: HoldId, beside: &Path, report: &Report) -> Option<PathBuf> {
        if !self.leaves_notes() {
            return None;
        }
        let left = writer.hold(id).map_err(ActionError::from).and_then(|hold| -> Result<PathBuf, ActionError> {
            let place = beside.with_file_name(note_name(beside.file_name().unwrap_or_default()));
            writer.hold_noted(id, &place)?;
            let written = write(&place, &hold, report)?;
            writer.note_left(id, &written)?;
            Ok(place)
        });
        left.inspect_err(|error| tracing::warn!(%error, "no note was left about a quarantined file")).ok()
    }

    /// Removes the note about `hold`, if it is still the one that was left.
    pub(super) fn remove_note(&self, hold: &Hold) {
        let Some(path) = &hold.note else { return };
        if let Err(error) = self.try_remove_note(path, &hold.token) {
            tracing::debug!(%error, "a note was not removed");
        }
    }

    fn try_remove_note(&self, path: &Path, token: &str) -> Result<(), ActionError> {
        let note = open_for_scan(path)?;
        let op = |e: io::Error| ActionError::during("remove the note", path)(e);
        if !is_ours(&note.file, token).map_err(op)? {
            return Ok(());
        }
        let folder = note.parent.as_fd();
        let holding = Holding::make(folder, token).map_err(op)?;
        let inode = Inode::from(&note.identity);
        let name = Name { folder, name: &note.name, inode, holding: holding.as_fd(), token };
        let away = name.take(None, &mut Vec::new());
        holding.remove(folder);
        away.map(|away| debug_assert_ne!(away, Away::NotCaught)).map_err(op)
    }
}

fn note_name(name: &OsStr) -> OsString {
    let room = 255 - NOTE_SUFFIX.len();
    let mut note = OsStr::from_bytes(name.as_bytes().get(..room).unwrap_or(name.as_bytes())).to_owned();
    note.push(NOTE_SUFFIX);
    note
}

/// Answers the identity of what was written.
fn write(place: &Path, hold: &Hold, report: &Report) -> Result<Identity, ActionError> {
    let op = |e: io::Error| ActionError::during("leave a note at", place)(e);
    let (folder, name) = open_parent(place)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let mut note = File::from(openat(folder, name, flags, mode).map_err(|e| op(e.into()))?);
    note.write_all(text(hold, report).as_bytes()).map_err(op)?;
    let (uid, gid) = (hold.attributes.uid, hold.attributes.gid);
    if uid != rustix::process::geteuid().as_raw() {
        std::os::unix::fs::fchown(&note, Some(uid), Some(gid)).map_err(op)?;
    }
    Ok(Identity::from(&note.metadata().map_err(op)?))
}

fn text(hold: &Hold, report: &Report) -> String {
    let path = printable(&hold.path.to_string_lossy(), 8192);
    let mut text = format!("modelscand took this file out of reach before it could be loaded:\n\n    {path}\n\n");
    let _ = writeln!(text, "Verdict: {}. What was found in it:\n", report.verdict);
    for finding in report.findings.iter().take(MAX_FINDINGS) {
        let _ = writeln!(text, "    {:8} {}  {}", finding.severity, finding.rule, finding.evidence);
        let _ = writeln!(text, "             {}", finding.message);
    }
    let more = report.findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        let _ = writeln!(text, "    and {more} more");
    }
    let _ = write!(
        text,
        "\nIt was not deleted. What you can do:\n\n    \
         modelscand show {scan:<28} everything that was found\n    \
         modelscand quarantine restore {id:<13} put it back (add --allow if you trust it)\n    \
         modelscand quarantine delete {id:<14} delete it for good\n\n\
         Quarantined {now}. modelscand removes this note when the file is restored.\nReference: {token}\n",
        scan = hold.scan,
        id = hold.id,
        now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC"),
        token = hold.token,
    );
    text
}

fn is_ours(note: &File, token: &str) -> io::Result<bool> {
    let mut text = Vec::new();
    note.take(MAX_NOTE_BYTES).read_to_end(&mut text)?;
    Ok(text.ends_with(format!("Reference: {token}\n").as_bytes()))
}
