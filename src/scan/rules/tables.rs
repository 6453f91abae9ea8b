//! The compiled tables and the questions that can be asked of them, each a binary search.

use super::condition::Condition;
use crate::report::Severity;

include!(concat!(env!("OUT_DIR"), "/rule_tables.rs"));

/// An entry of the safe list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safe {
    Inert,
    Model { call: bool },
    Reference,
    Conditional(Condition),
}

/// An entry of the dangerous list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Danger {
    pub(super) severity: Severity,
    pub(super) reason: &'static str,
}

pub(super) fn safe(path: &str) -> Option<Safe> {
    find(SAFE, path)
}

pub(super) fn danger(path: &str) -> Option<Danger> {
    find(DANGEROUS, path)
}

pub(super) fn is_standard_library(module: &str) -> bool {
    find(STANDARD_LIBRARY, module).is_some()
}

pub(super) fn no_place(package: &str) -> Option<&'static str> {
    find(NO_PLACE, package)
}

/// Whether anything of a package is on the safe list.
pub(super) fn is_framework(package: &str) -> bool {
    let from = SAFE.partition_point(|(entry, _)| *entry < package);
    let at_or_after = SAFE.get(from..).unwrap_or_default();
    at_or_after
        .iter()
        .take_while(|(entry, _)| entry.starts_with(package))
        .any(|(entry, _)| entry.as_bytes().get(package.len()) == Some(&b'.'))
}

/// The package behind a customary abbreviation: `np` is numpy.
pub(super) fn alias(part: &str) -> Option<&'static str> {
    find(ALIASES, part)
}

/// Whether the name of a module is also an ordinary name for a function or class (`code`, `select`).
pub(super) fn is_ordinary_word(part: &str) -> bool {
    find(ORDINARY_WORDS, part).is_some()
}

/// Whether a name gives a function away wherever it was imported to (`Popen`).
pub(super) fn is_telltale(name: &str) -> bool {
    find(TELLTALE_NAMES, name).is_some()
}

/// Whether an attribute leads from any object to the interpreter's insides (`__globals__`).
pub(super) fn is_escape(name: &str) -> bool {
    find(ESCAPE_NAMES, name).is_some()
}

pub(super) fn python2_module(module: &str) -> Option<&'static str> {
    find(PYTHON2_MODULES, module)
}

pub(super) fn python2_name(path: &str) -> Option<&'static str> {
    find(PYTHON2_NAMES, path)
}

fn find<T: Copy>(table: &[(&str, T)], key: &str) -> Option<T> {
    let at = table.binary_search_by(|(entry, _)| (*entry).cmp(key)).ok()?;
    table.get(at).map(|(_, value)| *value)
}
