//! The opcodes that import and call: where their module, name and arguments come from.

use std::io;

use super::heap::Shape;
use super::judge::How;
use super::literal;
use super::machine::Machine;
use super::value::Value;

/// The longest name that is read; no name of Python is longer.
const MAX_NAME_BYTES: usize = 64 * 1024;

impl Machine<'_> {
    pub(super) fn global(&mut self, at: u64) -> io::Result<()> {
        let (module, module_cut) = self.line()?;
        let (name, name_cut) = self.line()?;
        let value = self.import_written(at, &module, &name, module_cut || name_cut);
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn import_written(&mut self, at: u64, module: &[u8], name: &[u8], is_cut: bool) -> Value {
        let (module, name) = (literal::text_of(module), literal::text_of(name));
        if is_cut {
            self.unresolvable_global(at, "a name of many thousand characters");
        }
        self.import(at, &module, &name, self.protocol < 3)
    }

    pub(super) fn stack_global(&mut self, at: u64) -> io::Result<()> {
        let name = self.pop(at);
        let module = self.pop(at);
        let value = match (self.text(module, MAX_NAME_BYTES), self.text(name, MAX_NAME_BYTES)) {
            (Some(module), Some(name)) => self.import(at, &module, &name, self.protocol < 3),
            _ => self.import_unknown(at, module, name),
        };
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn instance(&mut self, at: u64) -> io::Result<()> {
        let (module, module_cut) = self.line()?;
        let (name, name_cut) = self.line()?;
        let mark = self.mark(at);
        let callee = self.import_written(at, &module, &name, module_cut || name_cut);
        let arguments = self.heap.make(Shape::Tuple, self.stack.since(mark));
        self.stack.drop_to(mark);
        let made = self.call(at, How::Instance, callee, arguments, Value::VACANT);
        self.stack.push(made);
        Ok(())
    }

    pub(super) fn object(&mut self, at: u64) {
        let mark = self.mark(at);
        let (callee, arguments) = match self.stack.since(mark).split_first() {
            Some((callee, arguments)) => (*callee, self.heap.make(Shape::Tuple, arguments)),
            None => {
                self.fault(at, "OBJ without a class");
                (Value::UNKNOWN, Value::UNKNOWN)
            }
        };
        self.stack.drop_to(mark);
        let made = self.call(at, How::Instance, callee, arguments, Value::VACANT);
        self.stack.push(made);
    }

    pub(super) fn reduce(&mut self, at: u64) {
        let arguments = self.pop(at);
        let callee = self.pop(at);
        let made = self.call(at, How::Call, callee, arguments, Value::VACANT);
        self.stack.push(made);
    }

    pub(super) fn new_object(&mut self, at: u64, has_keywords: bool) {
        let keywords = if has_keywords { self.pop(at) } else { Value::VACANT };
        let arguments = self.pop(at);
        let callee = self.pop(at);
        let made = self.call(at, How::New, callee, arguments, keywords);
        self.stack.push(made);
    }

    pub(super) fn build(&mut self, at: u64) {
        let state = self.pop(at);
        match self.stack.top() {
            Some(target) => self.fill(at, target, state),
            None => self.fault(at, "BUILD of nothing"),
        }
    }

    pub(super) fn persistent(&mut self, at: u64) {
        let id = self.pop(at);
        let value = self.judge_persistent(at, id);
        self.stack.push(value);
    }

    pub(super) fn extension(&mut self, at: u64, width: usize) -> io::Result<()> {
        let code = self.number(width)?;
        self.judge_extension(at, code);
        self.stack.push(Value::UNKNOWN);
        Ok(())
    }
}
