//! The machine's memo, bounded however many values a pickle remembers.
//!
//! Small indexes, which is all that honest pickles have, are an array. Beyond the bound, plain constants are no longer kept and come
//! back as unknown; what can be called or walked is kept in a map, up to a bound of its own.

use std::collections::HashMap;

use super::value::{Value, View};

/// How far beyond its end the array grows for one entry.
const MAX_GAP: usize = 1 << 16;

#[derive(Debug, Clone)]
pub(super) struct Memo {
    /// Indexes that the array serves, and entries of the map.
    max_dense: usize,
    max_sparse: usize,
    /// Vacant where nothing was put.
    dense: Vec<Value>,
    sparse: HashMap<u64, Value>,
    /// Entries, kept or not: what MEMOIZE takes as its index.
    count: u64,
    /// Entries beyond the bounds were dropped.
    forgot: bool,
}

impl Memo {
    /// A memo that takes about `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        let max_dense = (max_bytes / size_of::<Value>()).max(1024);
        Self {
            max_dense,
            max_sparse: max_dense / 16,
            dense: Vec::new(),
            sparse: HashMap::new(),
            count: 0,
            forgot: false,
        }
    }

    /// Remembers `value` under the next index.
    #[inline]
    pub(super) fn add(&mut self, value: Value) {
        self.put(self.count, value);
    }

    #[inline]
    pub(super) fn put(&mut self, index: u64, value: Value) {
        match usize::try_from(index) {
            Ok(at) if at == self.dense.len() && at < self.max_dense => {
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
            Ok(at) if at < self.max_dense && at - self.dense.len() < MAX_GAP => {
                while self.dense.len() < at {
                    let earlier = self.sparse.remove(&(self.dense.len() as u64));
                    self.dense.push(earlier.unwrap_or(Value::VACANT));
                }
                self.put(index, value);
            }
            _ if self.sparse.len() < self.max_sparse => {
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

    /// Memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.dense.len() * size_of::<Value>() + self.sparse.len() * 4 * size_of::<Value>()
    }

    /// Renames every value that is kept.
    pub(super) fn rename(&mut self, rename: impl Fn(Value) -> Value) {
        self.dense.iter_mut().for_each(|value| *value = rename(*value));
        self.sparse.values_mut().for_each(|value| *value = rename(*value));
    }
}
