//! Bounded random access to the bytes of a file, or of a member inside it.
//!
//! The engine never sees a path: it sees an [`Input`], a window on a [`Source`]. A window is cheap to clone and to narrow, so a
//! stored member of an archive costs nothing until it is read, and tensors are skipped by moving an offset. All reads of one scan
//! are counted against one [`Budget`], which is what keeps memory and time from growing with what an attacker wrote.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use crate::report::{MAX_MEMBER_BYTES, printable};

/// Random access to a run of bytes.
pub trait Source {
    /// Reads at `offset` into `buf` and returns how many bytes were read: short only at the end, 0 at or after it.
    ///
    /// # Errors
    /// Whatever the file or decoder says; a decoder also fails when the budget is used up.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// The number of bytes. A decoder may have to decode to its end to know.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn size(&self) -> io::Result<u64>;
}

impl Source for File {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            // pread(2) refuses offsets beyond i64::MAX; nothing can be stored there.
            if i64::try_from(at).is_err() {
                break;
            }
            match FileExt::read_at(self, rest, at) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Source for Vec<u8> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(n)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// A decoder would produce more bytes than the scan may spend. Travels inside an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("decompression would produce more bytes than the limit")]
pub struct OutOfBudget;

impl OutOfBudget {
    /// `true` when `error` is this one.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl From<OutOfBudget> for io::Error {
    fn from(error: OutOfBudget) -> Self {
        Self::other(error)
    }
}

/// What one scan may spend, shared by everything that it opens.
#[derive(Debug)]
pub struct Budget {
    /// Bytes read from the file so far (not those of decoded members).
    read: Cell<u64>,
    /// Bytes that decoders may still produce.
    decode_left: Cell<u64>,
    /// Members that may still be opened.
    members_left: Cell<u64>,
    /// Bytes that the dictionaries of open decoders may still take in memory.
    window_left: Cell<u64>,
}

/// Memory for the dictionaries of all decoders that are open at once, in bytes. One of `xz -9` takes 64 MiB, one of
/// `zstd --ultra -22` 128 MiB, and the decoders of zstd refuse more unless told otherwise.
const MAX_WINDOW_BYTES: u64 = 256 << 20;

impl Budget {
    /// A fresh budget under `limits`.
    pub fn new(limits: &super::Limits) -> Self {
        Self {
            read: Cell::new(0),
            decode_left: Cell::new(limits.max_decoded_bytes),
            members_left: Cell::new(limits.max_members),
            window_left: Cell::new(MAX_WINDOW_BYTES),
        }
    }

    /// Bytes read from the file itself so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.get()
    }

    /// Takes `n` decoded bytes; `false` when that many are not left.
    #[must_use]
    pub fn take_decoded(&self, n: u64) -> bool {
        take(&self.decode_left, n)
    }

    /// Takes one member; `false` when none is left.
    #[must_use]
    pub fn take_member(&self) -> bool {
        take(&self.members_left, 1)
    }

    /// Reserves `bytes` of memory for the dictionary of a decoder, until the reservation is dropped; `None` when the open decoders
    /// hold too much already.
    pub fn reserve_window(self: &Rc<Self>, bytes: u64) -> Option<Window> {
        let left = self.window_left.get().checked_sub(bytes)?;
        self.window_left.set(left);
        Some(Window { budget: Rc::clone(self), bytes })
    }
}

/// Memory that a decoder's dictionary holds, given back on drop.
#[derive(Debug)]
pub struct Window {
    budget: Rc<Budget>,
    bytes: u64,
}

impl Drop for Window {
    fn drop(&mut self) {
        self.budget.window_left.set(self.budget.window_left.get().saturating_add(self.bytes));
    }
}

fn take(cell: &Cell<u64>, n: u64) -> bool {
    match cell.get().checked_sub(n) {
        Some(left) => {
            cell.set(left);
            true
        }
        None => {
            cell.set(0);
            false
        }
    }
}

/// A window on a source: the file, or a member of it.
#[derive(Clone)]
pub struct Input {
    source: Rc<dyn Source>,
    budget: Rc<Budget>,
    /// `true` when reads of this source are reads of the file, and count as such.
    is_file: bool,
    start: u64,
    /// End of the window in the source; `None` is the source's own end.
    end: Option<u64>,
    member: Rc<str>,
    depth: u32,
    /// For bytes that were made from others: how many bytes of the file they were made from.
    made_from: u64,
}

impl Input {
    /// The whole of a file.
    pub fn new(source: Rc<dyn Source>, budget: Rc<Budget>) -> Self {
        Self { source, budget, is_file: true, start: 0, end: None, member: "".into(), depth: 0, made_from: 0 }
    }

    /// The budget of the scan that this belongs to.
    pub fn budget(&self) -> &Rc<Budget> {
        &self.budget
    }

    /// Where this is inside the file, outermost member first, separated by `!`; empty for the file itself. Printable.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// How many containers are around this.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// How many bytes of the file this stands for: its own size, or that of what it was decoded from.
    ///
    /// # Errors
    /// As [`Source::size`].
    pub fn file_bytes(&self) -> io::Result<u64> {
        if self.is_file { self.size() } else { Ok(self.made_from) }
    }

    /// `true` when reading at one place costs no more than at another: not so in what has to be decoded up to there.
    pub fn is_random_access(&self) -> bool {
        self.is_file
    }

    /// Bytes in this window.
    ///
    /// # Errors
    /// As [`Source::size`].
    pub fn size(&self) -> io::Result<u64> {
        let end = match self.end {
            Some(end) if !self.is_file => end,
            Some(end) => end.min(self.source.size()?),
            None => self.source.size()?,
        };
        Ok(end.saturating_sub(self.start))
    }

    /// Reads at `offset` of this window; short only at its end.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Some(at) = self.start.checked_add(offset) else { return Ok(0) };
        let room = self.end.map_or(u64::MAX, |end| end.saturating_sub(at));
        let want = usize::try_from(room).unwrap_or(usize::MAX).min(buf.len());
        let Some(buf) = buf.get_mut(..want) else { return Ok(0) };
        let n = self.source.read_at(at, buf)?;
        if self.is_file {
            self.budget.read.set(self.budget.read.get().saturating_add(n as u64));
        }
        Ok(n)
    }

    /// At most `max_bytes` from `offset` on; fewer at the end. The caller bounds `max_bytes`.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    pub fn bytes_at(&self, offset: u64, max_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; max_bytes];
        let n = self.read_at(offset, &mut bytes)?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// A part of this window, under the same member name; clipped to this window.
    #[must_use]
    pub fn slice(&self, offset: u64, size: u64) -> Self {
        let start = self.start.saturating_add(offset);
        let end = start.saturating_add(size);
        let end = self.end.map_or(end, |own| own.min(end));
        Self { start: start.min(end), end: Some(end), ..self.clone() }
    }

    /// This window's bytes as the member `name` (escaped here) of a container: one level deeper.
    #[must_use]
    pub fn as_member(&self, name: &str) -> Self {
        Self { member: member_path(&self.member, name), depth: self.depth.saturating_add(1), ..self.clone() }
    }

    /// Other bytes, made from this window's (decoded, or taken out of a structure), as its member `name`: one level deeper.
    #[must_use]
    pub fn derived(&self, name: &str, source: Rc<dyn Source>) -> Self {
        Self {
            source,
            budget: Rc::clone(&self.budget),
            is_file: false,
            start: 0,
            end: None,
            member: member_path(&self.member, name),
            depth: self.depth.saturating_add(1),
            made_from: self.file_bytes().unwrap_or_default(),
        }
    }

    /// A buffered forward reader from `offset` on, for parsers that mostly go ahead and sometimes skip.
    pub fn cursor(&self, offset: u64) -> Cursor<'_> {
        Cursor { input: self, buffer: Vec::new(), buffer_at: offset, next: 0, window: MIN_WINDOW / 2 }
    }
}

fn member_path(parent: &str, name: &str) -> Rc<str> {
    let name = printable(name, 512);
    let path = if parent.is_empty() { name } else { format!("{parent}!{name}") };
    printable(&path, MAX_MEMBER_BYTES).into()
}

/// The first read of a cursor, in bytes; windows double up to [`MAX_WINDOW`] while reading goes straight ahead.
const MIN_WINDOW: usize = 4 * 1024;
/// The largest read of a cursor, in bytes.
const MAX_WINDOW: usize = 256 * 1024;

/// A buffered forward reader over an [`Input`]. A skip moves the offset and reads nothing.
pub struct Cursor<'a> {
    input: &'a Input,
    buffer: Vec<u8>,
    /// Offset of the buffer's first byte.
    buffer_at: u64,
    /// The next byte, in the buffer; its end when the next byte was not read yet.
    next: usize,
    /// Bytes that the next refill reads.
    window: usize,
}

impl Cursor<'_> {
    /// Offset of the next byte in the input.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.buffer_at.saturating_add(self.next as u64)
    }

    /// The buffered bytes from the current offset on, after making sure that there are at least `wanted` (at most
    /// [`MAX_WINDOW`]) of them, unless the input ends before.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    #[inline]
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.next < wanted {
            self.refill(wanted)?;
        }
        Ok(self.buffer.get(self.next..).unwrap_or_default())
    }

    /// Takes the next byte; `None` at the end.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    #[inline]
    pub fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.next >= self.buffer.len() {
            self.refill(1)?;
        }
        let byte = self.buffer.get(self.next).copied();
        self.next += usize::from(byte.is_some());
        Ok(byte)
    }

    /// Goes `n` bytes ahead, without reading them.
    #[inline]
    pub fn skip(&mut self, n: u64) {
        match usize::try_from(n) {
            Ok(n) if n <= self.buffer.len() - self.next => self.next += n,
            _ => self.seek(self.offset().saturating_add(n)),
        }
    }

    /// Goes to `offset`, ahead or back.
    pub fn seek(&mut self, offset: u64) {
        let inside = offset.checked_sub(self.buffer_at).and_then(|n| usize::try_from(n).ok());
        if let Some(next) = inside.filter(|next| *next <= self.buffer.len()) {
            self.next = next;
        } else {
            self.buffer.clear();
            self.buffer_at = offset;
            self.next = 0;
            self.window = MIN_WINDOW / 2;
        }
    }

    /// Reads the window at the current offset. Windows double while reading goes straight ahead.
    #[cold]
    fn refill(&mut self, wanted: usize) -> io::Result<()> {
        let at = self.offset();
        self.window = (self.window * 2).clamp(MIN_WINDOW, MAX_WINDOW);
        let size = self.window.max(wanted.min(MAX_WINDOW));
        self.buffer_at = at;
        self.next = 0;
        self.buffer.resize(size, 0);
        let read = self.input.read_at(at, &mut self.buffer);
        self.buffer.truncate(*read.as_ref().unwrap_or(&0));
        read.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Limits;

    fn input(bytes: &[u8]) -> Input {
        Input::new(Rc::new(bytes.to_vec()), Rc::new(Budget::new(&Limits::default())))
    }

    #[test]
    fn a_slice_never_reaches_outside_its_window() {
        let whole = input(b"0123456789");
        let part = whole.slice(2, 5).slice(3, 100);
        assert_eq!(part.bytes_at(0, 100).unwrap(), b"56");
        assert_eq!(part.slice(u64::MAX, u64::MAX).bytes_at(0, 10).unwrap(), b"");
        assert_eq!(whole.slice(4, 100).size().unwrap(), 6);
    }

    #[test]
    fn a_cursor_skips_without_reading() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let input = input(&bytes);
        let mut cursor = input.cursor(0);
        assert_eq!(cursor.peek(2).unwrap()[..2], [0, 1]);
        cursor.skip((1 << 20) - 1);
        assert_eq!(cursor.peek(10).unwrap(), [255]);
        assert_eq!((cursor.byte().unwrap(), cursor.byte().unwrap()), (Some(255), None));
        cursor.seek(1);
        assert_eq!((cursor.byte().unwrap(), cursor.offset()), (Some(1), 2));
        assert!(input.budget().bytes_read() < 10_000);
    }
}
