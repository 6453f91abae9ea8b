//! Where a dotted name leads: a name may start in a safe module and end in a dangerous one.
//!
//! Python resolves `("numpy", "core.multiarray.os.system")` attribute by attribute, and most modules of a framework hold `os`, `sys` or
//! `pickle` as an attribute. So each part of the *name* is judged as the start of a path of its own; parts of the module are not, since an
//! import statement does not walk through attributes.

use super::dotted::{Dotted, endings, upwards};
use super::tables::{self, Danger};
use crate::report::Severity;

const ESCAPE: Danger = Danger {
    severity: Severity::Critical,
    reason: "reaches the insides of the interpreter, and through them any function of any module",
};
const SPECIAL: Danger =
    Danger { severity: Severity::High, reason: "names a special attribute of Python, which no model does" };
const OWN_VARIABLES: Danger =
    Danger { severity: Severity::Medium, reason: "names the variables of a module, as functions that dill carries do" };
const INNER_MODULE: Danger =
    Danger { severity: Severity::High, reason: "walks through a module into the standard library" };
const INNER_PACKAGE: Danger =
    Danger { severity: Severity::High, reason: "walks through a module into a package that does not belong in models" };
const TELLTALE: Danger = Danger {
    severity: Severity::High,
    reason: "bears the name of a function that runs code or commands or deletes files",
};
const NOT_A_NAME: Danger =
    Danger { severity: Severity::High, reason: "is not a name that Python source could spell, but may reach a file" };

const LONG_WALK: Danger =
    Danger { severity: Severity::Critical, reason: "walks through more attributes than any name in a model has parts" };

/// Parts of a dotted name that are judged, from its end; the longest in a model has four.
const MAX_PARTS: usize = 16;

/// The danger that lies at, or on the way to, `path`: the worst of what its start and the parts of `name` lead to.
pub(super) fn danger(path: &Dotted, module: &str, name: &str) -> Option<Danger> {
    let mut worst = listed(path.as_str());
    let mut consider = |found: Option<Danger>| {
        if let Some(found) = found
            && worst.is_none_or(|known| known.severity < found.severity)
        {
            worst = Some(found);
        }
    };
    consider((!is_spelt_like_a_name(module) || !is_spelt_like_a_name(name)).then_some(NOT_A_NAME));
    if name == "__dict__" {
        consider(Some(variables_of(module)));
    } else {
        let beyond = name.split('.').count().saturating_sub(MAX_PARTS);
        consider((beyond > 0).then_some(LONG_WALK));
        endings(name).skip(beyond).for_each(|ending| consider(ending_danger(ending)));
    }
    worst
}

/// Functions that dill carries name the variables of their module; with a module of a framework that would hand out whatever it imports.
fn variables_of(module: &str) -> Danger {
    let package = module.split('.').next().unwrap_or_default();
    if tables::is_framework(package) || tables::is_standard_library(package) { SPECIAL } else { OWN_VARIABLES }
}

/// Why a package has no place in models, when it is one of those.
pub(super) fn no_place(path: &str) -> Option<&'static str> {
    upwards(path).find_map(tables::no_place)
}

/// The nearest entry of the dangerous list at or above `path`.
fn listed(path: &str) -> Option<Danger> {
    upwards(path).find_map(tables::danger)
}

/// Judges what a name ends with as if it stood at the start of a path.
fn ending_danger(ending: &str) -> Option<Danger> {
    let (part, rest) = ending.split_once('.').map_or((ending, None), |(part, rest)| (part, Some(rest)));
    if tables::is_escape(part) {
        return Some(ESCAPE);
    }
    if part.len() > 4 && part.starts_with("__") && part.ends_with("__") {
        return Some(SPECIAL);
    }
    match rest {
        Some(rest) => through(part, rest, ending),
        None if tables::is_telltale(part) => Some(TELLTALE),
        None if tables::is_ordinary_word(part) => None,
        None => {
            tables::danger(tables::alias(part).unwrap_or(part)).filter(|danger| danger.severity == Severity::Critical)
        }
    }
}

/// Judges `part.rest` where `part` may be a module that the walk goes through, under its own name or a customary one (`np`).
fn through(part: &str, rest: &str, ending: &str) -> Option<Danger> {
    if let Some(package) = tables::alias(part) {
        let path = Dotted::join(package, rest);
        return listed(path.as_str()).or_else(|| through_package(path.as_str()));
    }
    let in_library = || (tables::is_standard_library(part) && !tables::is_ordinary_word(part)).then_some(INNER_MODULE);
    listed(ending).or_else(in_library).or_else(|| through_package(ending))
}

fn through_package(path: &str) -> Option<Danger> {
    no_place(path).map(|_| INNER_PACKAGE)
}

/// Python imports by name from folders of files, so a separator of paths or a blank in a name is an attempt at something else.
fn is_spelt_like_a_name(text: &str) -> bool {
    !text.bytes().any(|byte| byte <= b' ' || matches!(byte, b'/' | b'\\' | b':' | b';' | b'"' | b'\'' | b'(' | 0x7f))
}
