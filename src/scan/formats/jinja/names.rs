//! The names that lead out of a template, and those that every template may use.

/// Attributes of Python objects that escapes are made of (Jinja2 `sandbox.py` forbids every name with two underscores).
pub(super) const DUNDERS: &[&str] = &[
    "__class__",
    "__base__",
    "__bases__",
    "__mro__",
    "__subclasses__",
    "__init__",
    "__new__",
    "__globals__",
    "__builtins__",
    "__import__",
    "__dict__",
    "__getattribute__",
    "__getattr__",
    "__getitem__",
    "__setattr__",
    "__reduce__",
    "__reduce_ex__",
    "__self__",
    "__func__",
    "__code__",
    "__closure__",
    "__loader__",
    "__spec__",
    "__wrapped__",
    "__call__",
    "__defaults__",
    "__kwdefaults__",
    "__module__",
    "__doc__",
    "__enter__",
    "__exit__",
    "__init_subclass__",
    "__set_name__",
    "__weakref__",
    "__objclass__",
    "__context__",
    "__traceback__",
];

/// Attributes without underscores that Jinja2's sandbox forbids, of functions, methods, generators, coroutines, frames and code.
const INTERNALS: &[&str] = &[
    "mro",
    "gi_frame",
    "gi_code",
    "gi_yieldfrom",
    "cr_frame",
    "cr_code",
    "cr_origin",
    "ag_frame",
    "ag_code",
    "f_globals",
    "f_locals",
    "f_builtins",
    "f_back",
    "f_code",
    "tb_frame",
    "tb_next",
    "func_globals",
    "func_code",
    "func_closure",
    "func_defaults",
    "im_func",
    "im_self",
    "im_class",
    "co_code",
    "co_consts",
    "co_names",
];

/// Functions that Jinja2 or a loader offers: to be called, never to be taken apart.
pub(super) const FUNCTIONS: &[&str] =
    &["range", "dict", "namespace", "cycler", "joiner", "lipsum", "raise_exception", "strftime_now", "caller", "super"];

/// Names that a web framework or Jinja2 itself puts there, and that no conversation has.
pub(super) const FOREIGN: &[&str] = &[
    "self",
    "request",
    "config",
    "session",
    "g",
    "url_for",
    "get_flashed_messages",
    "lipsum",
    "application",
    "handler",
];

/// How far an attribute leads, by its name alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Where conversations have theirs.
    Plain,
    /// A private attribute.
    Private,
    /// A name with two underscores that belongs to one class.
    Mangled,
    /// Python's internals.
    Internals,
}

/// Judges the name of an attribute.
pub(super) fn reach(name: &str) -> Reach {
    let is_dunder = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    if is_dunder || INTERNALS.contains(&name) {
        Reach::Internals
    } else if name.starts_with('_') && name.trim_matches('_').contains("__") || name.starts_with("__") {
        Reach::Mangled
    } else if name.starts_with('_') && name.len() > 1 {
        Reach::Private
    } else {
        Reach::Plain
    }
}

/// Whether a string is, or holds in a format field or a path, an attribute of [`DUNDERS`]. Prose that mentions one does not count.
pub(super) fn holds_escape(text: &str) -> bool {
    if !text.contains("__") {
        return false;
    }
    let is_one_word = !text.contains(char::is_whitespace);
    let in_field =
        |at: usize| text.get(..at).is_some_and(|before| before.ends_with(['.', '[']) && before.contains('{'));
    DUNDERS.iter().any(|name| text.match_indices(name).any(|(at, _)| is_one_word || in_field(at)))
}

/// Characters that people do not see: marks of direction, zero width, tags.
pub(super) fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
        | '\u{e0000}'..='\u{e007f}')
}
