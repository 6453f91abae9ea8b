//! The headers of a tar archive as bytes: fixed fields, GNU long names, pax records.
//!
//! Knows bytes only. Fields: POSIX.1-2017 pax, "ustar Interchange Format"; the old format and GNU's types: tar(5) of libarchive.

use crate::scan::input::Input;

/// A header, and the unit that data is padded to, in bytes.
pub(super) const BLOCK_BYTES: usize = 512;
/// Up to here a size fits the octal field of a header (11 digits), so that a pax record need not repeat it.
const MAX_OCTAL_SIZE: u64 = 0o77_777_777_777;

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// GNU's sparse file, whose stored bytes are not its content.
    Sparse,
    Link,
    SymbolicLink,
    Folder,
    /// A device or FIFO.
    Special,
    /// GNU: the data is the next member's name.
    LongName,
    /// GNU: the data is the next member's link target.
    LongLink,
    /// pax records for the next member.
    Pax,
    /// pax records for all members that follow.
    PaxGlobal,
}

/// A header's fields.
#[derive(Debug)]
pub(super) struct Header {
    name: Vec<u8>,
    /// The name with POSIX's prefix before it.
    prefixed_name: Option<Vec<u8>>,
    link: Vec<u8>,
    mode: u32,
    pub(super) size: u64,
    pub(super) kind: Kind,
}

impl Header {
    /// The header in `block`; `None` when the checksum or a number is wrong.
    pub(super) fn parse(block: &[u8; BLOCK_BYTES]) -> Option<Self> {
        if !is_checksum_right(block) {
            return None;
        }
        let name = text(block.get(..100)?).to_vec();
        let prefix = text(block.get(345..500)?);
        let is_posix = block.get(257..263)? == b"ustar\0";
        let prefixed_name = (is_posix && !prefix.is_empty()).then(|| [prefix, b"/", &name].concat());
        let kind_byte = *block.get(156)?;
        let kind = kind_of(kind_byte);
        let mode = u32::try_from(number(block.get(100..108)?).unwrap_or(0)).unwrap_or(0) & 0o7777;
        Some(Self {
            name,
            prefixed_name,
            link: text(block.get(157..257)?).to_vec(),
            mode: mode | type_bits(kind_byte),
            size: number(block.get(124..136)?)?,
            kind,
        })
    }
}

fn kind_of(byte: u8) -> Kind {
    match byte {
        b'1' => Kind::Link,
        b'2' => Kind::SymbolicLink,
        b'3' | b'4' | b'6' => Kind::Special,
        b'5' => Kind::Folder,
        b'L' => Kind::LongName,
        b'K' => Kind::LongLink,
        b'x' | b'X' => Kind::Pax,
        b'g' => Kind::PaxGlobal,
        b'S' => Kind::Sparse,
        // POSIX: an unknown type is treated as a file.
        _ => Kind::File,
    }
}

/// The type bits of Unix for what is no link.
fn type_bits(byte: u8) -> u32 {
    match byte {
        b'3' => 0o020_000,
        b'4' => 0o060_000,
        b'6' => 0o010_000,
        b'5' => 0o040_000,
        _ => 0o100_000,
    }
}

/// A member: a header and what stood before it to correct it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) prefixed_name: Option<Vec<u8>>,
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) kind: Kind,
    header_size: u64,
    pax_size: Option<u64>,
    /// What holds for the members that follow, too.
    pub(super) left: Overrides,
}

impl Member {
    /// The sizes that its data has for some reader, without repetition.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> {
        let header_size = (self.header_size > 0 || self.pax_size.is_none()).then_some(self.header_size);
        let other = self.pax_size.filter(|size| Some(*size) != header_size);
        [header_size, other].into_iter().flatten()
    }

    /// After how many bytes of data the next header stands: for most readers, and for others.
    pub(super) fn ends(&self) -> (u64, [Option<u64>; 2]) {
        let stated = self.pax_size.unwrap_or(self.header_size);
        let by_header = Some(self.header_size).filter(|_| self.pax_size.is_some_and(|size| size <= MAX_OCTAL_SIZE));
        // Python's tarfile steps over no data of links, folders and devices; libarchive and GNU tar do for some.
        let without_data = (!matches!(self.kind, Kind::File | Kind::Sparse)).then_some(0);
        (stated, [by_header, without_data])
    }
}

/// What GNU and pax headers say of the member that follows.
#[derive(Debug, Default, Clone)]
pub(super) struct Overrides {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    global_name: Option<Vec<u8>>,
    global_link: Option<Vec<u8>>,
    global_size: Option<u64>,
}

impl Overrides {
    /// Takes up what the data of such a header says.
    pub(super) fn take(&mut self, kind: Kind, data: &[u8]) {
        match kind {
            Kind::LongName => self.name = Some(text(data).to_vec()),
            Kind::LongLink => self.link = Some(text(data).to_vec()),
            Kind::Pax | Kind::PaxGlobal => {
                pax_records(data).for_each(|(key, value)| self.take_record(kind == Kind::PaxGlobal, key, value));
            }
            _ => {}
        }
    }

    fn take_record(&mut self, is_global: bool, key: &[u8], value: &[u8]) {
        let (name, link, size) = if is_global {
            (&mut self.global_name, &mut self.global_link, &mut self.global_size)
        } else {
            (&mut self.name, &mut self.link, &mut self.size)
        };
        match key {
            b"path" => *name = Some(value.to_vec()),
            b"linkpath" => *link = Some(value.to_vec()),
            b"size" => *size = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()),
            _ => {}
        }
    }

    /// The member that `header` and these describe.
    pub(super) fn apply(self, header: &Header) -> Member {
        let left = Self { name: None, link: None, size: None, ..self.clone() };
        let is_renamed = self.name.is_some() || self.global_name.is_some();
        Member {
            name: self.name.or(self.global_name).unwrap_or_else(|| header.name.clone()),
            prefixed_name: header.prefixed_name.clone().filter(|_| !is_renamed),
            link: self.link.or(self.global_link).unwrap_or_else(|| header.link.clone()),
            mode: header.mode,
            kind: header.kind,
            header_size: header.size,
            pax_size: self.size.or(self.global_size),
            left,
        }
    }
}

/// `length key=value\n`, repeated; what is malformed ends it.
fn pax_records(mut data: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let digits = data.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(data.get(..digits)?).ok()?.parse().ok()?;
        let record = data.get(digits + 1..length)?.strip_suffix(b"\n")?;
        data = data.get(length..)?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        Some((record.get(..equals)?, record.get(equals + 1..)?))
    })
}

/// `true` when the checksum is right, be it summed as unsigned bytes or, as old programs did, as signed ones.
pub(super) fn is_checksum_right(block: &[u8; BLOCK_BYTES]) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let Some(stated) = block.get(FIELD).and_then(number).and_then(|sum| i64::try_from(sum).ok()) else { return false };
    let bytes = || block.iter().enumerate().map(|(at, byte)| if FIELD.contains(&at) { b' ' } else { *byte });
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    // A block of zeros is an end mark, and one of spaces is text.
    let is_blank = block.iter().all(|byte| matches!(byte, 0 | b' '));
    !is_blank && (stated == unsigned || stated == signed)
}

/// `true` when the magic of POSIX or GNU stands where it should.
pub(super) fn has_magic(block: &[u8; BLOCK_BYTES]) -> bool {
    block.get(257..262) == Some(b"ustar")
}

/// `true` when a header with the right checksum stands at `at`.
pub(super) fn stands_at(input: &Input, at: u64) -> bool {
    let block = input.bytes_at(at, BLOCK_BYTES).unwrap_or_default();
    block.first_chunk::<BLOCK_BYTES>().is_some_and(is_checksum_right)
}

/// A numeric field: octal, or base 256 when the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    match field {
        [first, rest @ ..] if first & 0x80 != 0 => rest
            .iter()
            .try_fold(u64::from(first & 0x7f), |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))),
        _ => {
            let digits = text(field).trim_ascii();
            digits.iter().try_fold(0_u64, |sum, byte| match byte {
                b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
                _ => None,
            })
        }
    }
}

/// A field's bytes before its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}
