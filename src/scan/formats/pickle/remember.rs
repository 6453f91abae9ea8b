//! The opcodes of the memo: MEMOIZE, PUT and GET in each of their forms.

use std::io;

use super::literal;
use super::machine::Machine;
use super::value::Value;

impl Machine<'_> {
    #[inline]
    pub(super) fn memoize(&mut self, at: u64) {
        let top = self.stack.top();
        if top.is_none() {
            self.fault(at, "MEMOIZE of nothing");
        }
        self.memo.add(top.unwrap_or(Value::UNKNOWN));
    }

    #[inline]
    pub(super) fn put_counted(&mut self, width: usize) -> io::Result<()> {
        let index = self.number(width)?;
        self.put(index);
        Ok(())
    }

    #[inline]
    pub(super) fn put(&mut self, index: u64) {
        let top = self.stack.top();
        if top.is_none() {
            self.fault(self.cursor.offset(), "PUT of nothing");
        }
        self.memo.put(index, top.unwrap_or(Value::UNKNOWN));
    }

    #[inline]
    pub(super) fn get_counted(&mut self, width: usize) -> io::Result<()> {
        let index = self.number(width)?;
        self.get(index);
        Ok(())
    }

    #[inline]
    pub(super) fn get(&mut self, index: u64) {
        let value = self.memo.get(index);
        if value.is_none() {
            self.fault(self.cursor.offset(), "GET of what was never put");
        }
        self.stack.push(value.unwrap_or(Value::UNKNOWN));
    }

    pub(super) fn get_line(&mut self, at: u64) -> io::Result<()> {
        match self.index_line(at)? {
            Some(index) => self.get(index),
            None => self.stack.push(Value::UNKNOWN),
        }
        Ok(())
    }

    pub(super) fn put_line(&mut self, at: u64) -> io::Result<()> {
        if let Some(index) = self.index_line(at)? {
            self.put(index);
        }
        Ok(())
    }

    pub(super) fn index_line(&mut self, at: u64) -> io::Result<Option<u64>> {
        let (line, _) = self.line()?;
        let index = literal::integer(&line, 10).and_then(|n| u64::try_from(n).ok());
        if index.is_none() {
            self.fault(at, "an index of the memo that is no number");
        }
        Ok(index)
    }
}
