//! The machine's stack with its marks, bounded however much a pickle pushes.
//!
//! As in CPython's `Modules/_pickle.c`: what lies below the last mark is out of reach until the mark is popped. What a pickle pushed
//! beyond the bound is forgotten from the bottom, and is unknown when it comes back.

use super::value::Value;

#[derive(Debug, Clone)]
pub(super) struct Stack {
    /// Values and marks that are kept; the bottom half is forgotten beyond.
    max_values: usize,
    max_marks: usize,
    values: Vec<Value>,
    /// Values below those that are kept.
    forgotten: u64,
    marks: Vec<u64>,
    marks_forgotten: u64,
    /// Height of the last mark: nothing below is popped.
    fence: u64,
}

impl Stack {
    /// A stack that takes at most `max_bytes`, and half as much again for its marks.
    pub(super) fn new(max_bytes: usize) -> Self {
        let max_values = (max_bytes / size_of::<Value>()).max(1024);
        Self {
            max_values,
            max_marks: max_values / 2,
            values: Vec::new(),
            forgotten: 0,
            marks: Vec::new(),
            marks_forgotten: 0,
            fence: 0,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Value) {
        if self.values.len() >= self.max_values {
            self.forget_values();
        }
        self.values.push(value);
    }

    #[cold]
    fn forget_values(&mut self) {
        self.values.drain(..self.max_values / 2);
        self.forgotten += (self.max_values / 2) as u64;
    }

    #[inline]
    fn height(&self) -> u64 {
        self.forgotten + self.values.len() as u64
    }

    /// Takes the top; `None` when there is nothing above the last mark.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Value> {
        if self.height() <= self.fence {
            return None;
        }
        let top = self.values.pop();
        if top.is_none() {
            self.forgotten = self.forgotten.saturating_sub(1);
        }
        Some(top.unwrap_or(Value::UNKNOWN))
    }

    /// The top, left in place.
    #[inline]
    pub(super) fn top(&self) -> Option<Value> {
        if self.height() <= self.fence { None } else { Some(self.values.last().copied().unwrap_or(Value::UNKNOWN)) }
    }

    #[inline]
    pub(super) fn mark(&mut self) {
        if self.marks.len() >= self.max_marks {
            self.marks.drain(..self.max_marks / 2);
            self.marks_forgotten += (self.max_marks / 2) as u64;
        }
        self.fence = self.height();
        self.marks.push(self.fence);
    }

    /// What was pushed since the last mark; the mark is gone, the values stay until [`Stack::drop_to`].
    #[inline]
    pub(super) fn pop_mark(&mut self) -> Option<u64> {
        let mark = match self.marks.pop() {
            Some(mark) => mark,
            None if self.marks_forgotten > 0 => {
                self.marks_forgotten -= 1;
                self.height()
            }
            None => return None,
        };
        self.fence = self.marks.last().copied().unwrap_or(0);
        Some(mark)
    }

    /// The values from height `mark` on.
    #[inline]
    pub(super) fn since(&self, mark: u64) -> &[Value] {
        let start = usize::try_from(mark.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        self.values.get(start..).unwrap_or_default()
    }

    /// Drops the values from height `mark` on.
    #[inline]
    pub(super) fn drop_to(&mut self, mark: u64) {
        if mark < self.forgotten {
            self.forgotten = mark;
            self.values.clear();
        } else {
            self.values.truncate(usize::try_from(mark - self.forgotten).unwrap_or(usize::MAX));
        }
    }

    /// Every value that is kept.
    pub(super) fn values_mut(&mut self) -> &mut [Value] {
        &mut self.values
    }
}
