//! Copies a file across file systems, whole and verified, and hashes it on the way.
//!
//! Blocks of zeros become holes, so that a sparse file stays one. The copy is on the disk before it counts.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, PermissionsExt};

use rustix::fs::{Mode, OFlags, ioctl_ficlone, openat};
use sha2::{Digest, Sha256 as Hasher};

use crate::store::Sha256;

use super::failpoint::{Step, reached};

const BLOCK_BYTES: usize = 1 << 20;
/// A hole is at least so long; smaller runs of zeros are written.
const HOLE_BYTES: usize = 64 << 10;

/// The SHA-256 of a file's content.
pub(super) fn hash(file: &File) -> io::Result<Sha256> {
    read_through(file, |_, _| Ok(())).map(|(hash, _)| hash)
}

/// Makes `name` in `folder`, a copy of `from`, with mode 000. Answers the copy, open for reading, and the hash of both.
///
/// # Errors
/// What the system says, and `InvalidData` when the copy does not read back as what was written. What was made stays then, for
/// the caller to remove.
pub(super) fn copy(from: &File, folder: BorrowedFd<'_>, name: &str) -> io::Result<(File, Sha256)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let to = File::from(openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
    reached(Step::CopyBegun);
    let written = if ioctl_ficlone(&to, from).is_ok() { hash(from)? } else { write_blocks(from, &to)? };
    to.sync_all()?;
    reached(Step::CopyWritten);
    if hash(&to)? != written {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the copy does not read back as it was written"));
    }
    to.set_permissions(Permissions::from_mode(0o000))?;
    Ok((to, written))
}

fn write_blocks(from: &File, to: &File) -> io::Result<Sha256> {
    let (hash, length) = read_through(from, |block, offset| {
        for (piece, at) in block.chunks(HOLE_BYTES).zip((offset..).step_by(HOLE_BYTES)) {
            if piece.iter().any(|byte| *byte != 0) {
                to.write_all_at(piece, at)?;
            }
        }
        Ok(())
    })?;
    to.set_len(length)?;
    Ok(hash)
}

/// Reads a file from its beginning to its end, whatever its offset. Answers the hash and the length.
fn read_through(file: &File, mut each: impl FnMut(&[u8], u64) -> io::Result<()>) -> io::Result<(Sha256, u64)> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut hasher = Hasher::new();
    let mut offset = 0_u64;
    loop {
        let length = match file.read_at(&mut block, offset) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let read = block.get(..length).unwrap_or_default();
        if read.is_empty() {
            return Ok((Sha256(hasher.finalize().into()), offset));
        }
        hasher.update(read);
        each(read, offset)?;
        offset += length as u64;
    }
}
