//! The compressed side of a decoder: a buffered reader over an [`Input`] that tells how far it got.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use crate::scan::input::Input;

/// The first read, in bytes; reads double up to [`MAX_READ_BYTES`].
const MIN_READ_BYTES: usize = 4 * 1024;
/// The largest read, in bytes.
const MAX_READ_BYTES: usize = 64 * 1024;

/// What is known of a decoder's way through its compressed bytes, shared by the readers of all frames.
#[derive(Default)]
pub(crate) struct Progress {
    consumed: Cell<u64>,
    /// An error of the input itself, kept because decoders wrap it in their own words.
    error: Cell<Option<io::Error>>,
    /// The buffer of the reader that was dropped last, so that thousands of tiny frames do not read the same bytes again.
    spare: RefCell<Buffer>,
}

impl Progress {
    /// Compressed bytes used up so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// The error of the input itself, if there was one.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.error.take()
    }
}

/// Bytes of the input from `at` on.
#[derive(Default)]
struct Buffer {
    at: u64,
    bytes: Vec<u8>,
}

/// A buffered reader over compressed bytes.
pub(crate) struct Packed {
    input: Input,
    progress: Rc<Progress>,
    buffer: Buffer,
}

impl Packed {
    /// Reads `input` from `offset` on.
    pub(crate) fn new(input: &Input, progress: &Rc<Progress>, offset: u64) -> Self {
        progress.consumed.set(offset);
        let buffer = progress.spare.take();
        Self { input: input.clone(), progress: Rc::clone(progress), buffer }
    }

    fn buffered(&self) -> &[u8] {
        let skipped = self.progress.consumed.get().checked_sub(self.buffer.at).and_then(|n| usize::try_from(n).ok());
        skipped.and_then(|n| self.buffer.bytes.get(n..)).unwrap_or_default()
    }

    fn refill(&mut self) -> io::Result<()> {
        let wanted = (self.buffer.bytes.len() * 2).clamp(MIN_READ_BYTES, MAX_READ_BYTES);
        self.buffer.at = self.progress.consumed.get();
        self.buffer.bytes.resize(wanted, 0);
        match self.input.read_at(self.buffer.at, &mut self.buffer.bytes) {
            Ok(n) => self.buffer.bytes.truncate(n),
            Err(error) => {
                self.buffer.bytes.clear();
                self.progress.error.set(Some(error));
                return Err(io::Error::other("the compressed bytes could not be read"));
            }
        }
        Ok(())
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffered().is_empty() {
            self.refill()?;
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.buffered().len());
        self.progress.consumed.set(self.progress.consumed.get().saturating_add(n as u64));
    }
}

impl Read for Packed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let n = bytes.len().min(buf.len());
        buf.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.consume(n);
        Ok(n)
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        self.progress.spare.replace(std::mem::take(&mut self.buffer));
    }
}
