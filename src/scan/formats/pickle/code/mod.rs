//! Python code that a file carries: what it reaches when it runs.
//!
//! Honest models carry code too (a lambda in a pipeline, a cloudpickled class), so that there is code tells little: what counts is whether it
//! reaches for something dangerous. Names, constants and the instructions that load them are read; nothing is decompiled or run.

mod bytecode;
mod marshal;
mod pickled;
mod reach;
mod source;
#[cfg(test)]
mod tests;

pub(super) use marshal::read as read_marshal;
pub(crate) use reach::Reach;
pub(super) use reach::{of_code, of_source};

/// A code object, of whatever version of Python.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Code {
    /// The function's name.
    pub(super) name: String,
    /// Names of globals, attributes and imports that the instructions load by index.
    pub(super) names: Vec<String>,
    /// Names of local variables.
    pub(super) variables: Vec<String>,
    /// Constants that are texts.
    pub(super) texts: Vec<String>,
    /// Code inside: inner functions, classes, comprehensions.
    pub(super) inner: Vec<Code>,
    pub(super) instructions: Vec<u8>,
}

/// What an instruction, or a piece of source, loads or stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'c> {
    /// A global or built-in name.
    Global(&'c str),
    /// A local variable.
    Local(&'c str),
    /// An attribute of what was loaded just before.
    Attribute(&'c str),
    /// A module.
    Import(&'c str),
    /// A name out of the module that was imported just before.
    From(&'c str),
    /// What was loaded just before, under a name.
    Store(&'c str),
    /// Anything else: what was loaded just before is gone.
    Other,
}
