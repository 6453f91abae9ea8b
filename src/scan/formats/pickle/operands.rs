//! Reads the arguments of opcodes: counts, numbers and lines, where the loader would read them.

use std::io;

use super::literal::Place;
use super::machine::Machine;
use super::value::Value;

/// The longest line of text that is kept of a GLOBAL or INST; no name of Python is longer.
const MAX_NAME_BYTES: usize = 64 * 1024;

impl Machine<'_> {
    /// The next `width` (at most 8) bytes as a little-endian number; what is missing counts as zero.
    #[inline(always)]
    pub(super) fn number(&mut self, width: usize) -> io::Result<u64> {
        self.align(width as u64);
        if width == 1 {
            return Ok(u64::from(self.cursor.byte()?.unwrap_or(0)));
        }
        let bytes = self.cursor.peek(width)?;
        if width == 4
            && let Some(four) = bytes.first_chunk::<4>()
        {
            let number = u32::from_le_bytes(*four);
            self.cursor.skip(4);
            return Ok(u64::from(number));
        }
        let mut wide = [0; 8];
        wide.iter_mut().zip(bytes.iter().take(width)).for_each(|(to, from)| *to = *from);
        self.cursor.skip(width as u64);
        Ok(u64::from_le_bytes(wide))
    }

    #[inline(always)]
    pub(super) fn counted(&mut self, at: u64, width: usize) -> io::Result<()> {
        if self.frames.buffer_end != 0 {
            return self.counted_in_buffer(at, width);
        }
        let count = self.number(width)?;
        self.cursor.skip(count);
        self.stack.push(Value::constant(at));
        Ok(())
    }

    #[cold]
    pub(super) fn counted_in_buffer(&mut self, at: u64, width: usize) -> io::Result<()> {
        self.align(width as u64);
        let operand = self.cursor.offset();
        let count = self.number(width)?;
        let behind = self.cursor.offset();
        self.align(count);
        let start = self.cursor.offset();
        self.note_place(Place { opcode: at, operand, counted: (start != behind).then_some(start) });
        self.cursor.skip(count);
        self.stack.push(Value::constant(at));
        Ok(())
    }

    /// Goes behind the next newline.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.cursor.peek(1)?;
            let (newline, all) = (bytes.iter().position(|b| *b == b'\n'), bytes.len());
            self.cursor.skip(newline.map_or(all, |at| at + 1) as u64);
            if newline.is_some() || all == 0 {
                return Ok(());
            }
        }
    }

    /// The text up to the next newline; its second half is `true` when it was too long to be kept. At the end of the bytes the last byte
    /// is lost, as it is in CPython.
    pub(super) fn line(&mut self) -> io::Result<(Vec<u8>, bool)> {
        let mut line = Vec::new();
        self.align_line();
        loop {
            let bytes = self.cursor.peek(1)?;
            let (newline, all) = (bytes.iter().position(|b| *b == b'\n'), bytes.len());
            let taken = bytes.get(..newline.unwrap_or(all)).unwrap_or_default();
            let room = MAX_NAME_BYTES.saturating_sub(line.len());
            line.extend_from_slice(taken.get(..room.min(taken.len())).unwrap_or_default());
            let is_cut = taken.len() > room;
            self.cursor.skip(newline.map_or(all, |at| at + 1) as u64);
            if all == 0 {
                line.pop();
            }
            if is_cut && newline.is_none() {
                self.skip_line()?;
            }
            if newline.is_some() || all == 0 || is_cut {
                return Ok((line, is_cut));
            }
        }
    }
}
