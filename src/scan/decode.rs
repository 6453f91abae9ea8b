//! What compressed bytes decode to, as a [`Source`] that any format can read at any offset.
//!
//! A sequential decoder gives no random access, and spooling its output would make memory or disk grow with what an attacker wrote.
//! So the first chunk and the last two are kept; a read ahead decodes up to there, a read further back starts the decoder again.
//! Every byte that is decoded, also for the second time, is taken from the budget: that is what ends a bomb. Damage in the
//! compressed bytes is not an error here but an early end, since a loader also runs what came before it; [`Decoded::tell`]
//! reports it when the member was scanned.

pub(crate) mod codec;
mod packed;

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use super::input::{Budget, Input, OutOfBudget, Source};
use super::{Scan, Stop};
use crate::report::{Finding, Rule, Severity};
pub(crate) use packed::{Packed, Progress};

/// More comes out of few bytes than any honest content explains.
pub(crate) const BOMB: Rule = Rule::new("archive.bomb");

/// Bytes decoded at a time, and kept.
const CHUNK_BYTES: u64 = 128 * 1024;

/// Output for each byte of the file that is no honest content any more, and the output from which on that counts. One layer of
/// deflate cannot do better than 1032:1, so a tensor of zeros never trips the first line; the second is for zeros without end.
const BOMBS: [(u64, u64); 2] = [(1100, 256 << 20), (500, 4 << 30)];

/// How compressed bytes begin to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Without damage, as far as was tried.
    Sound,
    /// It asks for more than the limit.
    TooLarge,
    /// With damage where the compressed bytes end: a wrong checksum, which says nothing against the content.
    DamagedAtEnd,
    /// With damage, or nothing comes out.
    Damaged,
}

/// Opens a fresh decoder at the beginning.
type Open = Box<dyn Fn(&Rc<Progress>) -> io::Result<Box<dyn Read>>>;

/// The bytes that a decoder produces.
pub(crate) struct Decoded {
    open: Open,
    budget: Rc<Budget>,
    /// Bytes of the file behind the compressed bytes.
    file_bytes: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    reader: Option<Box<dyn Read>>,
    progress: Rc<Progress>,
    /// The first chunk, once it was decoded.
    head: Option<Vec<u8>>,
    /// The last two chunks, the older one first.
    recent: [Vec<u8>; 2],
    /// Chunks decoded so far by the reader at hand.
    decoded_chunks: u64,
    /// Where the output ends, once that was seen, and where in the compressed bytes that was.
    end: Option<End>,
    /// What is wrong with the compressed bytes, or what they ask too much of.
    fault: Option<Stop>,
}

#[derive(Clone, Copy)]
struct End {
    size: u64,
    packed_bytes: u64,
}

impl Decoded {
    /// What `open` decodes, made from `packed`.
    pub(crate) fn new(packed: &Input, open: Open) -> io::Result<Self> {
        let budget = Rc::clone(packed.budget());
        Ok(Self { open, budget, file_bytes: packed.file_bytes()?, state: RefCell::default() })
    }

    /// How many compressed bytes were used up, once the output was decoded to its end.
    pub(crate) fn packed_bytes(&self) -> Option<u64> {
        self.state.borrow().end.map(|end| end.packed_bytes)
    }

    /// How many bytes come out, once they were decoded to their end.
    pub(crate) fn decoded_size(&self) -> Option<u64> {
        self.state.borrow().end.map(|end| end.size)
    }

    /// `true` when the compressed bytes were found wrong, as far as they were decoded.
    pub(crate) fn is_damaged(&self) -> bool {
        self.state.borrow().fault.is_some()
    }

    /// How the beginning decodes: what tells a weak magic number from chance.
    pub(crate) fn begins(&self, packed_size: u64) -> io::Result<Beginning> {
        const TRIAL_BYTES: usize = 4096;
        const CHECKSUM_BYTES: u64 = 8;
        let n = self.read_at(0, &mut [0; TRIAL_BYTES])?;
        let state = self.state.borrow();
        let is_at_end = state.progress.consumed().saturating_add(CHECKSUM_BYTES) >= packed_size;
        Ok(match &state.fault {
            None if n > 0 => Beginning::Sound,
            Some(Stop::Limit(_)) => Beginning::TooLarge,
            Some(_) if n > 0 && is_at_end => Beginning::DamagedAtEnd,
            _ => Beginning::Damaged,
        })
    }

    /// Reports what decoding itself brought to light, after `input` was scanned.
    pub(crate) fn tell(&self, scan: &mut Scan<'_>, input: &Input) {
        let state = self.state.borrow();
        let decoded = state.end.map_or(state.decoded_chunks.saturating_mul(CHUNK_BYTES), |end| end.size);
        if BOMBS.iter().any(|&(ratio, least)| decoded > least && decoded / ratio > self.file_bytes) {
            let message = "A few bytes unpack to a great many: a decompression bomb";
            let evidence = format!("at least {decoded} bytes from {}", self.file_bytes);
            scan.finding(input, Finding::new(BOMB, Severity::Medium, message).evidence(evidence));
        }
        if let Some(stop) = &state.fault {
            scan.stopped(input, stop);
        }
    }

    /// The bytes from `offset` to the end of the chunk that they are in.
    fn with_chunk<T>(&self, offset: u64, take: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let index = offset / CHUNK_BYTES;
        let within = usize::try_from(offset % CHUNK_BYTES).unwrap_or(usize::MAX);
        let mut state = self.state.borrow_mut();
        while state.chunk(index).is_none() {
            if state.end.is_some_and(|end| offset >= end.size) {
                return Ok(None);
            }
            self.decode_chunk(&mut state, index)?;
        }
        Ok(state.chunk(index).and_then(|chunk| chunk.get(within..)).filter(|rest| !rest.is_empty()).map(take))
    }

    /// Decodes the next chunk; starts again first when `wanted` lies behind.
    fn decode_chunk(&self, state: &mut State, wanted: u64) -> io::Result<()> {
        if state.reader.is_none() || wanted < state.decoded_chunks {
            self.restart(state)?;
        }
        let mut chunk = Vec::new();
        let Some(reader) = state.reader.as_mut() else { return Ok(()) };
        let result = reader.by_ref().take(CHUNK_BYTES).read_to_end(&mut chunk);
        let decoded = chunk.len() as u64;
        let budget_left = self.budget.take_decoded(decoded);
        if let Err(fault) = &result {
            state.fail(fault)?;
        }
        if !budget_left {
            state.reader = None;
            state.fault.get_or_insert(Stop::Limit(OutOfBudget.to_string()));
            return Err(OutOfBudget.into());
        }
        if decoded < CHUNK_BYTES {
            let size = state.decoded_chunks.saturating_mul(CHUNK_BYTES).saturating_add(decoded);
            state.end = Some(End { size, packed_bytes: state.progress.consumed() });
        }
        state.keep(chunk);
        Ok(())
    }

    fn restart(&self, state: &mut State) -> io::Result<()> {
        state.reader = None;
        state.progress = Rc::default();
        state.decoded_chunks = 0;
        state.recent = Default::default();
        let reader = match (self.open)(&state.progress) {
            Ok(reader) => reader,
            Err(fault) => {
                state.fail(&fault)?;
                Box::new(io::empty())
            }
        };
        state.reader = Some(reader);
        Ok(())
    }
}

impl State {
    fn chunk(&self, index: u64) -> Option<&Vec<u8>> {
        if index == 0 {
            return self.head.as_ref();
        }
        let age = self.decoded_chunks.checked_sub(index)?;
        let kept = usize::try_from(age).ok().and_then(|age| self.recent.len().checked_sub(age))?;
        self.recent.get(kept)
    }

    fn keep(&mut self, chunk: Vec<u8>) {
        if self.decoded_chunks == 0 && self.head.is_none() {
            self.head = Some(chunk.clone());
        }
        let [_, last] = std::mem::take(&mut self.recent);
        self.recent = [last, chunk];
        self.decoded_chunks += 1;
    }

    /// Notes damage of the compressed bytes; hands on an error that is none of theirs.
    fn fail(&mut self, error: &io::Error) -> io::Result<()> {
        if let Some(error) = self.progress.take_error() {
            self.reader = None;
            return Err(error);
        }
        if OutOfBudget::is(error) {
            return Err(OutOfBudget.into());
        }
        let text = format!("the compressed data cannot be read on: {error}");
        let is_limit = error.kind() == io::ErrorKind::OutOfMemory;
        self.fault.get_or_insert(if is_limit { Stop::Limit(text) } else { Stop::Fault(text) });
        Ok(())
    }
}

impl Source for Decoded {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let copied = self.with_chunk(offset.saturating_add(done as u64), |bytes| {
                rest.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                rest.len().min(bytes.len())
            })?;
            match copied {
                Some(n) => done += n,
                None => break,
            }
        }
        Ok(done)
    }

    fn size(&self) -> io::Result<u64> {
        let mut state = self.state.borrow_mut();
        loop {
            if let Some(end) = state.end {
                return Ok(end.size);
            }
            let next = state.decoded_chunks;
            self.decode_chunk(&mut state, next)?;
        }
    }
}

#[cfg(test)]
mod tests;
