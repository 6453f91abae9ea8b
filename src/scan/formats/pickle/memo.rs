//! The machine's memo, bounded however many values a pickle remembers.
//!
//! Small indexes, which is all that honest pickles have, are an array. Beyond the bound, plain constants are no longer kept and come
//! back as unknown; what can be called or walked is kept in a map, up to a bound of its own.

use std::collections::HashMap;

use super::value::{Value, View};

/// Indexes that the array serves, and entries of the map.
const MAX_DENSE: usize = 16 << 20;
const MAX_SPARSE: usize = 1 << 20;
/// How far beyond its end the array grows for one entry.
const MAX_GAP: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Memo {
    /// Vacant where nothing was put.
    dense: Vec<Value>,
    sparse: HashMap<u64, Value>,
    /// Entries, kept or not: what MEMOIZE takes as its index.
    count: u64,
    /// Entries beyond the bounds were dropped.
    forgot: bool,
}

impl Memo {
    /// Remembers `value` under the next index.
    #[inline]
    pub(super) fn add(&mut self, value: Value) {
        self.put(self.count, value);
    }

    #[inline]
    pub(super) fn put(&mut self, index: u64, value: Value) {
        match usize::try_from(index) {
            Ok(at) if at == self.dense.len() && at < MAX_DENSE => {
                self.dense.push(value);
                self.count += u64::from(self.sparse.is_empty() || self.sparse.remove(&index).is_none());
            }
            Ok(at) if at < self.dense.len() => {
                if let Some(slot) = self.dense.get_mut(at) {
                    self.count += u64::from(*slot == Value::VACANT);
                    *slot = value;
                }
            }
            _ => self.put_far(index, value),
        }
    }

    #[cold]
    fn put_far(&mut self, index: u64, value: Value) {
        match usize::try_from(index) {
            Ok(at) if at < MAX_DENSE && at - self.dense.len() < MAX_GAP => {
                while self.dense.len() < at {
                    let earlier = self.sparse.remove(&(self.dense.len() as u64));
                    self.dense.push(earlier.unwrap_or(Value::VACANT));
                }
                self.put(index, value);
            }
            _ if self.sparse.len() < MAX_SPARSE => {
                self.count += u64::from(self.sparse.insert(index, value).is_none());
            }
            _ => {
                let is_plain = matches!(value.view(), View::Const(_) | View::Plain | View::Made(_) | View::Unknown);
                self.forgot = true;
                self.count += 1;
                if !is_plain {
                    self.replace_a_plain_one(index, value);
                }
            }
        }
    }

    /// Takes the place of an entry that nobody can call.
    fn replace_a_plain_one(&mut self, index: u64, value: Value) {
        let is_plain = |v: &Value| matches!(v.view(), View::Const(_) | View::Plain | View::Unknown);
        let victim = self.sparse.iter().take(64).find(|(_, v)| is_plain(v)).map(|(key, _)| *key);
        if let Some(victim) = victim {
            self.sparse.remove(&victim);
            self.sparse.insert(index, value);
        }
    }

    /// What is remembered under `index`; `None` when nothing ever was.
    #[inline]
    pub(super) fn get(&self, index: u64) -> Option<Value> {
        let near = usize::try_from(index).ok().and_then(|at| self.dense.get(at).copied());
        near.filter(|value| *value != Value::VACANT).or_else(|| self.get_far(index))
    }

    #[cold]
    fn get_far(&self, index: u64) -> Option<Value> {
        let far = self.sparse.get(&index).copied();
        far.or_else(|| self.forgot.then_some(Value::UNKNOWN))
    }

    /// Renames every value that is kept.
    pub(super) fn rename(&mut self, rename: impl Fn(Value) -> Value) {
        self.dense.iter_mut().for_each(|value| *value = rename(*value));
        self.sparse.values_mut().for_each(|value| *value = rename(*value));
    }
}
