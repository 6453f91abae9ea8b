//! Gives an analyst what lies in the vault: a zip with a password, so that no mail gateway, indexer or careless click opens it.
//!
//! The file stays in the vault. In the zip it has a name that no loader takes for a model, with the record of it beside.

use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipWriter};

use crate::store::{Hold, HoldId, HoldKind, HoldState, Writer};

use super::open::open_parent;
use super::{ActionError, Vault};

/// The password that malware is passed on with, by convention.
pub const EXPORT_PASSWORD: &str = "infected";

/// The name of the record in the zip.
const RECORD_NAME: &str = "record.json";
/// Bytes read from the vault at once.
const BLOCK_BYTES: usize = 1 << 20;

impl Vault {
    /// Writes a zip, encrypted with AES-256 and `password`, to `to`: an absolute path without symbolic links, where nothing is yet.
    /// It has mode 0600 and holds the file as `NUMBER.quarantined` and `record` as `record.json`.
    ///
    /// # Errors
    /// `Refused` when it is not in the vault, `Occupied`, `ChangedInVault`, `Open`, `NotPermitted`, `Store`, `Io`; what was begun
    /// is removed then.
    pub fn export(
        &self,
        writer: &Writer,
        id: HoldId,
        to: &Path,
        password: &str,
        record: &[u8],
    ) -> Result<(), ActionError> {
        let _exclusive = self.exclusive()?;
        let hold = writer.hold(id)?;
        if hold.kind != HoldKind::Quarantine || hold.state != HoldState::Held {
            return Err(ActionError::Refused(format!(
                "number {id} is not in the vault; what is locked lies at its place"
            )));
        }
        let (kept, _) = self.open_verified(&hold)?;
        let op = |e: io::Error| ActionError::during("write", to)(e);
        let (folder, name) = open_parent(to)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = File::from(openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR).map_err(|e| op(e.into()))?);
        let written = write(&made, &kept, &hold, password, record);
        if written.is_err() {
            let _ = unlinkat(folder.as_fd(), &name, AtFlags::empty());
        }
        written.map_err(op)
    }
}

fn write(made: &File, kept: &File, hold: &Hold, password: &str, record: &[u8]) -> io::Result<()> {
    // Whatever the umask made of it.
    made.set_permissions(Permissions::from_mode(0o600))?;
    let mut zip = ZipWriter::new(made);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o400)
        .large_file(true)
        .with_aes_encryption(AesMode::Aes256, password);
    zip.start_file(format!("{}.quarantined", hold.id), options)?;
    copy(kept, &mut zip)?;
    zip.start_file(RECORD_NAME, options)?;
    zip.write_all(record)?;
    zip.finish()?.sync_all()
}

fn copy(mut from: &File, to: &mut impl Write) -> io::Result<()> {
    from.rewind()?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(length) => to.write_all(block.get(..length).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
