//! The formats that are known: one file (or folder) and one line in [`FORMATS`] each.
//!
//! Everything that is shown of a format is derived from this list: the order of recognition, `modelscand formats`, the table in
//! README.md and the golden tests. See docs/add-a-format.md.

pub(crate) mod archive;
mod compressed;
mod configs;
mod gguf;
mod hdf5;
mod jinja;
mod keras;
mod npy;
mod onnx;
pub mod pickle;
mod protobuf;
mod safetensors;
mod sevenz;
mod tar;
mod tensorflow;
#[cfg(test)]
pub(crate) mod testing;
mod tflite;
mod torchscript;
mod zip;

use std::io;

use super::identify::Probe;
use super::input::Input;
use super::{Scan, Stop};
use crate::report::{Rule, Severity};

/// A kind of model file (or of container around one).
pub struct Format {
    /// The word for it in reports: `pickle`, `zip`, `safetensors`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How content is recognised, in one line for people.
    pub recognised_by: &'static str,
    /// What is looked for, in one line for people.
    pub looks_for: &'static str,
    /// The rules that a scan of it can raise.
    pub rules: &'static [RuleInfo],
    /// Tells whether the bytes are this format, or would be taken for it by a loader.
    pub recognise: fn(&Probe<'_>) -> io::Result<bool>,
    /// Looks for findings; an error makes the coverage partial.
    pub scan: fn(&mut Scan<'_>, &Input) -> Result<(), Stop>,
}

/// A rule as it is listed and explained.
pub struct RuleInfo {
    /// Its name.
    pub rule: Rule,
    /// The worst severity that it is raised with.
    pub severity: Severity,
    /// What it means, in one line.
    pub summary: &'static str,
}

/// All formats, in the order in which they are tried and listed.
pub const FORMATS: &[&Format] = &[
    &pickle::FORMAT,
    &safetensors::FORMAT,
    &keras::FORMAT,
    &hdf5::FORMAT,
    &torchscript::FORMAT,
    &npy::FORMAT,
    &onnx::FORMAT,
    &gguf::FORMAT,
    &gguf::LEGACY_FORMAT,
    &jinja::FORMAT,
    &tensorflow::FORMAT,
    &tflite::FORMAT,
    &configs::HUB,
    &configs::MLMODEL,
    &configs::ENVIRONMENT,
    &configs::YAML,
    &tar::FORMAT,
    &compressed::GZIP,
    &compressed::ZLIB,
    &compressed::BZIP2,
    &compressed::XZ,
    &compressed::LZMA,
    &compressed::ZSTD,
    &compressed::LZ4,
    &compressed::JOBLIB_ZF,
    &sevenz::FORMAT,
    // Last: it looks at the end of the bytes, which the others have read by then.
    &zip::FORMAT,
];

/// The rules that the engine itself raises, whatever the format.
pub const ENGINE_RULES: &[RuleInfo] = &[
    RuleInfo {
        rule: super::LIMIT_DEPTH,
        severity: Severity::Medium,
        summary: "Containers are nested deeper than the limit; what is inside was not read",
    },
    RuleInfo {
        rule: super::LIMIT_MEMBERS,
        severity: Severity::Medium,
        summary: "The file has more members than the limit; the rest was not read",
    },
    RuleInfo {
        rule: super::LIMIT_HIT,
        severity: Severity::Low,
        summary: "Another limit was hit; not everything was read",
    },
];

/// Every rule there is: those of the formats in their order, then the engine's. One that several formats raise comes once for each.
pub fn rules() -> impl Iterator<Item = &'static RuleInfo> {
    FORMATS.iter().flat_map(|format| format.rules).chain(ENGINE_RULES)
}
