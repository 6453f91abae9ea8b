//! What CPython loses where a frame ends in the middle of an argument.
//!
//! `Modules/_pickle.c` reads a whole frame into its buffer. When it loads from a file and an argument goes beyond the buffer, it drops what
//! is left of the frame and reads the argument from behind it; when it loads from memory it reads straight on. A frame that is peeked at
//! rather than read (a buffered file, and a frame below 128 KiB) is no boundary. So one stream has up to three readings, and a name can be
//! another in each. No writer makes such frames: a stream is run again only when one was seen.

use std::collections::HashMap;

use super::literal::Place;
use super::machine::Machine;

/// `PREFETCH` of `_pickle.c`: larger frames are read, not peeked at.
const PREFETCH_BYTES: u64 = 128 * 1024;
/// Constants in two pieces that are remembered.
const MAX_MOVED: usize = 65_536;
/// Bytes of one frame that are searched for a newline.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Which frames lose what is left of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// None: loading from memory.
    Memory,
    /// Every frame: loading from something that cannot be peeked into.
    Unbuffered,
    /// Large frames: loading from a buffered file.
    Buffered,
}

/// The frame that is being read.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) framing: Framing,
    /// Where the frame ends.
    pub(super) end: u64,
    /// Where the loader's buffer ends; 0 when arguments are read straight on.
    pub(super) buffer_end: u64,
    /// An argument went beyond its frame.
    pub(super) were_crossed: bool,
    /// Constants that are not in one piece.
    moved: HashMap<u64, Place>,
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, end: 0, buffer_end: 0, were_crossed: false, moved: HashMap::new() }
    }
}

impl Machine<'_> {
    /// Where the parts of the constant at `at` are.
    pub(super) fn place(&self, at: u64) -> Place {
        self.frames.moved.get(&at).copied().unwrap_or_else(|| Place::whole(at))
    }

    /// Remembers a constant that is not in one piece.
    pub(super) fn note_place(&mut self, place: Place) {
        if place != Place::whole(place.opcode) && self.frames.moved.len() < MAX_MOVED {
            self.frames.moved.insert(place.opcode, place);
        }
    }

    /// FRAME: `size` bytes from here on are read as one.
    pub(super) fn enter_frame(&mut self, size: u64) {
        let here = self.cursor.offset();
        let end = here.saturating_add(size);
        if here < self.frames.end && end > self.frames.end {
            self.frames.were_crossed = true;
        }
        if here >= self.frames.end || end > self.frames.end {
            self.frames.end = end;
            self.wake_at(end);
        }
        self.fill_buffer(here, size);
    }

    /// What the loader's buffer holds after a FRAME.
    fn fill_buffer(&mut self, here: u64, size: u64) {
        if here < self.frames.buffer_end && here.saturating_add(size) <= self.frames.buffer_end {
            return;
        }
        if here < self.frames.buffer_end {
            self.cursor.seek(self.frames.buffer_end);
            self.frames.end = self.cursor.offset().saturating_add(size);
        }
        let is_boundary = match self.frames.framing {
            Framing::Memory => false,
            Framing::Unbuffered => true,
            Framing::Buffered => size >= PREFETCH_BYTES,
        };
        self.frames.buffer_end = if is_boundary { self.cursor.offset().saturating_add(size) } else { 0 };
    }

    /// Called where the frame ends: an opcode that began in it should have ended there.
    pub(super) fn leave_frame(&mut self, at: u64) {
        if self.frames.end != 0 && at >= self.frames.end {
            self.frames.were_crossed |= at > self.frames.end;
            self.frames.end = 0;
        }
    }

    /// Moves behind the buffer when `size` bytes do not fit into what is left of it.
    #[inline]
    pub(super) fn align(&mut self, size: u64) {
        if self.frames.buffer_end != 0 {
            self.align_in_buffer(size);
        }
    }

    #[cold]
    fn align_in_buffer(&mut self, size: u64) {
        let here = self.cursor.offset();
        if here < self.frames.buffer_end && here.saturating_add(size) > self.frames.buffer_end {
            self.cursor.seek(self.frames.buffer_end);
        }
        if self.cursor.offset() >= self.frames.buffer_end {
            self.frames.buffer_end = 0;
        }
    }

    /// As [`Machine::align`], for a line.
    pub(super) fn align_line(&mut self) {
        let here = self.cursor.offset();
        if here >= self.frames.buffer_end {
            return;
        }
        let left = usize::try_from(self.frames.buffer_end - here).unwrap_or(usize::MAX).min(MAX_LINE_BYTES);
        let rest = self.input.bytes_at(here, left).unwrap_or_default();
        let size = rest.iter().position(|b| *b == b'\n').map_or(u64::MAX, |at| at as u64 + 1);
        self.align_in_buffer(size);
    }
}
