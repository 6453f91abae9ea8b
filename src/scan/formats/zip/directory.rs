//! Finds every end record and reads every central directory that some reader of zip files would read.
//!
//! Readers look for the end record from the end of the file and take the last one, or the one whose comment reaches the end of the
//! file; they find the directory by its offset (miniz, Go) or by its size counted back from the end record (Python, Java), and
//! count its entries or its bytes. Each of these readings is followed here; what they do not agree on is noted as a contradiction.

use std::io;

use super::records::{
    self, END_BYTES, END64_BYTES, EndClaim, Header, LOCATOR64_BYTES, central_header, end_record, end64_record,
};
use crate::scan::input::Input;

/// How far from the end readers look for the end record: its own size and the longest comment.
pub(super) const TAIL_BYTES: u64 = END_BYTES as u64 + 0xffff;
/// Memory that the names of all entries may take, in bytes.
const MAX_NAME_BYTES: u64 = 64 << 20;

/// An end record and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) at: u64,
    claim: EndClaim,
    /// Where its comment ends.
    pub(super) comment_end: u64,
}

/// One entry of a central directory.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where its central header is.
    pub(super) at: u64,
    pub(super) header: Header,
    /// Where its local header should be: moved by what stands before the archive, and as written.
    pub(super) local_offsets: [u64; 2],
}

/// What the directories of a file hold, over all readings.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) entries: Vec<Entry>,
    /// Runs of bytes that records take.
    pub(super) extents: Vec<(u64, u64)>,
    /// Runs of bytes that the comments of end records take.
    pub(super) comments: Vec<(u64, u64)>,
    /// What the records say against each other, and where.
    pub(super) contradictions: Vec<(u64, &'static str)>,
    /// Where the directories that were read begin, in the order of reading.
    starts: Vec<u64>,
    /// End records that were followed already.
    ends: Vec<u64>,
    name_bytes: u64,
    /// Entries were left out, since there are too many.
    pub(super) is_cut: bool,
}

/// The end records in the last bytes of `input` or before `end`, last one first.
pub(super) fn ends_in(input: &Input, from: u64, size: u64) -> io::Result<Vec<End>> {
    let Ok(wanted) = usize::try_from(size.min(TAIL_BYTES)) else { return Ok(Vec::new()) };
    let tail = input.bytes_at(from, wanted)?;
    let found = memchr::memmem::rfind_iter(&tail, records::END);
    Ok(found.filter_map(|at| end_at(tail.get(at..)?, from + at as u64)).collect())
}

/// The end record that `bytes`, which stand at `at`, begin with.
pub(super) fn end_at(bytes: &[u8], at: u64) -> Option<End> {
    let (claim, comment_len) = end_record(bytes)?;
    Some(End { at, claim, comment_end: at.checked_add(END_BYTES as u64)?.checked_add(comment_len)? })
}

impl Directory {
    /// Reads the directories that `end` leads to; at most `max_entries` entries are kept in all.
    pub(super) fn follow(&mut self, input: &Input, end: End, max_entries: u64) -> io::Result<()> {
        if self.ends.contains(&end.at) {
            return Ok(());
        }
        self.ends.push(end.at);
        let size = input.size()?;
        self.extents.push((end.at, end.comment_end.min(size)));
        self.comments.push((end.at.saturating_add(END_BYTES as u64), end.comment_end.min(size)));
        if end.comment_end > size {
            self.contradictions.push((end.at, "the comment of the end record is longer than the file"));
        }
        let is_other = !self.starts.is_empty();
        let before = self.starts.len();
        let claims64 = self.zip64_claims(input, end)?;
        // PyTorch writes both records with the same values; the directory then ends at the zip64 one.
        let is_repeated = claims64.iter().any(|(claim, _)| end.claim.agrees_with(claim));
        if !is_repeated && (!end.claim.is_saturated() || claims64.is_empty()) {
            self.read(input, end.claim, end.at, max_entries)?;
        }
        for (claim, anchor) in claims64 {
            if !end.claim.agrees_with(&claim) {
                self.contradictions.push((end.at, "the end record and its zip64 record disagree"));
            }
            self.read(input, claim, anchor, max_entries)?;
        }
        if is_other && self.starts.len() > before {
            self.contradictions.push((end.at, "there is more than one central directory"));
        }
        Ok(())
    }

    /// `true` when a directory was read, or an end record of an empty archive was seen.
    pub(super) fn is_found(&self) -> bool {
        !self.starts.is_empty()
    }

    /// The zip64 end records of `end`: where the locator says, and right before the locator (where Python looks).
    fn zip64_claims(&mut self, input: &Input, end: End) -> io::Result<Vec<(EndClaim, u64)>> {
        let Some(locator_at) = end.at.checked_sub(LOCATOR64_BYTES as u64) else { return Ok(Vec::new()) };
        let locator = input.bytes_at(locator_at, LOCATOR64_BYTES)?;
        let Some(pointed) = records::locator64(&locator) else { return Ok(Vec::new()) };
        self.extents.push((locator_at, end.at));
        let mut claims: Vec<(EndClaim, u64)> = Vec::new();
        for at in [Some(pointed), locator_at.checked_sub(END64_BYTES as u64)].into_iter().flatten() {
            let record = input.bytes_at(at, END64_BYTES)?;
            match end64_record(&record) {
                Some(claim) if !claims.iter().any(|(_, known)| *known == at) => {
                    self.extents.push((at, at + END64_BYTES as u64));
                    claims.push((claim, at));
                }
                _ => {}
            }
        }
        // Bytes before the archive move what is behind them: then only the record before the locator is there to find.
        Ok(claims)
    }

    /// Reads the directory that `claim` describes, at both places where readers look; `anchor` is where it should end.
    fn read(&mut self, input: &Input, claim: EndClaim, anchor: u64, max_entries: u64) -> io::Result<()> {
        let counted_back = anchor.checked_sub(claim.size);
        let mut is_any = claim.entries == 0 && claim.size == 0;
        if is_any {
            self.starts.push(anchor);
        }
        for start in [counted_back, Some(claim.offset)].into_iter().flatten() {
            if self.starts.contains(&start) {
                is_any = true;
            } else if self.read_entries(input, start, claim, max_entries)? {
                is_any = true;
                self.starts.push(start);
            }
        }
        if !is_any {
            self.contradictions.push((anchor, "the end record points to no central directory"));
        }
        Ok(())
    }

    /// Reads the entries from `start` on, as far as there are any; `false` when there is none.
    fn read_entries(&mut self, input: &Input, start: u64, claim: EndClaim, max_entries: u64) -> io::Result<bool> {
        // What stands before the archive moves all of it alike.
        let moved_by = start.saturating_sub(claim.offset);
        let mut cursor = input.cursor(start);
        let mut count = 0_u64;
        loop {
            let at = cursor.offset();
            let Some(header) = next_header(&mut cursor)? else { break };
            self.name_bytes = self.name_bytes.saturating_add(header.name.len() as u64);
            if self.entries.len() as u64 >= max_entries || self.name_bytes > MAX_NAME_BYTES {
                self.is_cut = true;
                break;
            }
            cursor.skip(header.record_bytes);
            count += 1;
            let local_offsets = [header.offset.saturating_add(moved_by), header.offset];
            self.entries.push(Entry { at, header, local_offsets });
        }
        if count == 0 {
            return Ok(false);
        }
        let end = cursor.offset();
        self.extents.push((start, end));
        if !self.is_cut && count != claim.entries {
            self.contradictions.push((start, "the end record counts other entries than there are"));
        }
        if !self.is_cut && end.saturating_sub(start) != claim.size {
            self.contradictions.push((start, "the end record tells another size of the directory than it has"));
        }
        Ok(true)
    }
}

fn next_header(cursor: &mut crate::scan::input::Cursor<'_>) -> io::Result<Option<Header>> {
    let wanted = match central_record_bytes(cursor.peek(records::CENTRAL_BYTES)?) {
        Some(wanted) => wanted,
        None => return Ok(None),
    };
    Ok(central_header(cursor.peek(wanted)?))
}

/// The size of the central header that `bytes` begin with.
fn central_record_bytes(bytes: &[u8]) -> Option<usize> {
    let fixed = bytes.get(..records::CENTRAL_BYTES)?;
    let [n0, n1, e0, e1, c0, c1] = *fixed.get(28..)?.first_chunk::<6>()?;
    let lengths = [[n0, n1], [e0, e1], [c0, c1]].map(|bytes| usize::from(u16::from_le_bytes(bytes)));
    fixed.starts_with(records::CENTRAL).then(|| records::CENTRAL_BYTES + lengths.iter().sum::<usize>())
}
