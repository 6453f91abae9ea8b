//! Dotted names in TorchScript code, and what they mean.

use std::io;

use crate::scan::input::{Cursor, Input};

/// What a dotted name does that a model need not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    WritesFile,
    ReadsFile,
    /// An operator of a library that PyTorch's own projects ship.
    KnownExtension,
    /// An operator of any other namespace.
    UnknownExtension,
    CustomClass,
}

/// Namespaces of PyTorch itself, whose operators compute (`torch/_ops.py`, aten/src/ATen/native/native_functions.yaml).
const OWN_NAMESPACES: &[&str] =
    &["aten", "prim", "prims", "quantized", "quantized_decomposed", "_quantized", "sparse", "inductor"];
/// Namespaces of backends and of libraries of the PyTorch project.
const KNOWN_NAMESPACES: &[&str] = &[
    "torchvision",
    "torchaudio",
    "torchtext",
    "fbgemm",
    "mkldnn",
    "mkldnn_prepacked",
    "onednn",
    "xnnpack",
    "prepacked",
    "metal",
    "metal_prepack",
    "vulkan",
    "vulkan_prepack",
    "static_runtime",
    "c10d",
    "cuda",
    "profiler",
    "image",
    "rnn",
    "torch_scatter",
    "torch_sparse",
    "torch_cluster",
    "torch_spline_conv",
    "torchrec",
    "torch_ipex",
    "_nnapi",
];
/// Namespaces of native classes that PyTorch itself registers.
const KNOWN_CLASSES: &[&str] = &[
    "quantized",
    "xnnpack",
    "mkldnn",
    "rnn",
    "sparse",
    "vulkan",
    "metal",
    "_nnapi",
    "c10d",
    "cuda",
    "profiling",
    "aten",
];

/// What `word` means; `None` when it only computes.
pub(super) fn meaning_of(word: &str) -> Option<Meaning> {
    let parts: Vec<&str> = word.split('.').collect();
    match parts.as_slice() {
        ["torch" | "aten", "save"] | ["ops", "aten", "save"] | ["torch", "ops", "aten", "save"] => {
            Some(Meaning::WritesFile)
        }
        ["torch" | "aten", "from_file"] | ["ops", "aten", "from_file"] | ["torch", "ops", "aten", "from_file"] => {
            Some(Meaning::ReadsFile)
        }
        ["__torch__", "torch", "classes", namespace, ..] | ["torch", "classes", namespace, ..] => {
            (!KNOWN_CLASSES.contains(namespace)).then_some(Meaning::CustomClass)
        }
        ["torch", "ops", namespace, _, ..] | ["ops", namespace, _, ..] => namespace_meaning(namespace),
        _ => None,
    }
}

fn namespace_meaning(namespace: &str) -> Option<Meaning> {
    if OWN_NAMESPACES.contains(&namespace) {
        None
    } else if KNOWN_NAMESPACES.contains(&namespace) {
        Some(Meaning::KnownExtension)
    } else {
        Some(Meaning::UnknownExtension)
    }
}

/// The longest dotted name that is looked at, in bytes.
const MAX_WORD_BYTES: usize = 512;

/// Goes through the dotted names of a text that begin at a name of interest.
pub(super) struct Words<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Words<'a> {
    pub(super) fn new(input: &'a Input) -> Self {
        Self { cursor: input.cursor(0) }
    }

    /// The next dotted name of at least two parts, and where it begins.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, String)>> {
        loop {
            let bytes = self.cursor.peek(MAX_WORD_BYTES)?;
            let Some(first) = bytes.first() else { return Ok(None) };
            let is_word = is_word_byte(*first);
            let run = bytes.iter().take(MAX_WORD_BYTES).take_while(|byte| is_word_byte(**byte) == is_word).count();
            let word = bytes.get(..run).unwrap_or_default();
            let dotted = (is_word && word.contains(&b'.')).then(|| String::from_utf8_lossy(word).into_owned());
            let at = self.cursor.offset();
            self.cursor.skip(run as u64);
            if let Some(word) = dotted {
                return Ok(Some((at, word)));
            }
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}
