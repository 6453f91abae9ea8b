//! The codecs: how each one's frames are found one after another, and which decoder reads them.
//!
//! All decoders are Rust. Loaders read concatenated frames as one stream (Python's `gzip`, `bz2` and `lzma`, joblib's zlib), so
//! that is what comes out here. Memory for dictionaries is reserved from the budget before a decoder is made.

use std::io::{self, Read};
use std::rc::Rc;

use super::{Decoded, Packed, Progress};
use crate::scan::input::{Input, Window};

/// A way of compressing a run of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// RFC 1951, without any header; also method 8 of zip.
    Deflate,
    /// RFC 1950.
    Zlib,
    /// RFC 1952.
    Gzip,
    Bzip2,
    Xz,
    /// The `.lzma` format: properties, dictionary size, output size, LZMA.
    LzmaAlone,
    /// Method 14 of zip: a version, properties, LZMA. `size` where the output has no end mark (APPNOTE 5.8).
    LzmaZip {
        size: Option<u64>,
    },
    /// RFC 8878.
    Zstd,
    /// The LZ4 frame format.
    Lz4,
}

/// Zero bytes that may stand between frames, as tape padding. More are left to be looked at as trailing data.
const MAX_PADDING_BYTES: u64 = 1 << 20;
/// What a decoder without a dictionary of its own size takes, in bytes.
const SMALL_WINDOW_BYTES: u64 = 4 << 20;

/// What tells a frame of any of these codecs.
const HEADER_BYTES: usize = 16;

impl Codec {
    /// `true` when `input`, which begins with `head`, is in this codec, as far as its header tells.
    ///
    /// # Errors
    /// When `input` cannot be read.
    pub(crate) fn recognises(self, input: &Input, head: &[u8]) -> io::Result<bool> {
        let may_skip = matches!(self, Self::Zstd | Self::Lz4) && skippable_frame(head).is_some();
        if may_skip { Ok(self.next_frame(input, 0)?.is_some()) } else { Ok(self.begins(head)) }
    }

    /// What `packed` decodes to, from its first byte on.
    ///
    /// # Errors
    /// When the size of `packed` cannot be told.
    pub(crate) fn decode(self, packed: &Input) -> io::Result<Decoded> {
        let input = packed.clone();
        Decoded::new(
            packed,
            Box::new(move |progress| Ok(Box::new(Frames::new(self, input.clone(), Rc::clone(progress))))),
        )
    }

    /// A decoder of the one frame at `offset`.
    fn open(self, input: &Input, progress: &Rc<Progress>, offset: u64) -> io::Result<Frame> {
        let mut packed = Packed::new(input, progress, offset);
        let window = self.window_bytes(input, offset)?;
        let window = input.budget().reserve_window(window).ok_or_else(|| {
            io::Error::new(io::ErrorKind::OutOfMemory, format!("a dictionary of {window} bytes is more than the limit"))
        })?;
        let reader: Box<dyn Read> = match self {
            Self::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
            Self::Zlib => Box::new(flate2::bufread::ZlibDecoder::new(packed)),
            Self::Gzip => Box::new(flate2::bufread::GzDecoder::new(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(packed)),
            Self::Xz => {
                let max_kib = u32::try_from(MAX_LZMA_BYTES / 1024).unwrap_or(u32::MAX);
                Box::new(lzma_rust2::XzReader::new_mem_limit(packed, false, max_kib))
            }
            Self::LzmaAlone => Box::new(lzma_rust2::LzmaReader::new_mem_limit(packed, u32::MAX, None)?),
            Self::LzmaZip { size } => {
                let mut header = [0; 9];
                packed.read_exact(&mut header)?;
                let [_, _, _, _, props, d0, d1, d2, d3] = header;
                let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
                let size = size.unwrap_or(u64::MAX);
                Box::new(lzma_rust2::LzmaReader::new_with_props(packed, size, props, dictionary, None)?)
            }
            Self::Zstd => {
                Box::new(ruzstd::decoding::StreamingDecoder::new(packed).map_err(|e| io::Error::other(e.to_string()))?)
            }
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
        };
        Ok(Frame { reader, _window: window })
    }

    /// The memory that the frame at `offset` asks for.
    fn window_bytes(self, input: &Input, offset: u64) -> io::Result<u64> {
        let dictionary_at = match self {
            Self::LzmaAlone => offset.saturating_add(1),
            Self::LzmaZip { .. } => offset.saturating_add(5),
            Self::Xz => return Ok(MAX_LZMA_BYTES),
            Self::Zstd => return Ok(MAX_ZSTD_BYTES),
            _ => return Ok(SMALL_WINDOW_BYTES),
        };
        let mut size = [0; 4];
        input.read_at(dictionary_at, &mut size)?;
        Ok(u64::from(u32::from_le_bytes(size)).max(SMALL_WINDOW_BYTES))
    }

    /// Where the frame after `offset` begins, if there is one.
    fn next_frame(self, input: &Input, offset: u64) -> io::Result<Option<u64>> {
        let skips_padding = matches!(self, Self::Gzip | Self::Xz);
        let mut at = if skips_padding { skip_zeros(input, offset)? } else { offset };
        loop {
            let head = input.bytes_at(at, HEADER_BYTES)?;
            match (self, skippable_frame(&head)) {
                (Self::Zstd | Self::Lz4, Some(size)) => at = at.saturating_add(8).saturating_add(size),
                _ => return Ok(self.begins(&head).then_some(at)),
            }
        }
    }

    /// `true` when `head` is how a frame of this codec begins.
    fn begins(self, head: &[u8]) -> bool {
        match self {
            Self::Deflate | Self::LzmaAlone | Self::LzmaZip { .. } => false,
            Self::Zlib => is_zlib_header(head),
            Self::Gzip => head.starts_with(b"\x1f\x8b\x08"),
            Self::Bzip2 => is_bzip2_header(head),
            Self::Xz => head.starts_with(b"\xfd7zXZ\0"),
            Self::Zstd => head.starts_with(b"\x28\xb5\x2f\xfd"),
            Self::Lz4 => head.starts_with(b"\x04\x22\x4d\x18"),
        }
    }
}

/// The largest dictionary of one LZMA decoder and what comes with it: `xz -9` asks for 64 MiB.
const MAX_LZMA_BYTES: u64 = 96 << 20;
/// The largest window that ruzstd and zstd's own decoder take without being told to.
const MAX_ZSTD_BYTES: u64 = 128 << 20;

/// The size of a frame that zstd and LZ4 decoders step over, if `head` begins one (RFC 8878, 3.1.2).
fn skippable_frame(head: &[u8]) -> Option<u64> {
    let &[kind, 0x2a, 0x4d, 0x18, s0, s1, s2, s3] = head.first_chunk::<8>()? else { return None };
    (kind & 0xf0 == 0x50).then(|| u64::from(u32::from_le_bytes([s0, s1, s2, s3])))
}

fn is_zlib_header(head: &[u8]) -> bool {
    let Some(&[method, flags]) = head.first_chunk::<2>() else { return false };
    let needs_dictionary = flags & 0x20 != 0;
    method & 0x0f == 8
        && method >> 4 <= 7
        && !needs_dictionary
        && (u16::from(method) << 8 | u16::from(flags)).is_multiple_of(31)
}

/// A level, and a block or the end of the stream, which begin with the digits of pi and of its square root.
fn is_bzip2_header(head: &[u8]) -> bool {
    let Some((&[b'B', b'Z', b'h', b'1'..=b'9'], rest)) = head.split_first_chunk::<4>() else { return false };
    rest.starts_with(b"\x31\x41\x59\x26\x53\x59") || rest.starts_with(b"\x17\x72\x45\x38\x50\x90")
}

fn skip_zeros(input: &Input, offset: u64) -> io::Result<u64> {
    let mut cursor = input.cursor(offset);
    while cursor.offset().saturating_sub(offset) < MAX_PADDING_BYTES {
        let bytes = cursor.peek(1)?;
        let (zeros, seen) = (bytes.iter().take_while(|byte| **byte == 0).count(), bytes.len());
        cursor.skip(zeros as u64);
        if zeros < seen || seen == 0 {
            break;
        }
    }
    Ok(cursor.offset())
}

/// One frame's decoder and the memory that it holds.
struct Frame {
    reader: Box<dyn Read>,
    _window: Window,
}

/// The output of all frames, one after another.
struct Frames {
    codec: Codec,
    input: Input,
    progress: Rc<Progress>,
    frame: Option<Frame>,
    is_begun: bool,
}

impl Frames {
    fn new(codec: Codec, input: Input, progress: Rc<Progress>) -> Self {
        Self { codec, input, progress, frame: None, is_begun: false }
    }

    /// Opens the next frame; `false` when there is none.
    fn advance(&mut self) -> io::Result<bool> {
        self.frame = None;
        let at = if self.is_begun {
            self.codec.next_frame(&self.input, self.progress.consumed())?
        } else {
            self.first_frame()?
        };
        self.is_begun = true;
        let Some(at) = at else { return Ok(false) };
        self.frame = Some(self.codec.open(&self.input, &self.progress, at)?);
        Ok(true)
    }

    /// Skippable frames may also come first; anything else at the beginning is the decoder's to judge.
    fn first_frame(&self) -> io::Result<Option<u64>> {
        let head = self.input.bytes_at(0, HEADER_BYTES)?;
        let may_skip = matches!(self.codec, Codec::Zstd | Codec::Lz4);
        if may_skip && skippable_frame(&head).is_some() { self.codec.next_frame(&self.input, 0) } else { Ok(Some(0)) }
    }
}

impl Read for Frames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let n = frame.reader.read(buf)?;
                if n > 0 || buf.is_empty() {
                    return Ok(n);
                }
            }
            if !self.advance()? {
                return Ok(0);
            }
        }
    }
}
