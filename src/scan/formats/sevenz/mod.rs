//! 7z archives, which have carried malicious PyTorch files past scanners (nullifAI, ReversingLabs 2025).
//!
//! sevenz-rust2 reads the headers, with a bound on their memory; the data is decoded here, one decoder a block, so that members are
//! windows on it and nothing is unpacked that no format reads. Encrypted blocks and codecs that are not read are told.

mod coder;

use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use sevenz_rust2::{Archive, Error, Password};

use super::{Format, archive};
use crate::report::{Finding, PartialCause, Severity};
use crate::scan::decode::Decoded;
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use coder::Chain;

/// 7z archives.
pub static FORMAT: Format = Format {
    name: "7z",
    title: "7z archive",
    recognised_by: "magic number `7z` bc af 27 1c",
    looks_for: "what its members are; climbing names and links; encryption",
    rules: &[
        archive::PATH_ESCAPE_INFO,
        archive::LINK_INFO,
        archive::SPECIAL_FILE_INFO,
        archive::ENCRYPTED_INFO,
        archive::BOMB_INFO,
    ],
    recognise,
    scan,
};

/// Before the packed data, in bytes (7zFormat.txt, "SignatureHeader").
const SIGNATURE_HEADER_BYTES: u64 = 32;
/// Memory for the headers of an archive, in KiB.
const MAX_HEADER_KIB: usize = 64 * 1024;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    Ok(probe.head.starts_with(b"7z\xbc\xaf\x27\x1c"))
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let mut reader = Seekable { input, at: 0, size: input.size()? };
    let archive = Archive::read_with_memory_limit(&mut reader, &Password::empty(), MAX_HEADER_KIB)
        .map_err(|error| header_stop(scan, input, error))?;
    for entry in &archive.files {
        archive::judge_name(scan, input, entry.name().as_bytes(), 0);
        archive::judge_mode(scan, input, entry.name().as_bytes(), mode_of(entry), 0);
    }
    for block in 0..archive.blocks.len() {
        scan_block(scan, input, &archive, block)?;
    }
    Ok(())
}

fn header_stop(scan: &mut Scan<'_>, input: &Input, error: Error) -> Stop {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => encrypted(scan, input, "the list of members"),
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => {
            encrypted(scan, input, "the list of members")
        }
        Error::UnsupportedCompressionMethod(method) => Stop::Unsupported(format!("the 7z codec {method} is not read")),
        Error::Unsupported(what) => Stop::Unsupported(format!("this 7z archive is not read: {what}")),
        Error::ExternalUnsupported => Stop::Unsupported("this 7z archive keeps its headers elsewhere".into()),
        Error::MaxMemLimited { .. } => {
            Stop::Limit("the headers of this 7z archive take more memory than the limit".into())
        }
        Error::Io(error, _) if error.kind() != io::ErrorKind::UnexpectedEof => error.into(),
        other => Stop::Fault(format!("the 7z headers cannot be read: {other}")),
    }
}

fn encrypted(scan: &mut Scan<'_>, input: &Input, what: &str) -> Stop {
    let message = "The archive is encrypted and was not scanned";
    scan.finding(input, Finding::new(archive::ENCRYPTED, Severity::Medium, message).evidence(what));
    Stop::Encrypted(format!("{what} of the 7z archive is encrypted"))
}

/// Scans the members of one block: they are parts of one stream, in the order of the list.
fn scan_block(scan: &mut Scan<'_>, input: &Input, archive: &Archive, block: usize) -> Result<(), Stop> {
    let Some(packed) = packed_bytes(input, archive, block) else {
        return Err(Stop::Fault("a block of the 7z archive lies beyond any file".into()));
    };
    let chain = match Chain::of(archive, block) {
        Ok(chain) => chain,
        Err(coder::Refusal::Encrypted) => {
            let stop = encrypted(scan, input, "a block");
            scan.stopped(input, &stop);
            return Ok(());
        }
        Err(coder::Refusal::Unsupported(what)) => {
            scan.partial(input, PartialCause::Unsupported, &format!("the 7z codec {what} is not read"));
            return Ok(());
        }
    };
    let decoded = Rc::new(chain.decode(&packed)?);
    let mut offset = 0_u64;
    let in_block = archive.stream_map.file_block_index.iter().zip(&archive.files);
    for (_, entry) in in_block.filter(|(index, entry)| **index == Some(block) && entry.has_stream()) {
        let name = entry.name();
        let content = packed.derived(name, Rc::clone(&decoded) as _).slice(offset, entry.size());
        offset = offset.saturating_add(entry.size());
        judge_link(scan, input, entry, &content)?;
        scan.member(&content);
    }
    decoded.tell(scan, input);
    judge_missing(scan, input, &decoded, offset);
    Ok(())
}

/// Tells of a block that is shorter than its members.
fn judge_missing(scan: &mut Scan<'_>, input: &Input, decoded: &Decoded, expected: u64) {
    if decoded.decoded_size().is_some_and(|size| size < expected) {
        scan.partial(input, PartialCause::Fault, "a block of the 7z archive is shorter than its members");
    }
}

fn packed_bytes(input: &Input, archive: &Archive, block: usize) -> Option<Input> {
    let stream = *archive.stream_map.block_first_pack_stream_index().get(block)?;
    let offset = *archive.stream_map.pack_stream_offsets().get(stream)?;
    let at = SIGNATURE_HEADER_BYTES.checked_add(archive.pack_pos())?.checked_add(offset)?;
    Some(input.slice(at, *archive.pack_sizes().get(stream)?))
}

/// The mode of Unix, where p7zip keeps it: in the upper half of the attributes, announced by bit 15.
fn mode_of(entry: &sevenz_rust2::ArchiveEntry) -> u32 {
    const HAS_UNIX_MODE: u32 = 0x8000;
    let attributes = entry.windows_attributes();
    if attributes & HAS_UNIX_MODE != 0 { attributes >> 16 } else { 0 }
}

fn judge_link(
    scan: &mut Scan<'_>,
    input: &Input,
    entry: &sevenz_rust2::ArchiveEntry,
    content: &Input,
) -> Result<(), Stop> {
    const MAX_TARGET_BYTES: usize = 4096;
    if mode_of(entry) & 0o170_000 == 0o120_000 {
        let target = content.bytes_at(0, MAX_TARGET_BYTES)?;
        archive::judge_link(scan, input, entry.name().as_bytes(), &target, 0, true);
    }
    Ok(())
}

/// An input as sevenz-rust2 wants it.
struct Seekable<'a> {
    input: &'a Input,
    at: u64,
    size: u64,
}

impl Read for Seekable<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read_at(self.at, buf)?;
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Seekable<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests;
