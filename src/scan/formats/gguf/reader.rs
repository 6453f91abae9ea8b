//! Reads the header's numbers and strings, each checked against what is left of the file.

use std::io;

use super::LYING_HEADER;
use crate::report::{Finding, Severity};
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};

/// The least that a metadata entry or a tensor takes, in bytes: a length, a type and a value.
pub(super) const MIN_ENTRY_BYTES: u64 = 8;
/// A length or count above this is no cut-off download: no honest header has one.
const MAX_PLAUSIBLE: u64 = 1 << 26;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// The header under the cursor.
pub(super) struct Reader<'a> {
    pub(super) input: &'a Input,
    cursor: Cursor<'a>,
    size: u64,
    endian: Endian,
    version: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a Input, at: u64, endian: Endian, version: u32) -> io::Result<Self> {
        Ok(Self { input, cursor: input.cursor(at), size: input.size()?, endian, version })
    }

    pub(super) fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    /// The file's size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes from here to the end of the file.
    pub(super) fn left(&self) -> u64 {
        self.size.saturating_sub(self.cursor.offset())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let bytes = self.cursor.peek(N)?.first_chunk::<N>().copied();
        let mut bytes = bytes.ok_or_else(|| Stop::Fault("the GGUF header ends in the middle".into()))?;
        self.cursor.skip(N as u64);
        if self.endian == Endian::Big {
            bytes.reverse();
        }
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    /// A count or a length: 32 bits in version 1, 64 bits since.
    pub(super) fn size_field(&mut self) -> Result<u64, Stop> {
        if self.version == 1 { self.u32().map(u64::from) } else { self.u64() }
    }

    /// Goes over `n` bytes, which must be there.
    pub(super) fn skip(&mut self, scan: &mut Scan<'_>, n: u64, what: &str) -> Result<(), Stop> {
        if n > self.left() {
            let evidence = format!("{what}: {n} bytes, {} left", self.left());
            return Err(self.lie(scan, n, "A length in the header is larger than the file", evidence));
        }
        self.cursor.skip(n);
        Ok(())
    }

    /// Goes over a string and gives its place and length.
    pub(super) fn string(&mut self, scan: &mut Scan<'_>, what: &str) -> Result<(u64, u64), Stop> {
        let length = self.size_field()?;
        let at = self.offset();
        self.skip(scan, length, what)?;
        Ok((at, length))
    }

    /// A string's beginning of at most `max_bytes`, for people and comparisons.
    pub(super) fn name(&mut self, scan: &mut Scan<'_>, what: &str, max_bytes: usize) -> Result<String, Stop> {
        let length = self.size_field()?;
        let wanted = usize::try_from(length.min(max_bytes as u64)).unwrap_or(max_bytes);
        let bytes = self.cursor.peek(wanted)?;
        let text = String::from_utf8_lossy(bytes.get(..wanted).unwrap_or(bytes)).into_owned();
        self.skip(scan, length, what)?;
        Ok(text)
    }

    /// Reports a number that cannot be true and gives the reason to stop. A file that was only cut off has small numbers.
    pub(super) fn lie(&self, scan: &mut Scan<'_>, number: u64, message: &str, evidence: String) -> Stop {
        let severity = if number > MAX_PLAUSIBLE { Severity::High } else { Severity::Medium };
        let fault = format!("the GGUF header cannot be followed: {evidence}");
        scan.finding(self.input, Finding::new(LYING_HEADER, severity, message).at(self.offset()).evidence(evidence));
        Stop::Fault(fault)
    }
}
