//! Single compressed files: gzip, zlib, bzip2, xz, LZMA, zstd, LZ4, and joblib's old `ZF` wrapper around zlib.
//!
//! joblib, pandas and torch unpack these on load without being asked to, and pickles in them are loaded as they are. The content is
//! decoded as far as the formats inside read it; concatenated frames are one stream, as loaders have it. What stands behind the
//! last frame is looked at by itself.

use std::io;
use std::rc::Rc;

use super::{Format, RuleInfo, archive};
use crate::report::{Finding, Severity};
use crate::scan::decode::Beginning;
use crate::scan::decode::codec::Codec;
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

const RULES: &[RuleInfo] = &[archive::BOMB_INFO, archive::HIDDEN_DATA_INFO];
const LOOKS_FOR: &str = "what it unpacks to; bytes behind the end";

/// gzip (RFC 1952).
pub static GZIP: Format = Format {
    name: "gzip",
    title: "gzip",
    recognised_by: "magic number 1f 8b 08",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: |probe| Codec::Gzip.recognises(probe.input, probe.head),
    scan: |scan, input| unpack(scan, input, Codec::Gzip),
};

/// zlib (RFC 1950), as joblib writes it.
pub static ZLIB: Format = Format {
    name: "zlib",
    title: "zlib stream (joblib)",
    recognised_by: "a zlib header that joblib knows, and content that decodes",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: is_zlib,
    scan: |scan, input| unpack(scan, input, Codec::Zlib),
};

/// bzip2.
pub static BZIP2: Format = Format {
    name: "bzip2",
    title: "bzip2",
    recognised_by: "magic number `BZh` and that of a block",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: |probe| Codec::Bzip2.recognises(probe.input, probe.head),
    scan: |scan, input| unpack(scan, input, Codec::Bzip2),
};

/// xz.
pub static XZ: Format = Format {
    name: "xz",
    title: "xz",
    recognised_by: "magic number fd `7zXZ` 00",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: |probe| Codec::Xz.recognises(probe.input, probe.head),
    scan: |scan, input| unpack(scan, input, Codec::Xz),
};

/// The LZMA format before xz.
pub static LZMA: Format = Format {
    name: "lzma",
    title: "LZMA (.lzma)",
    recognised_by: "plausible properties, dictionary size and output size, and content that decodes",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: is_lzma,
    scan: |scan, input| unpack(scan, input, Codec::LzmaAlone),
};

/// Zstandard (RFC 8878).
pub static ZSTD: Format = Format {
    name: "zstd",
    title: "Zstandard",
    recognised_by: "magic number 28 b5 2f fd, also behind skippable frames",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: |probe| Codec::Zstd.recognises(probe.input, probe.head),
    scan: |scan, input| unpack(scan, input, Codec::Zstd),
};

/// The LZ4 frame format.
pub static LZ4: Format = Format {
    name: "lz4",
    title: "LZ4",
    recognised_by: "magic number 04 22 4d 18, also behind skippable frames",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: |probe| Codec::Lz4.recognises(probe.input, probe.head),
    scan: |scan, input| unpack(scan, input, Codec::Lz4),
};

/// What joblib wrote up to 0.9: `ZF`, the size of the output in hexadecimal, a zlib stream.
pub static JOBLIB_ZF: Format = Format {
    name: "joblib-zf",
    title: "joblib, compressed by versions up to 0.9",
    recognised_by: "`ZF0x` and digits",
    looks_for: LOOKS_FOR,
    rules: RULES,
    recognise: |probe| Ok(probe.head.starts_with(b"ZF0x")),
    scan: scan_zf,
};

fn is_zlib(probe: &Probe<'_>) -> io::Result<bool> {
    // The four levels with the full window; joblib, too, asks for the first byte.
    let is_header = matches!(probe.head, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]);
    if !is_header {
        return Ok(false);
    }
    Ok(Codec::Zlib.decode(probe.input)?.begins(probe.input.size()?)? != Beginning::Damaged)
}

fn is_lzma(probe: &Probe<'_>) -> io::Result<bool> {
    let Some(&[props, d0, d1, d2, d3, s0, s1, s2, s3, s4, s5, s6, s7, first]) = probe.head.first_chunk::<14>() else {
        return Ok(false);
    };
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    let size = u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
    // As liblzma's lzma_auto_decoder: 2^n or 2^n + 2^(n-1), and less than 256 GiB or unknown. The range coder begins with 0.
    let is_header = props < 225
        && first == 0
        && (size == u64::MAX || size < 1 << 38)
        && (dictionary == u32::MAX || matches!(dictionary >> dictionary.trailing_zeros().min(31), 1 | 3));
    if !is_header {
        return Ok(false);
    }
    Ok(match Codec::LzmaAlone.decode(probe.input)?.begins(probe.input.size()?)? {
        Beginning::Sound => true,
        // Nothing was tried: then only the properties that every writer uses by default count.
        Beginning::TooLarge => props == 0x5d,
        Beginning::DamagedAtEnd | Beginning::Damaged => false,
    })
}

fn unpack(scan: &mut Scan<'_>, input: &Input, codec: Codec) -> Result<(), Stop> {
    let decoded = Rc::new(codec.decode(input)?);
    let inner = input.derived("(unpacked)", Rc::clone(&decoded) as _);
    scan.member(&inner);
    decoded.tell(scan, &inner);
    match decoded.packed_bytes() {
        Some(end) if !decoded.is_damaged() => judge_trailing(scan, input, end),
        _ => Ok(()),
    }
}

/// Hands what stands behind the last frame to the engine. Padding is honest.
fn judge_trailing(scan: &mut Scan<'_>, input: &Input, from: u64) -> Result<(), Stop> {
    let size = input.size()?.saturating_sub(from);
    let trailing = input.slice(from, size).as_member(&format!("(bytes at {from})"));
    let head = trailing.bytes_at(0, 4096)?;
    if head.iter().all(|byte| head.first() == Some(byte)) {
        return Ok(());
    }
    let severity = if scan.member(&trailing) { Severity::Medium } else { Severity::Low };
    let message = "There are bytes behind the end of the compressed data";
    let evidence = format!("{size} bytes");
    scan.finding(input, Finding::new(archive::HIDDEN_DATA, severity, message).at(from).evidence(evidence));
    Ok(())
}

fn scan_zf(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    // `ZF` and 19 characters; versions up to 0.8.4 under Python 2 wrote one more (joblib/numpy_pickle_compat.py).
    const STREAM_AT: u64 = 2 + 19;
    let is_wider = input.bytes_at(STREAM_AT, 1)? == b" ";
    let at = STREAM_AT + u64::from(is_wider);
    unpack(scan, &input.slice(at, input.size()?.saturating_sub(at)), Codec::Zlib)
}

#[cfg(test)]
mod tests;
