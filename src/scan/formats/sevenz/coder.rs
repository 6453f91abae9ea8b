//! The coders of a 7z block as one decoder: a codec and the filters behind it.
//!
//! Identifiers and properties: 7-Zip's DOC/Methods.txt.

use std::io::{self, Read};
use std::rc::Rc;

use lzma_rust2::filter::{bcj::BcjReader, delta::DeltaReader};
use lzma_rust2::{Lzma2Reader, LzmaReader};
use sevenz_rust2::{Archive, EncoderMethod};

use crate::scan::decode::{Decoded, Packed, Progress};
use crate::scan::input::{Budget, Input, Window};

/// Why a block is not decoded.
pub(super) enum Refusal {
    Encrypted,
    Unsupported(String),
}

/// The coders of a block, in the order in which the packed bytes go through them.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    coders: Vec<Coder>,
    /// Bytes that come out in the end.
    size: u64,
}

#[derive(Debug, Clone)]
struct Coder {
    method: Method,
    properties: Vec<u8>,
    /// Bytes that come out of it.
    size: u64,
}

/// Puts a filter behind a reader.
type Filter = fn(Box<dyn Read>) -> BcjReader<Box<dyn Read>>;

#[derive(Debug, Clone, Copy)]
enum Method {
    Copy,
    Lzma,
    Lzma2,
    Bzip2,
    Deflate,
    Zstd,
    Delta,
    /// A filter for the jumps of a processor's code.
    Jumps(Filter),
}

impl Method {
    fn of(id: &[u8]) -> Option<Self> {
        Some(match id {
            EncoderMethod::ID_COPY => Self::Copy,
            EncoderMethod::ID_LZMA => Self::Lzma,
            EncoderMethod::ID_LZMA2 => Self::Lzma2,
            EncoderMethod::ID_BZIP2 => Self::Bzip2,
            EncoderMethod::ID_DEFLATE => Self::Deflate,
            EncoderMethod::ID_ZSTD => Self::Zstd,
            EncoderMethod::ID_DELTA => Self::Delta,
            EncoderMethod::ID_BCJ_X86 => Self::Jumps(|reader| BcjReader::new_x86(reader, 0)),
            EncoderMethod::ID_BCJ_ARM => Self::Jumps(|reader| BcjReader::new_arm(reader, 0)),
            EncoderMethod::ID_BCJ_ARM64 => Self::Jumps(|reader| BcjReader::new_arm64(reader, 0)),
            EncoderMethod::ID_BCJ_ARM_THUMB => Self::Jumps(|reader| BcjReader::new_arm_thumb(reader, 0)),
            EncoderMethod::ID_BCJ_PPC => Self::Jumps(|reader| BcjReader::new_ppc(reader, 0)),
            EncoderMethod::ID_BCJ_SPARC => Self::Jumps(|reader| BcjReader::new_sparc(reader, 0)),
            _ => return None,
        })
    }
}

impl Chain {
    /// The coders of block `index`.
    pub(super) fn of(archive: &Archive, index: usize) -> Result<Self, Refusal> {
        let Some(block) = archive.blocks.get(index) else { return Err(Refusal::Unsupported("of no block".into())) };
        if block.coders.iter().any(|coder| coder.encoder_method_id() == EncoderMethod::ID_AES256_SHA256) {
            return Err(Refusal::Encrypted);
        }
        let mut coders = Vec::new();
        for (at, coder) in block.ordered_coder_iter() {
            let id = coder.encoder_method_id();
            let name =
                || EncoderMethod::by_id(id).map_or_else(|| format!("{id:02x?}"), |known| known.name().to_owned());
            let method = Method::of(id).ok_or_else(|| Refusal::Unsupported(name()))?;
            coders.push(Coder {
                method,
                properties: coder.properties().to_vec(),
                size: block.get_unpack_size_at_index(at),
            });
        }
        // A coder with several inputs, as BCJ2 is, is not reached by following one stream.
        if coders.len() != block.coders.len() {
            return Err(Refusal::Unsupported("with several streams".into()));
        }
        let size = coders.last().map_or(0, |coder| coder.size);
        Ok(Self { coders, size })
    }

    /// What `packed` decodes to.
    pub(super) fn decode(self, packed: &Input) -> io::Result<Decoded> {
        let input = packed.clone();
        Decoded::new(packed, Box::new(move |progress| self.open(&input, progress)))
    }

    fn open(&self, packed: &Input, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
        let mut windows = Vec::new();
        let mut reader: Box<dyn Read> = Box::new(Packed::new(packed, progress, 0));
        for coder in &self.coders {
            windows.push(reserve(packed.budget(), coder.window_bytes()?)?);
            reader = coder.open(reader)?;
        }
        Ok(Box::new(Output { reader: reader.take(self.size), _windows: windows }))
    }
}

impl Coder {
    fn open(&self, reader: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
        Ok(match self.method {
            Method::Copy => reader,
            Method::Lzma => {
                let &[props, ..] = self.properties.as_slice() else { return Err(bad_properties()) };
                Box::new(LzmaReader::new_with_props(reader, self.size, props, self.dictionary_bytes()?, None)?)
            }
            Method::Lzma2 => Box::new(Lzma2Reader::new(reader, self.dictionary_bytes()?, None)),
            Method::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(reader)),
            Method::Deflate => Box::new(flate2::read::DeflateDecoder::new(reader)),
            Method::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(reader);
                Box::new(decoder.map_err(|error| io::Error::other(error.to_string()))?)
            }
            Method::Delta => {
                let &[distance] = self.properties.as_slice() else { return Err(bad_properties()) };
                Box::new(DeltaReader::new(reader, usize::from(distance) + 1))
            }
            Method::Jumps(filter) => Box::new(filter(reader)),
        })
    }

    fn dictionary_bytes(&self) -> io::Result<u32> {
        match (self.method, self.properties.as_slice()) {
            (Method::Lzma, &[_, d0, d1, d2, d3]) => Ok(u32::from_le_bytes([d0, d1, d2, d3])),
            (Method::Lzma2, &[40]) => Ok(u32::MAX),
            (Method::Lzma2, &[bits @ 0..40]) => Ok((2 | u32::from(bits & 1)) << (bits / 2 + 11)),
            _ => Err(bad_properties()),
        }
    }

    /// The memory that the decoder will take.
    fn window_bytes(&self) -> io::Result<u64> {
        const SMALL: u64 = 4 << 20;
        const LARGEST_ZSTD: u64 = 128 << 20;
        Ok(match self.method {
            Method::Lzma | Method::Lzma2 => u64::from(self.dictionary_bytes()?).max(SMALL),
            Method::Zstd => LARGEST_ZSTD,
            _ => SMALL,
        })
    }
}

fn bad_properties() -> io::Error {
    io::Error::other("a 7z coder has properties that it cannot have")
}

fn reserve(budget: &Rc<Budget>, bytes: u64) -> io::Result<Window> {
    budget.reserve_window(bytes).ok_or_else(|| {
        io::Error::new(io::ErrorKind::OutOfMemory, format!("a dictionary of {bytes} bytes is more than the limit"))
    })
}

/// A decoder and the memory that it holds.
struct Output {
    reader: io::Take<Box<dyn Read>>,
    _windows: Vec<Window>,
}

impl Read for Output {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}
