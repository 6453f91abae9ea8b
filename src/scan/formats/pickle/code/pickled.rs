//! Code objects that a pickle makes piece by piece: the arguments of `types.CodeType`, as cloudpickle and dill write them.

use super::super::heap::{ARGUMENTS, Shape};
use super::super::machine::Machine;
use super::super::value::Value;
use super::Code;

/// Code inside code.
const MAX_DEPTH: u8 = 12;
/// Instructions that are read of one function.
const MAX_INSTRUCTION_BYTES: usize = 4 << 20;
/// The longest text among names and constants that is read.
const MAX_TEXT_BYTES: usize = 64 * 1024;

impl Machine<'_> {
    /// The code object that a call with `arguments` makes, if they are those of one: the instructions, then tuples of constants, names and
    /// variables.
    pub(in super::super) fn code_of_arguments(&self, arguments: &[Value]) -> Option<Code> {
        self.pickled_code(arguments, 0)
    }

    fn pickled_code(&self, arguments: &[Value], depth: u8) -> Option<Code> {
        let is_tuple = |value: &Value| self.arguments(*value).is_some();
        let is_start = |part: &[Value]| match part {
            [instructions, tuples @ ..] => {
                tuples.iter().all(is_tuple) && self.bytes(*instructions, MAX_INSTRUCTION_BYTES).is_some()
            }
            [] => false,
        };
        let at = arguments.windows(4).position(is_start)?;
        let [instructions, constants, names, variables, rest @ ..] = arguments.get(at..)? else { return None };
        let mut code = Code {
            name: rest.get(1).and_then(|name| self.text(*name, 256)).unwrap_or_default(),
            names: self.texts(*names)?,
            variables: self.texts(*variables)?,
            instructions: self.bytes(*instructions, MAX_INSTRUCTION_BYTES)?,
            ..Code::default()
        };
        self.collect_constants(&self.arguments(*constants)?, &mut code, depth);
        Some(code)
    }

    fn collect_constants(&self, constants: &[Value], code: &mut Code, depth: u8) {
        for constant in constants {
            if let Some(text) = self.text(*constant, MAX_TEXT_BYTES) {
                code.texts.push(text);
            } else if let Some(id) = constant.as_node().filter(|_| depth < MAX_DEPTH) {
                let is_call = self.heap.shape(id) == Some(Shape::Called);
                let inner = if is_call { self.heap.item(id, ARGUMENTS) } else { *constant };
                let Some(values) = self.arguments(inner) else { continue };
                match self.pickled_code(&values, depth + 1).filter(|_| is_call) {
                    Some(inner) => code.inner.push(inner),
                    None => self.collect_constants(&values, code, depth + 1),
                }
            }
        }
    }

    fn texts(&self, tuple: Value) -> Option<Vec<String>> {
        let values = self.arguments(tuple)?;
        values.iter().map(|value| self.text(*value, MAX_TEXT_BYTES)).collect()
    }
}
