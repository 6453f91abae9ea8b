//! TorchScript: the code of a scripted model, as `code/**.py` members of its archive.
//!
//! It is no Python but a small language that `torch.jit.load` compiles; `__setstate__` of a module runs at load. Its operators are
//! those of ATen and of whatever native libraries are loaded. Most models only compute: that is worth no finding. What is looked
//! for are operators that touch files, operators and classes of native extensions, and names that no serialised code contains.
//! Source: torch/csrc/jit/serialization/python_print.cpp.

mod words;

use std::io;

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use words::{Meaning, Words, meaning_of};

const FILE_OPERATION: Rule = Rule::new("torchscript.file-operation");
const CUSTOM_OPERATOR: Rule = Rule::new("torchscript.custom-operator");
const CUSTOM_CLASS: Rule = Rule::new("torchscript.custom-class");

/// Code members of TorchScript archives.
pub static FORMAT: Format = Format {
    name: "torchscript",
    title: "TorchScript code",
    recognised_by: "text of a `code/` member, or with the marks of serialised modules",
    looks_for: "operators that read or write files; operators and classes of native extensions",
    rules: &[
        RuleInfo {
            rule: FILE_OPERATION,
            severity: Severity::Critical,
            summary: "The code calls an operator that reads or writes files",
        },
        RuleInfo {
            rule: CUSTOM_OPERATOR,
            severity: Severity::Medium,
            summary: "The code calls operators of a native extension; low for PyTorch's own",
        },
        RuleInfo {
            rule: CUSTOM_CLASS,
            severity: Severity::Medium,
            summary: "The code holds objects of a native extension's class",
        },
    ],
    recognise,
    scan,
};

/// Marks that the serialiser leaves in every class (python_print.cpp).
const MARKS: &[&[u8]] = &[b"__parameters__ = [", b"__buffers__ = [", b"__torch__."];

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let is_text = !probe.head.is_empty() && !probe.head.iter().take(512).any(|byte| *byte < 9);
    let name = probe.input.member().rsplit('!').next().unwrap_or_default();
    let is_code_member = name.ends_with(".py") && (name.contains("/code/") || name.starts_with("code/"));
    Ok(is_text && (is_code_member || MARKS.iter().any(|mark| memchr::memmem::find(probe.head, mark).is_some())))
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let mut words = Words::new(input);
    while let Some((at, word)) = words.next()? {
        if let Some(meaning) = meaning_of(&word) {
            report(scan, input, at, &word, meaning);
        }
    }
    Ok(())
}

fn report(scan: &mut Scan<'_>, input: &Input, at: u64, word: &str, meaning: Meaning) {
    let (rule, severity, message) = match meaning {
        Meaning::WritesFile => {
            (FILE_OPERATION, Severity::Critical, "TorchScript code calls an operator that writes a file")
        }
        Meaning::ReadsFile => {
            (FILE_OPERATION, Severity::High, "TorchScript code calls an operator that maps a file by its path")
        }
        Meaning::KnownExtension => {
            (CUSTOM_OPERATOR, Severity::Low, "TorchScript code calls operators of a library of PyTorch's own")
        }
        Meaning::UnknownExtension => {
            (CUSTOM_OPERATOR, Severity::Medium, "TorchScript code calls operators of a native extension")
        }
        Meaning::CustomClass => {
            (CUSTOM_CLASS, Severity::Medium, "TorchScript code holds an object of a native extension's class")
        }
    };
    scan.finding(input, Finding::new(rule, severity, message).at(at).evidence(word).callable(word));
}

#[cfg(test)]
mod tests;
