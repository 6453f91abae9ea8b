//! The records of a zip file as bytes: end records, central headers, local headers and their extra fields.
//!
//! Knows bytes only and judges nothing. Layouts are those of PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5; the Unicode path is
//! 4.6.9. Where two fields claim the same thing, both claims are kept: readers differ in which one they believe.

/// `PK\1\2`, `PK\3\4` and so on.
pub(super) const CENTRAL: &[u8; 4] = b"PK\x01\x02";
pub(super) const LOCAL: &[u8; 4] = b"PK\x03\x04";
pub(super) const END: &[u8; 4] = b"PK\x05\x06";
pub(super) const END64: &[u8; 4] = b"PK\x06\x06";
pub(super) const LOCATOR64: &[u8; 4] = b"PK\x06\x07";
pub(super) const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";

/// Fixed parts of the records, in bytes.
pub(super) const END_BYTES: usize = 22;
pub(super) const END64_BYTES: usize = 56;
pub(super) const LOCATOR64_BYTES: usize = 20;
pub(super) const CENTRAL_BYTES: usize = 46;
pub(super) const LOCAL_BYTES: usize = 30;

/// A 32-bit or 16-bit field that says "look in the zip64 record".
const SATURATED: u64 = 0xffff_ffff;
const SATURATED_COUNT: u64 = 0xffff;

/// Where an end record says that its directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndClaim {
    pub(super) entries: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
}

/// The end record in `bytes`, and the length of its comment.
pub(super) fn end_record(bytes: &[u8]) -> Option<(EndClaim, u64)> {
    if !bytes.starts_with(END) {
        return None;
    }
    let claim = EndClaim { entries: u16_at(bytes, 10)?, size: u32_at(bytes, 12)?, offset: u32_at(bytes, 16)? };
    Some((claim, u16_at(bytes, 20)?))
}

impl EndClaim {
    /// `true` when a field refers to the zip64 record.
    pub(super) fn is_saturated(&self) -> bool {
        self.entries == SATURATED_COUNT || self.size == SATURATED || self.offset == SATURATED
    }

    /// `true` when each field is what `other` says, or refers to it.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        (self.entries == SATURATED_COUNT || self.entries == other.entries)
            && (self.size == SATURATED || self.size == other.size)
            && (self.offset == SATURATED || self.offset == other.offset)
    }
}

/// The zip64 end record in `bytes`.
pub(super) fn end64_record(bytes: &[u8]) -> Option<EndClaim> {
    if !bytes.starts_with(END64) {
        return None;
    }
    Some(EndClaim { entries: u64_at(bytes, 32)?, size: u64_at(bytes, 40)?, offset: u64_at(bytes, 48)? })
}

/// Where the locator in `bytes` says that the zip64 end record is.
pub(super) fn locator64(bytes: &[u8]) -> Option<u64> {
    if bytes.starts_with(LOCATOR64) { u64_at(bytes, 8) } else { None }
}

/// What one header, central or local, says of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    /// The name of the Unicode path extra field, if there is one.
    pub(super) unicode_name: Option<Vec<u8>>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) sizes: Sizes,
    /// What the other reading of the zip64 extra field says, where it contradicts the 32-bit fields.
    pub(super) other_sizes: Option<Sizes>,
    /// Bytes of this record, name, extra fields and comment included.
    pub(super) record_bytes: u64,
    /// Extra fields and comment: offset in the record and size of what might hold something.
    pub(super) attachments: Vec<(u64, u64)>,
    /// Only in a central header.
    pub(super) offset: u64,
    pub(super) external: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) packed: u64,
    pub(super) size: u64,
}

impl Header {
    /// Bits that say encrypted (0), strongly encrypted (6), masked headers (13), or patch data (5), which readers refuse alike.
    pub(super) fn is_flagged_encrypted(&self) -> bool {
        self.flags & 0b0010_0000_0110_0001 != 0
    }

    /// The sizes stand behind the data.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }

    /// The file mode of Unix, 0 when there is none.
    pub(super) fn mode(&self) -> u32 {
        self.external >> 16
    }
}

/// The central header in `bytes`; `None` when it is none or is cut off.
pub(super) fn central_header(bytes: &[u8]) -> Option<Header> {
    if !bytes.starts_with(CENTRAL) {
        return None;
    }
    let lengths = [u16_at(bytes, 28)?, u16_at(bytes, 30)?, u16_at(bytes, 32)?];
    let sizes = Sizes { packed: u32_at(bytes, 20)?, size: u32_at(bytes, 24)? };
    let mut header = header(bytes, 8, CENTRAL_BYTES, lengths, sizes)?;
    header.external = u32::try_from(u32_at(bytes, 38)?).ok()?;
    let offset = u32_at(bytes, 42)?;
    let extra = part(bytes, CENTRAL_BYTES as u64 + lengths[0], lengths[1])?;
    // The offset stands after those sizes that are saturated (4.5.3).
    let saturated_sizes = u64::from(sizes.size == SATURATED) + u64::from(sizes.packed == SATURATED);
    let offset64 = extra_field(extra, 1).and_then(|body| u64_at(body, saturated_sizes as usize * 8));
    header.offset = if offset == SATURATED { offset64.unwrap_or(offset) } else { offset };
    Some(header)
}

/// The local header in `bytes`; `None` when it is none or is cut off.
pub(super) fn local_header(bytes: &[u8]) -> Option<Header> {
    if !bytes.starts_with(LOCAL) {
        return None;
    }
    let lengths = [u16_at(bytes, 26)?, u16_at(bytes, 28)?, 0];
    let sizes = Sizes { packed: u32_at(bytes, 18)?, size: u32_at(bytes, 22)? };
    header(bytes, 6, LOCAL_BYTES, lengths, sizes)
}

/// How many bytes the local header in `bytes` takes with name and extra fields, from its fixed part alone.
pub(super) fn local_record_bytes(bytes: &[u8]) -> Option<u64> {
    if !bytes.starts_with(LOCAL) {
        return None;
    }
    Some(LOCAL_BYTES as u64 + u16_at(bytes, 26)? + u16_at(bytes, 28)?)
}

/// The parts that central and local headers share, from the flags at `flags_at` on.
fn header(bytes: &[u8], flags_at: usize, fixed: usize, lengths: [u64; 3], sizes: Sizes) -> Option<Header> {
    let [name_len, extra_len, comment_len] = lengths;
    let fixed = fixed as u64;
    let name = part(bytes, fixed, name_len)?;
    let extra_at = fixed + name_len;
    let extra = part(bytes, extra_at, extra_len)?;
    let comment_at = extra_at + extra_len;
    part(bytes, comment_at, comment_len)?;
    let (sizes, other_sizes) = with_zip64(sizes, extra);
    let mut attachments = notable_fields(extra, extra_at);
    attachments.push((comment_at, comment_len));
    attachments.retain(|(_, size)| *size >= MIN_ATTACHMENT_BYTES);
    Some(Header {
        name: name.to_vec(),
        unicode_name: extra_field(extra, 0x7075).and_then(|body| body.get(5..)).map(<[u8]>::to_vec),
        flags: u16::try_from(u16_at(bytes, flags_at)?).ok()?,
        method: u16::try_from(u16_at(bytes, flags_at + 2)?).ok()?,
        crc: u32::try_from(u32_at(bytes, flags_at + 8)?).ok()?,
        sizes,
        other_sizes,
        record_bytes: comment_at + comment_len,
        attachments,
        offset: 0,
        external: 0,
    })
}

/// The smallest run of bytes that can hold a call in a pickle: `cos\nsystem\n(S'a'\ntR.` has 20.
const MIN_ATTACHMENT_BYTES: u64 = 16;

/// The sizes that the zip64 extra field makes of the 32-bit ones, and what else a reader could make of it: some take it only in
/// place of saturated fields, some whenever it is there.
fn with_zip64(sizes: Sizes, extra: &[u8]) -> (Sizes, Option<Sizes>) {
    let Some(body) = extra_field(extra, 1) else { return (sizes, None) };
    let mut values = (0..2).map_while(|index| u64_at(body, index * 8));
    let size = if sizes.size == SATURATED { values.next().unwrap_or(SATURATED) } else { sizes.size };
    let packed = if sizes.packed == SATURATED { values.next().unwrap_or(SATURATED) } else { sizes.packed };
    let by_saturation = Sizes { packed, size };
    let always = u64_at(body, 0).zip(u64_at(body, 8)).map(|(size, packed)| Sizes { packed, size });
    let contradicts = sizes.packed != SATURATED && sizes.size != SATURATED;
    (by_saturation, always.filter(|other| contradicts && *other != by_saturation && other.size != 0))
}

/// The extra fields with their identifier, offset in `extra` and body.
fn extra_fields(extra: &[u8]) -> impl Iterator<Item = (u64, usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let id = u16_at(extra, at)?;
        let size = usize::try_from(u16_at(extra, at + 2)?).ok()?;
        let body_at = at + 4;
        let rest = extra.get(body_at..)?;
        let body = rest.get(..size).unwrap_or(rest);
        at = body_at + size;
        Some((id, body_at, body))
    })
}

fn extra_field(extra: &[u8], id: u64) -> Option<&[u8]> {
    extra_fields(extra).find(|(found, _, _)| *found == id).map(|(_, _, body)| body)
}

/// Where extra fields hold more than their kind explains: not the filler that aligns PyTorch's tensors, not NTFS times.
fn notable_fields(extra: &[u8], extra_at: u64) -> Vec<(u64, u64)> {
    const NTFS_TIMES: u64 = 0x000a;
    const ZIP64: u64 = 0x0001;
    extra_fields(extra)
        .filter(|(id, _, body)| {
            let is_filler = body.iter().all(|byte| body.first() == Some(byte));
            let is_times = *id == NTFS_TIMES && body.len() == 32 && body.starts_with(&[0, 0, 0, 0, 1, 0, 24, 0]);
            let is_zip64 = *id == ZIP64 && body.len() <= 28;
            !(is_filler || is_times || is_zip64)
        })
        .map(|(_, body_at, body)| (extra_at + body_at as u64, body.len() as u64))
        .collect()
}

fn part(bytes: &[u8], at: u64, size: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    let end = at.checked_add(usize::try_from(size).ok()?)?;
    bytes.get(at..end)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u64::from(u16::from_le_bytes(*field)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*field)))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*field))
}
