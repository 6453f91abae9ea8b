//! Configurations of Keras models: JSON that says which classes to make and which functions to call, as a member of `.keras` archives,
//! an attribute of HDF5 files, or a file of its own.
//!
//! Loading one resolves names to classes and functions, and makes functions of the bytecode in it. Every object of the JSON is looked
//! at, wherever it stands: what Keras' loader takes for an object differs between its versions. Weights are not read here.
//! Source: keras/src/saving/serialization_lib.py, keras/src/layers/core/lambda_layer.py and their forerunners since Keras 1.

mod base64;
mod code;
mod json;
mod known;
mod operation;
mod reference;
#[cfg(test)]
mod tests;
mod walk;
mod yaml;

use std::io;

use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

const LAMBDA: Rule = Rule::new("keras.lambda");
const DANGEROUS_REFERENCE: Rule = Rule::new("keras.dangerous-reference");
const UNLISTED_REFERENCE: Rule = Rule::new("keras.unlisted-reference");
const CUSTOM_OBJECT: Rule = Rule::new("keras.custom-object");
const TORCH_MODULE: Rule = Rule::new("keras.torch-module");
const FILE_ACCESS: Rule = Rule::new("keras.file-access");
const DUPLICATE_KEY: Rule = Rule::new("keras.duplicate-key");
const PYTHON_TAG: Rule = Rule::new("keras.python-tag");

/// Configurations of Keras models and layers.
pub static FORMAT: Format = Format {
    name: "keras",
    title: "Keras configuration",
    recognised_by: "a JSON object with `class_name` and `config`, or YAML with them",
    looks_for: "bytecode of Lambda layers, names of classes and functions that are not Keras', files that are read at load",
    rules: &[
        RuleInfo {
            rule: LAMBDA,
            severity: Severity::Critical,
            summary: "Carries bytecode of a function; medium when nothing dangerous is in it",
        },
        RuleInfo {
            rule: DANGEROUS_REFERENCE,
            severity: Severity::Critical,
            summary: "Names a class or function that runs commands or code, or reads, writes or downloads files",
        },
        RuleInfo {
            rule: UNLISTED_REFERENCE,
            severity: Severity::High,
            summary: "Names a class or function of a module that is not Keras'; medium for an unknown class",
        },
        RuleInfo {
            rule: CUSTOM_OBJECT,
            severity: Severity::Low,
            summary: "Needs a class or function of the user's own, which Keras finds only when it was registered",
        },
        RuleInfo {
            rule: TORCH_MODULE,
            severity: Severity::High,
            summary: "Carries a pickled PyTorch module, which is loaded with the model; high when it cannot be read",
        },
        RuleInfo {
            rule: FILE_ACCESS,
            severity: Severity::High,
            summary: "Reads a file or address that the configuration names; low when it lies beside the model",
        },
        RuleInfo {
            rule: DUPLICATE_KEY,
            severity: Severity::Medium,
            summary: "A key stands twice in an object: readers differ in which one counts",
        },
        RuleInfo {
            rule: PYTHON_TAG,
            severity: Severity::Critical,
            summary: "A YAML configuration makes Python objects by name",
        },
    ],
    recognise,
    scan,
};

/// The longest configuration that is read, in bytes. Those with a vocabulary inside have a few MiB.
const MAX_CONFIG_BYTES: u64 = 64 << 20;

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    if yaml::may_be(probe.head) {
        return yaml::has_class(probe.input);
    }
    if !begins_as_object(probe.head) {
        return Ok(false);
    }
    let member = probe.input.member().rsplit(['!', '/']).next().unwrap_or_default();
    if member == "config.json" || !probe.head.get(1..4).unwrap_or_default().is_ascii() || probe.head.contains(&0) {
        return Ok(true);
    }
    let escaped = |text: &[u8]| memchr::memmem::find(text, b"\\u00").is_some();
    let text = probe.input.bytes_at(0, read_size(probe.input)?)?;
    let has = |word: &[u8]| memchr::memmem::find(&text, word).is_some() || escaped(&text);
    Ok(has(b"class_name") && has(b"\"config"))
}

/// As JSON begins that is an object with a key, in any encoding that Python reads.
fn begins_as_object(head: &[u8]) -> bool {
    let text = json::decode(head);
    let mut text = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    text.next() == Some(&b'{') && text.next().is_none_or(|byte| matches!(byte, b'"' | b'}'))
}

fn read_size(input: &Input) -> io::Result<usize> {
    Ok(usize::try_from(input.size()?.min(MAX_CONFIG_BYTES)).unwrap_or_default())
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let text = input.bytes_at(0, read_size(input)?)?;
    if !begins_as_object(&text) {
        yaml::scan(scan, input, &text);
        return Ok(());
    }
    if input.size()? > MAX_CONFIG_BYTES {
        return Err(Stop::Limit(format!("the Keras configuration is longer than {MAX_CONFIG_BYTES} bytes")));
    }
    let document = json::parse(&text).map_err(|error| match error {
        json::JsonError::TooMuch => Stop::Limit(error.to_string()),
        json::JsonError::Invalid(_) => Stop::Fault(format!("the Keras configuration cannot be read: {error}")),
    })?;
    for key in &document.duplicates {
        let message = "A key stands twice in an object of the configuration: readers differ in which one counts";
        scan.finding(input, Finding::new(DUPLICATE_KEY, Severity::Medium, message).evidence(key));
    }
    walk::walk(scan, input, &document.root);
    Ok(())
}

/// Looks at a configuration that `text` may begin with, and is silent where there is none: for bytes whose meaning is not known.
pub(crate) fn look(scan: &mut Scan<'_>, input: &Input, text: &[u8]) {
    if let Ok(document) = json::parse(text) {
        walk::walk(scan, input, &document.root);
    }
}
