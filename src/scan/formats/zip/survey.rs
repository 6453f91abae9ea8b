//! Lays the members of an archive out on its bytes: what each header claims, where claims differ, overlap or leave gaps.
//!
//! Reads headers only. Gaps are the one part that is read whole, since an unlisted member may begin anywhere in them; honest
//! archives have none.

use std::io;

use super::directory::{Directory, End, Entry, end_at};
use super::records::{self, Header, LOCAL_BYTES, Sizes, local_header, local_record_bytes};
use crate::report::PartialCause;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

/// One way to read a member's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) data_at: u64,
    pub(super) sizes: Sizes,
    pub(super) method: u16,
    pub(super) is_flagged_encrypted: bool,
}

/// A member: one local header and what all headers say of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    /// Where its local header is.
    pub(super) at: u64,
    pub(super) readings: Vec<Reading>,
    pub(super) mode: u32,
    pub(super) crc: u32,
    /// Extra fields and comments that may hold something: offset and size.
    pub(super) attachments: Vec<(u64, u64)>,
    has_descriptor: bool,
    pub(super) is_listed: bool,
    /// What its headers say against each other.
    pub(super) contradiction: Option<&'static str>,
    pub(super) unicode_name: Option<Vec<u8>>,
}

/// The members and what is between them.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) members: Vec<Member>,
    pub(super) gaps: Vec<(u64, u64)>,
    pub(super) comments: Vec<(u64, u64)>,
    /// Entries whose local header is nowhere.
    pub(super) lost: Vec<usize>,
}

/// Rounds of looking into gaps, following what is found there, and looking again.
const MAX_ROUNDS: usize = 8;
/// Signatures looked at in one gap; a gap with more of them is an attack on the scanner.
const MAX_SIGNATURES: usize = 65_536;
/// Read for a local header at first; those of PyTorch take up to 64 bytes of alignment.
const LOCAL_READ_BYTES: usize = 256;

/// Follows end records, last one first, but not those that belong to an archive stored as a member.
pub(super) fn follow_ends(directory: &mut Directory, input: &Input, ends: &[End], max_entries: u64) -> io::Result<()> {
    let size = input.size()?;
    for end in ends {
        let is_nested = directory.entries.iter().any(|entry| covers(entry, end.at));
        if !is_nested || end.comment_end == size {
            directory.follow(input, *end, max_entries)?;
        }
    }
    Ok(())
}

fn covers(entry: &Entry, at: u64) -> bool {
    let length = LOCAL_BYTES as u64 + entry.header.name.len() as u64;
    let length = length.saturating_add(entry.header.sizes.packed);
    entry.local_offsets.iter().any(|offset| (*offset..offset.saturating_add(length)).contains(&at))
}

/// Finds the local header of each entry, then the gaps, then what is in the gaps, until nothing new turns up.
pub(super) fn survey(scan: &mut Scan<'_>, input: &Input, directory: &mut Directory) -> Result<Survey, Stop> {
    let max_entries = scan.limits().max_members;
    let mut survey = Survey::default();
    let mut seen_entries = 0;
    for _ in 0..MAX_ROUNDS {
        survey.add_entries(input, directory, seen_entries)?;
        seen_entries = directory.entries.len();
        survey.find_gaps(input, directory)?;
        let known = survey.members.len();
        for (from, to) in survey.gaps.clone() {
            let found = signatures(input, from, to)?;
            if found.len() >= MAX_SIGNATURES {
                scan.partial(input, PartialCause::Limit, "too many zip signatures outside of members");
            }
            for (at, bytes) in &found {
                match end_at(bytes, *at) {
                    Some(end) => directory.follow(input, end, max_entries)?,
                    None if directory.entries.len() == seen_entries => survey.add_unlisted(input, *at, to)?,
                    None => {}
                }
            }
        }
        if directory.entries.len() == seen_entries && survey.members.len() == known {
            break;
        }
    }
    survey.comments.clone_from(&directory.comments);
    Ok(survey)
}

impl Survey {
    fn add_entries(&mut self, input: &Input, directory: &Directory, from: usize) -> io::Result<()> {
        let size = input.size()?;
        for (index, entry) in directory.entries.iter().enumerate().skip(from) {
            let mut found = None;
            for at in entry.local_offsets {
                found = match found {
                    None => read_local(input, at)?.map(|local| (at, local)),
                    found => found,
                };
            }
            match found {
                Some((at, local)) => self.members.push(Member::listed(entry, &local, at, size)),
                None => self.lost.push(index),
            }
        }
        Ok(())
    }

    /// A local header that stands in a gap, if it is one.
    fn add_unlisted(&mut self, input: &Input, at: u64, gap_end: u64) -> io::Result<()> {
        let is_inside_known = self.members.iter().rev().take(1).any(|last| !last.is_listed && at < last.end());
        if is_inside_known {
            return Ok(());
        }
        let Some(local) = read_local(input, at)? else { return Ok(()) };
        let data_at = at.saturating_add(local.record_bytes);
        let is_plausible = !local.name.is_empty() && local.name.len() <= 1024 && data_at <= gap_end;
        if is_plausible {
            self.members.push(Member::unlisted(&local, at, gap_end));
        }
        Ok(())
    }

    fn find_gaps(&mut self, input: &Input, directory: &Directory) -> io::Result<()> {
        let size = input.size()?;
        let mut covered: Vec<(u64, u64, bool)> =
            self.members.iter().map(|member| (member.at, member.end(), member.has_descriptor)).collect();
        covered.extend(directory.extents.iter().map(|&(from, to)| (from, to, false)));
        covered.push((size, size, false));
        covered.sort_unstable();
        self.gaps.clear();
        let (mut at, mut may_be_descriptor) = (0, false);
        for (from, to, has_descriptor) in covered {
            if from > at && !(may_be_descriptor && is_descriptor(input, at, from)?) {
                self.gaps.push((at, from));
            }
            if to >= at {
                (at, may_be_descriptor) = (to, has_descriptor);
            }
        }
        Ok(())
    }
}

/// `true` when the bytes between two members are a data descriptor: a checksum and two sizes, with or without signature.
fn is_descriptor(input: &Input, from: u64, to: u64) -> io::Result<bool> {
    let size = to.saturating_sub(from);
    let has_signature = input.bytes_at(from, 4)? == records::DESCRIPTOR;
    Ok(if has_signature { matches!(size, 16 | 24) } else { matches!(size, 12 | 20) })
}

impl Member {
    fn listed(entry: &Entry, local: &Header, at: u64, input_size: u64) -> Self {
        let central = &entry.header;
        let data_at = at.saturating_add(local.record_bytes);
        let mut readings = readings(central, data_at);
        let is_sized_later = local.has_descriptor() && (local.sizes.packed == 0 || local.sizes.size == 0);
        if !is_sized_later {
            readings.extend(self::readings(local, data_at));
        }
        let mut contradiction = contradiction(central, local, is_sized_later);
        if readings.iter().any(|reading| data_at.saturating_add(reading.sizes.packed) > input_size) {
            contradiction = Some("a member goes beyond the end of the file");
        }
        let is_flagged_encrypted = central.is_flagged_encrypted() || local.is_flagged_encrypted();
        readings.iter_mut().for_each(|reading| reading.is_flagged_encrypted = is_flagged_encrypted);
        let mut kept: Vec<Reading> = Vec::with_capacity(1);
        for reading in readings {
            if !kept.iter().any(|k| k.sizes.packed == reading.sizes.packed && k.method == reading.method) {
                kept.push(reading);
            }
        }
        let attachments = attachments(central, entry.at).chain(attachments(local, at)).collect();
        Self {
            name: central.name.clone(),
            at,
            readings: kept,
            mode: central.mode(),
            crc: central.crc,
            attachments,
            has_descriptor: central.has_descriptor() || local.has_descriptor(),
            is_listed: true,
            contradiction,
            unicode_name: central.unicode_name.clone().or_else(|| local.unicode_name.clone()),
        }
    }

    fn unlisted(local: &Header, at: u64, gap_end: u64) -> Self {
        let data_at = at.saturating_add(local.record_bytes);
        let mut readings = readings(local, data_at);
        for reading in &mut readings {
            let room = gap_end.saturating_sub(data_at);
            if local.has_descriptor() && reading.sizes.packed == 0 || reading.sizes.packed > room {
                reading.sizes.packed = room;
            }
        }
        Self {
            name: local.name.clone(),
            at,
            readings,
            mode: 0,
            crc: local.crc,
            attachments: attachments(local, at).collect(),
            has_descriptor: local.has_descriptor(),
            is_listed: false,
            contradiction: None,
            unicode_name: local.unicode_name.clone(),
        }
    }

    /// Where its data ends at the earliest.
    pub(super) fn end(&self) -> u64 {
        self.readings.iter().map(|r| r.data_at.saturating_add(r.sizes.packed)).min().unwrap_or(self.at)
    }
}

fn readings(header: &Header, data_at: u64) -> Vec<Reading> {
    let sizes = [Some(header.sizes), header.other_sizes];
    let reading =
        |sizes| Reading { data_at, sizes, method: header.method, is_flagged_encrypted: header.is_flagged_encrypted() };
    sizes.into_iter().flatten().map(reading).collect()
}

fn attachments(header: &Header, at: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
    header.attachments.iter().map(move |&(offset, size)| (at.saturating_add(offset), size))
}

/// What two headers of one member disagree on, if anything that matters to a reader.
fn contradiction(central: &Header, local: &Header, is_sized_later: bool) -> Option<&'static str> {
    let differs_in_size = !is_sized_later && (central.sizes != local.sizes || central.crc != local.crc);
    if central.name != local.name {
        Some("the directory and the member's own header give it different names")
    } else if central.method != local.method {
        Some("the directory and the member's own header name different compression methods")
    } else if central.is_flagged_encrypted() != local.is_flagged_encrypted() {
        Some("only one of a member's two headers says that it is encrypted")
    } else if differs_in_size {
        Some("the directory and the member's own header tell different sizes or checksums")
    } else if central.other_sizes.is_some() || local.other_sizes.is_some() {
        Some("a member's sizes and its zip64 sizes contradict each other")
    } else {
        None
    }
}

fn read_local(input: &Input, at: u64) -> io::Result<Option<Header>> {
    let mut bytes = input.bytes_at(at, LOCAL_READ_BYTES)?;
    let Some(wanted) = local_record_bytes(&bytes).and_then(|n| usize::try_from(n).ok()) else { return Ok(None) };
    if wanted > bytes.len() {
        bytes = input.bytes_at(at, wanted)?;
    }
    Ok(local_header(&bytes))
}

/// Signatures of local headers and end records between two offsets, each with the bytes that follow it.
fn signatures(input: &Input, from: u64, to: u64) -> io::Result<Vec<(u64, Vec<u8>)>> {
    const OVERLAP_BYTES: usize = 32;
    let finder = memchr::memmem::Finder::new(b"PK");
    let gap = input.slice(0, to);
    let mut cursor = gap.cursor(from);
    let mut found = Vec::new();
    while found.len() < MAX_SIGNATURES {
        let at = cursor.offset();
        let bytes = cursor.peek(OVERLAP_BYTES)?;
        let searched = if bytes.len() > OVERLAP_BYTES { bytes.len() - OVERLAP_BYTES } else { bytes.len() };
        for hit in finder.find_iter(bytes).take_while(|hit| *hit < searched) {
            let rest = bytes.get(hit..).unwrap_or_default();
            if rest.starts_with(records::LOCAL) || rest.starts_with(records::END) {
                found.push((at + hit as u64, rest.iter().copied().take(OVERLAP_BYTES).collect()));
            }
        }
        if bytes.len() <= OVERLAP_BYTES {
            break;
        }
        cursor.skip(searched as u64);
    }
    Ok(found)
}
