//! The machine's stack with its marks, bounded however much a pickle pushes.
//!
//! As in CPython's `Modules/_pickle.c`: what lies below the last mark is out of reach until the mark is popped. What a pickle pushed
//! beyond the bound is forgotten from the bottom, and is unknown when it comes back.

use super::value::Value;

/// Values and marks that are kept; the bottom half is forgotten beyond.
const MAX_VALUES: usize = 4 << 20;
const MAX_MARKS: usize = 2 << 20;

#[derive(Debug, Default)]
pub(super) struct Stack {
    values: Vec<Value>,
    /// Values below those that are kept.
    forgotten: u64,
    marks: Vec<u64>,
    marks_forgotten: u64,
    /// Height of the last mark: nothing below is popped.
    fence: u64,
}

impl Stack {
    #[inline]
    pub(super) fn push(&mut self, value: Value) {
        if self.values.len() >= MAX_VALUES {
            self.forget_values();
        }
        self.values.push(value);
    }

    #[cold]
    fn forget_values(&mut self) {
        self.values.drain(..MAX_VALUES / 2);
        self.forgotten += (MAX_VALUES / 2) as u64;
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

    /// Puts something else in place of the top.
    pub(super) fn replace_top(&mut self, value: Value) {
        if let Some(top) = self.values.last_mut() {
            *top = value;
        }
    }

    #[inline]
    pub(super) fn mark(&mut self) {
        if self.marks.len() >= MAX_MARKS {
            self.marks.drain(..MAX_MARKS / 2);
            self.marks_forgotten += (MAX_MARKS / 2) as u64;
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

    /// `true` when nothing lies above the last mark.
    pub(super) fn is_empty(&self) -> bool {
        self.height() <= self.fence
    }

    /// Every value that is kept.
    pub(super) fn values_mut(&mut self) -> &mut [Value] {
        &mut self.values
    }
}
