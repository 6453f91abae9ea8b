//! tar archives: POSIX, GNU and the old format without a magic number, which early PyTorch files are.
//!
//! Readers differ in where a member ends: some take the size from a pax record, some ignore the size of links and folders. Where
//! they do, the archive is followed on each way, so that no header can hide in what one reader takes for data. Every member goes
//! to the engine; early PyTorch keeps pickles in members named `pickle`, `storages` and `tensors`.

mod header;

use std::collections::HashSet;
use std::io;

use super::{Format, RuleInfo, archive};
use crate::report::{Finding, PartialCause, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use header::{BLOCK_BYTES, Header, Kind, Overrides};

const RULES: &[RuleInfo] = &[
    archive::PATH_ESCAPE_INFO,
    archive::LINK_INFO,
    archive::SPECIAL_FILE_INFO,
    archive::HEADER_MISMATCH_INFO,
    archive::HIDDEN_DATA_INFO,
];

/// tar archives.
pub static FORMAT: Format = Format {
    name: "tar",
    title: "tar archive (NeMo, early PyTorch, ...)",
    recognised_by: "a first header with the right checksum, or the magic `ustar`",
    looks_for: "what its members are; climbing names and links; devices; sizes that readers take differently",
    rules: RULES,
    recognise,
    scan,
};

/// The longest name or set of pax records that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 1 << 20;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let Some(block) = probe.head.first_chunk::<BLOCK_BYTES>() else { return Ok(false) };
    Ok(header::is_checksum_right(block) || header::has_magic(block))
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let mut walk = Walk { size: input.size()?, starts: vec![0], seen: HashSet::new() };
    // More than one start comes from readers that disagree; each way is followed until it meets one that was followed before.
    while let Some(start) = walk.starts.pop() {
        walk.follow(scan, input, start)?;
    }
    Ok(())
}

/// The way through an archive, or the ways.
struct Walk {
    size: u64,
    /// Where to go on.
    starts: Vec<u64>,
    /// Headers that were looked at.
    seen: HashSet<u64>,
}

impl Walk {
    /// Follows headers from `at` on to the end mark.
    fn follow(&mut self, scan: &mut Scan<'_>, input: &Input, mut at: u64) -> Result<(), Stop> {
        let mut overrides = Overrides::default();
        while at < self.size && self.seen.insert(at) {
            if self.seen.len() as u64 > scan.limits().max_members {
                return Err(Stop::Limit("the archive has more members than the limit".into()));
            }
            let block = input.bytes_at(at, BLOCK_BYTES)?;
            let Some(block) = block.first_chunk::<BLOCK_BYTES>() else {
                return Err(Stop::Fault("the archive ends inside a header".into()));
            };
            if block.iter().all(|byte| *byte == 0) {
                return self.after_end(scan, input, at);
            }
            let Some(header) = Header::parse(block) else {
                // At the beginning the rest is the file itself, which is being looked at.
                if at > 0 {
                    hand_over(scan, input, at, self.size)?;
                }
                return Err(Stop::Fault(format!("the header at {at} has a wrong checksum")));
            };
            at = self.step(scan, input, at, &header, &mut overrides)?;
        }
        Ok(())
    }

    /// Looks at the member at `at` and returns where the next header is.
    fn step(
        &mut self,
        scan: &mut Scan<'_>,
        input: &Input,
        at: u64,
        header: &Header,
        overrides: &mut Overrides,
    ) -> Result<u64, Stop> {
        let data_at = at.saturating_add(BLOCK_BYTES as u64);
        match header.kind {
            Kind::LongName | Kind::LongLink | Kind::Pax | Kind::PaxGlobal => {
                let data = read_record(input, data_at, header.size)?;
                overrides.take(header.kind, &data);
            }
            Kind::File | Kind::Sparse | Kind::Link | Kind::SymbolicLink | Kind::Folder | Kind::Special => {
                let member = std::mem::take(overrides).apply(header);
                *overrides = member.left.clone();
                judge(scan, input, at, &member);
                for size in member.sizes() {
                    let data = input.slice(data_at, size);
                    if size > 0 {
                        scan.member(&data.as_member(&String::from_utf8_lossy(&member.name)));
                    }
                }
                if member.kind == Kind::Sparse {
                    scan.partial(input, PartialCause::Unsupported, "a sparse member was read as it is stored");
                }
                return Ok(self.after_member(scan, input, data_at, &member));
            }
        }
        Ok(after(data_at, header.size))
    }

    /// Where the next header is, by the reading that most readers have; the others are noted as further starts.
    fn after_member(&mut self, scan: &mut Scan<'_>, input: &Input, data_at: u64, member: &header::Member) -> u64 {
        let (first, others) = member.ends();
        let next = after(data_at, first);
        for other in others.into_iter().flatten().map(|size| after(data_at, size)).filter(|other| *other != next) {
            if header::stands_at(input, other) {
                let message = "A member has one size for some readers and another for others: what comes next differs";
                let finding = Finding::new(archive::HEADER_MISMATCH, Severity::High, message);
                scan.finding(input, finding.at(data_at).evidence(String::from_utf8_lossy(&member.name)));
                self.starts.push(other);
            }
        }
        if next > self.size {
            scan.partial(input, PartialCause::Fault, "a member goes beyond the end of the archive");
        }
        next
    }

    /// Steps over the zeros that end an archive; further members, which `tar -i` reads, are followed.
    fn after_end(&mut self, scan: &mut Scan<'_>, input: &Input, at: u64) -> Result<(), Stop> {
        let Some(next) = after_zeros(input, at)? else { return Ok(()) };
        let block_at = next - next % BLOCK_BYTES as u64;
        if header::stands_at(input, block_at) {
            let message = "There are further members behind the end mark, which some readers see";
            scan.finding(input, Finding::new(archive::HIDDEN_DATA, Severity::Medium, message).at(block_at));
            self.starts.push(block_at);
            return Ok(());
        }
        hand_over(scan, input, next, self.size)
    }
}

/// Hands bytes that belong to no member to the engine.
fn hand_over(scan: &mut Scan<'_>, input: &Input, from: u64, size: u64) -> Result<(), Stop> {
    let rest = input.slice(from, size.saturating_sub(from)).as_member(&format!("(bytes at {from})"));
    let severity = if scan.member(&rest) { Severity::Medium } else { Severity::Low };
    let message = "There are bytes that belong to no member";
    scan.finding(input, Finding::new(archive::HIDDEN_DATA, severity, message).at(from));
    Ok(())
}

fn judge(scan: &mut Scan<'_>, input: &Input, at: u64, member: &header::Member) {
    for name in [Some(&member.name), member.prefixed_name.as_ref()].into_iter().flatten() {
        archive::judge_name(scan, input, name, at);
    }
    match member.kind {
        Kind::Link => archive::judge_link(scan, input, &member.name, &member.link, at, false),
        Kind::SymbolicLink => archive::judge_link(scan, input, &member.name, &member.link, at, true),
        _ => archive::judge_mode(scan, input, &member.name, member.mode, at),
    }
}

fn read_record(input: &Input, at: u64, size: u64) -> Result<Vec<u8>, Stop> {
    match usize::try_from(size) {
        Ok(wanted) if size <= MAX_RECORD_BYTES => Ok(input.bytes_at(at, wanted)?),
        _ => Err(Stop::Limit(format!("a name or pax record of {size} bytes is longer than the limit"))),
    }
}

/// Where the block after `size` bytes of data begins.
fn after(data_at: u64, size: u64) -> u64 {
    const BLOCK: u64 = BLOCK_BYTES as u64;
    data_at.saturating_add(size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX))
}

/// The first byte from `at` on that is not zero.
fn after_zeros(input: &Input, at: u64) -> io::Result<Option<u64>> {
    let mut cursor = input.cursor(at);
    loop {
        let bytes = cursor.peek(1)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let (zeros, seen) = (bytes.iter().take_while(|byte| **byte == 0).count(), bytes.len());
        cursor.skip(zeros as u64);
        if zeros < seen {
            return Ok(Some(cursor.offset()));
        }
    }
}

#[cfg(test)]
mod tests;
