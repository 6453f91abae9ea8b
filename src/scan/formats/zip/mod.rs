//! Zip archives, and with them PyTorch files, npz, Keras v3, wheels and office documents.
//!
//! Readers of zip files differ: Python's zipfile, the miniz inside PyTorch, Java and streaming unpackers each believe another
//! record. An attacker shows a harmless member to the scanner and another one to the loader. So nothing is believed here: every
//! directory that some reader would use is read, every member is handed to the engine in each reading of its headers, what no
//! directory lists is searched for in the gaps, and contradictions are findings. Checksums are not verified: loaders do not.
//! Tensor data costs one read of its head.

mod directory;
mod judge;
mod layout;
mod member;
mod records;
mod survey;

use std::io;

use super::archive;
use super::{Format, RuleInfo};
use crate::report::{PartialCause, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use directory::Directory;

/// Zip archives.
pub static FORMAT: Format = Format {
    name: "zip",
    title: "Zip archive (PyTorch, npz, Keras, wheel, ...)",
    recognised_by: "a local header at the start, or an end record near the end",
    looks_for: "what its members are; records that contradict each other; hidden, climbing, encrypted and linked members",
    rules: &[
        archive::PATH_ESCAPE_INFO,
        archive::LINK_INFO,
        archive::SPECIAL_FILE_INFO,
        archive::HEADER_MISMATCH_INFO,
        RuleInfo {
            rule: archive::DUPLICATE_NAME,
            severity: Severity::High,
            summary: "Two members have the same name: one reader takes the first, another the last",
        },
        RuleInfo {
            rule: archive::UNLISTED_MEMBER,
            severity: Severity::High,
            summary: "A member that the directory does not list, but a reader that goes from the start sees",
        },
        RuleInfo {
            rule: archive::OVERLAP,
            severity: Severity::High,
            summary: "Two members share bytes, as in bombs and in files made for two readers",
        },
        archive::HIDDEN_DATA_INFO,
        archive::ENCRYPTED_INFO,
        archive::BOMB_INFO,
        layout::PACKAGE_INFO,
        layout::HANDLER_INFO,
    ],
    recognise,
    scan,
};

/// How much of the end of a member is searched for an end record. A file is searched as far as readers look; in an archive of a
/// thousand tensors that would read 64 MiB, so there only short comments are looked past.
const MEMBER_TAIL_BYTES: u64 = 512;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    if probe.head.starts_with(records::LOCAL) || probe.head.starts_with(records::END) {
        return Ok(true);
    }
    Ok(!tail_ends(probe.input)?.is_empty())
}

/// The end records near the end of `input`, last one first.
fn tail_ends(input: &Input) -> io::Result<Vec<directory::End>> {
    let is_cheap = input.depth() == 0 || !input.is_random_access();
    let size = input.size()?;
    let tail = if is_cheap { directory::TAIL_BYTES } else { MEMBER_TAIL_BYTES }.min(size);
    directory::ends_in(input, size - tail, tail)
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let max_entries = scan.limits().max_members;
    let mut directory = Directory::default();
    let size = input.size()?;
    let tail = directory::TAIL_BYTES.min(size);
    let ends = directory::ends_in(input, size - tail, tail)?;
    survey::follow_ends(&mut directory, input, &ends, max_entries)?;
    let is_listed = directory.is_found();
    let survey = survey::survey(scan, input, &mut directory)?;
    judge::report(scan, input, &directory, &survey);
    layout::judge(scan, input, &survey);
    member::scan_all(scan, input, &survey)?;
    judge::scan_gaps(scan, input, &survey)?;
    if directory.is_cut {
        scan.partial(input, PartialCause::Limit, "the archive has more entries than the limit");
    }
    if !is_listed {
        return Err(Stop::Fault("the archive has no central directory: it is cut off or was never finished".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
