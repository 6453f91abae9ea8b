//! What is safe, dangerous or unknown: tables of data with a reason and a source, no parsing of models.
//!
//! [`Rules::judge`] answers for one callable, named as a pickle names it. The safe list is exact, callable by callable: a name never
//! becomes safe because its module is, and a dotted name is judged where it ends. The tables are the TOML files beside this one,
//! compiled by the build script; nothing is parsed or allocated at run time. What a callable is *given* is judged by the pickle machine.

mod allow;
mod condition;
mod dotted;
mod tables;
mod walk;

#[cfg(test)]
mod compile;
#[cfg(test)]
mod tests;

pub use allow::PatternError;
pub use condition::Condition;

use crate::report::Severity;
use allow::Pattern;
use dotted::Dotted;
use tables::Safe;

/// What a callable is, before its arguments are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A constructor of plain data: calling it with data does nothing but make data. Called with an object (`list(x)`, `str(x)`), it runs
    /// that object's own methods.
    Inert,
    /// A class of a model or framework: safe to construct without running `__init__` (NEWOBJ, `copyreg._reconstructor`) and to fill (BUILD).
    Model {
        /// Whether calling it (REDUCE, OBJ, INST) with inert arguments is safe too.
        call: bool,
    },
    /// A function of a framework: safe to be named, stored and handed on as a parameter of a model; not safe to be called.
    Reference,
    /// Safe only with the arguments that it has in models.
    Conditional(Condition),
    /// Known to run code or commands, to write or delete files, to open connections, or to lead there.
    Dangerous {
        /// How bad a call of it is.
        severity: Severity,
        /// What it does, for a person.
        reason: &'static str,
    },
    /// Of Python's standard library (2.7, 3.8 to 3.14) and not on the safe list: `high`.
    StandardLibrary,
    /// Of a package that is known not to belong in models: `high`.
    NoPlaceInModels {
        /// What the package is for.
        reason: &'static str,
    },
    /// Named by the user's own allow entry.
    Allowed,
    /// Nothing is known of it: `high` when called with arguments, `medium` when only constructed and filled.
    Unknown,
}

/// Where the classes of a TorchScript archive live. It is no package of Python, which fails to import it: the loader of TorchScript
/// compiles them from the `code/` members of the same archive, which are scanned as what they are.
const TORCHSCRIPT_NAMESPACE: &str = "__torch__";

/// The built-in tables and the user's own allow entries.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    allowed: Vec<Pattern>,
}

impl Rules {
    /// The built-in tables alone.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Adds callables that the user trusts: exact (`my_pkg.train.loss`) or all below a package (`my_pkg.models.*`).
    ///
    /// An exact entry is the last word on that callable. A pattern never covers what is known to be dangerous, nor a dotted name that
    /// walks out of the package.
    pub fn with_allowed(mut self, patterns: impl IntoIterator<Item = String>) -> Result<Self, PatternError> {
        for pattern in patterns {
            self.allowed.push(Pattern::parse(&pattern)?);
        }
        Ok(self)
    }

    /// Judges the callable that a loader would find as `name` (which may be dotted) in `module`. Names of Python 2 are mapped by the
    /// caller, with [`map_python2`], where the protocol asks for it.
    pub fn judge(&self, module: &str, name: &str) -> Judgement {
        let path = Dotted::join(module, name);
        if self.allowed.iter().any(|pattern| pattern.is_exactly(&path)) {
            return Judgement::Allowed;
        }
        if let Some(safe) = path.whole().and_then(tables::safe) {
            return safe.into();
        }
        if let Some(danger) = walk::danger(&path, module, name) {
            return Judgement::Dangerous { severity: danger.severity, reason: danger.reason };
        }
        if self.allowed.iter().any(|pattern| pattern.covers(&path)) {
            return Judgement::Allowed;
        }
        if path.top() == TORCHSCRIPT_NAMESPACE {
            return Judgement::Model { call: false };
        }
        if tables::is_standard_library(path.top()) {
            return Judgement::StandardLibrary;
        }
        walk::no_place(path.as_str()).map_or(Judgement::Unknown, |reason| Judgement::NoPlaceInModels { reason })
    }
}

impl From<Safe> for Judgement {
    fn from(safe: Safe) -> Self {
        match safe {
            Safe::Inert => Self::Inert,
            Safe::Model { call } => Self::Model { call },
            Safe::Reference => Self::Reference,
            Safe::Conditional(condition) => Self::Conditional(condition),
        }
    }
}

/// What Python 3 looks up in place of a name of Python 2 when it loads protocol 0 to 2 (`fix_imports`), as `_compat_pickle` has it.
///
/// A name that Python 2 and 3 share comes back as it is. A pickle that only Python 2 will read means the name unmapped.
pub fn map_python2<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    let path = Dotted::join(module, name);
    let renamed = if name.contains('.') { None } else { path.whole().and_then(tables::python2_name) };
    match renamed.and_then(|new| new.rsplit_once('.')) {
        Some(new) => new,
        None => (tables::python2_module(module).unwrap_or(module), name),
    }
}

/// The version of the rule set: it changes whenever an entry does, so that files judged by an older one are scanned again.
pub const fn version() -> u32 {
    tables::VERSION
}
