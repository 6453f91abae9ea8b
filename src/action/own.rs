//! Tells what modelscand itself left in a watched folder from what somebody else made to look like it.
//!
//! A name proves nothing: whoever writes in the folder may use it. A note is ours while it is, at its place, the very inode with
//! the times that the history has; what lies in a holding folder is ours while the act with that folder's random token is under way.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::identity::Identity;
use crate::store::{StoreError, Writer};

use super::open::Inode;
use super::{HOLDING_PREFIX, NOTE_SUFFIX};

/// Whether the name alone makes it worth asking [`is_ours`].
pub fn may_be_ours(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(NOTE_SUFFIX.as_bytes()) || holding_token(path).is_some()
}

/// Whether `file`, which was found at `path`, is modelscand's own: nothing to scan and nothing to record. To be asked between two
/// acts, not during one.
///
/// # Errors
/// When the history cannot be read.
pub fn is_ours(writer: &Writer, path: &Path, file: &File) -> Result<bool, StoreError> {
    let Ok(now) = file.metadata() else { return Ok(false) };
    if let Some(token) = holding_token(path)
        && (has_left(path, &Inode::from(&now)) || writer.is_under_way(token)?)
    {
        return Ok(true);
    }
    writer.is_note(path, &Identity::from(&now))
}

/// The token of the holding folder that a path lies in.
fn holding_token(path: &Path) -> Option<&str> {
    path.parent()?.file_name()?.to_str()?.strip_prefix(HOLDING_PREFIX)
}

/// Whether the inode is not there any more: what an act held for a moment is back at its own place, where it is found again.
fn has_left(path: &Path, inode: &Inode) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Inode::from(&metadata) != *inode,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
