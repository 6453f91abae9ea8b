//! The list of tensors: shapes and offsets against the file's size, and what lies behind the last one.

use super::metadata::{MAX_NAME_BYTES, Names, duplicate};
use super::reader::Reader;
use super::{HIDDEN_DATA, LAYOUT};
use crate::report::{Finding, Severity, printable};
use crate::scan::{Scan, Stop};

/// Dimensions that ggml has (`GGML_MAX_DIMS`).
const MAX_DIMENSIONS: u32 = 4;

/// Where the tensors read so far end, in bytes from the beginning of the data.
struct Extent {
    /// The end of the last one, aligned: where the next one begins. `None` behind a tensor of unknown size.
    next: Option<u64>,
    /// The furthest end, not aligned.
    end: u64,
    /// Every tensor's size is known.
    is_known: bool,
}

/// Reads `count` tensors that begin at multiples of `alignment` bytes.
pub(super) fn read(scan: &mut Scan<'_>, reader: &mut Reader<'_>, count: u64, alignment: u64) -> Result<(), Stop> {
    let mut names = Names::default();
    let mut extent = Extent { next: Some(0), end: 0, is_known: true };
    for _ in 0..count {
        let name = reader.name(scan, "tensor name", MAX_NAME_BYTES)?;
        if !names.insert(&name) {
            duplicate(scan, reader, "tensor", &name);
        }
        tensor(scan, reader, &name, alignment, &mut extent)?;
    }
    let data_at = reader.offset().checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    judge_end(scan, reader, data_at, alignment, &extent);
    Ok(())
}

fn tensor(
    scan: &mut Scan<'_>,
    reader: &mut Reader<'_>,
    name: &str,
    alignment: u64,
    extent: &mut Extent,
) -> Result<(), Stop> {
    let dimensions = reader.u32()?;
    if dimensions > MAX_DIMENSIONS {
        let evidence = format!("{name}: {dimensions} dimensions");
        return Err(reader.lie(scan, u64::MAX, "A tensor has more dimensions than there can be", evidence));
    }
    let mut elements = Some(1_u64);
    for _ in 0..dimensions {
        let size = reader.size_field()?;
        // Loaders keep sizes in signed numbers.
        elements =
            elements.and_then(|product| product.checked_mul(size)).filter(|product| i64::try_from(*product).is_ok());
    }
    let kind = reader.u32()?;
    let offset = reader.u64()?;
    let bytes = elements.and_then(|elements| bytes_of(kind, elements));
    let end = bytes.and_then(|bytes| offset.checked_add(bytes.unwrap_or(0)));
    let (Some(bytes), Some(end)) = (bytes, end) else {
        let evidence = format!("{name}: offset {offset}");
        return Err(reader.lie(scan, u64::MAX, "The size of a tensor overflows", evidence));
    };
    place(scan, reader, name, (offset, end), alignment, extent);
    extent.is_known &= bytes.is_some();
    extent.next = bytes.and_then(|_| end.checked_next_multiple_of(alignment));
    extent.end = extent.end.max(end);
    Ok(())
}

fn place(
    scan: &mut Scan<'_>,
    reader: &Reader<'_>,
    name: &str,
    (offset, end): (u64, u64),
    alignment: u64,
    extent: &Extent,
) {
    let message = match extent.next {
        _ if !offset.is_multiple_of(alignment) => "A tensor begins at no multiple of the alignment",
        Some(next) if offset < next => "Two tensors share bytes",
        Some(next) if offset > next => "There are bytes before this tensor that no tensor owns",
        _ => return,
    };
    let evidence = format!("{}: bytes {offset} to {end}", printable(name, 64));
    scan.finding(reader.input, Finding::new(LAYOUT, Severity::Medium, message).evidence(evidence));
}

fn judge_end(scan: &mut Scan<'_>, reader: &Reader<'_>, data_at: u64, alignment: u64, extent: &Extent) {
    let end = data_at.saturating_add(extent.end);
    let size = reader.size();
    if end > size && extent.end > 0 {
        let message = "Tensors go beyond the end of the file: it was cut off, or its header lies";
        let evidence = format!("the last tensor ends at {end}, the file at {size}");
        scan.finding(reader.input, Finding::new(LAYOUT, Severity::Medium, message).evidence(evidence));
    }
    // A file without tensors is a vocabulary and ends with its header, padded or not.
    let end = if extent.end == 0 { reader.offset() } else { end };
    let padded = end.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    if extent.is_known && padded < size {
        let message = "There are bytes behind the last tensor, where another loader may find something";
        let evidence = format!("{} bytes", size - padded);
        scan.finding(reader.input, Finding::new(HIDDEN_DATA, Severity::Medium, message).at(padded).evidence(evidence));
        let rest = reader.input.slice(padded, size - padded);
        scan.member(&rest.as_member(&format!("(bytes at {padded})")));
    }
}

/// Bytes of `elements` of a type: `None` when the size overflows, `Some(None)` when the type is not known.
fn bytes_of(kind: u32, elements: u64) -> Option<Option<u64>> {
    let Some((block_elements, block_bytes)) = block_of(kind) else { return Some(None) };
    let bytes = elements.div_ceil(block_elements).checked_mul(block_bytes)?;
    i64::try_from(bytes).is_ok().then_some(Some(bytes))
}

/// Elements and bytes of one block of a type, as in gguf-py's `GGML_QUANT_SIZES`; types that are never stored are left out.
fn block_of(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        24 => (1, 1),
        1 | 25 | 30 => (1, 2),
        0 | 26 => (1, 4),
        27 | 28 => (1, 8),
        2 | 20 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        39 => (32, 17),
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 | 35 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        _ => return None,
    })
}
