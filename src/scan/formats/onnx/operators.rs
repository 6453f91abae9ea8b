//! Operators of runtimes that do more than compute, and the domains that runtimes bring themselves: data, no parsing.

use crate::report::Severity;

/// An operator that does more than compute.
pub(super) struct Operator {
    /// Its name; in whichever domain, since some are registered under domains of their own.
    pub(super) name: &'static str,
    /// How bad it is.
    pub(super) severity: Severity,
    /// What it does.
    pub(super) reason: &'static str,
    /// The attribute that says with what: shown, and judged as a path where `is_path`.
    pub(super) attribute: &'static str,
    /// Whether the attribute names a file.
    pub(super) is_path: bool,
}

/// Source: onnxruntime docs/ContribOperators.md, docs/execution-providers/EP-Context-Design.md and
/// onnxruntime/python/tools/pytorch_export_contrib_ops.py, onnxruntime-extensions docs/custom_ops.md.
pub(super) const OPERATORS: &[Operator] = &[
    python("PyOp", "it imports a Python module and calls it", "module"),
    python("PyCustomOp", "it calls a Python function", "func_name"),
    python("PythonOp", "it calls a Python function", "func_name"),
    python("PythonOpGrad", "it calls a Python function", "name"),
    python("TritonOp", "it compiles and calls a kernel that is written in Python", "func_name"),
    Operator {
        name: "EPContext",
        severity: Severity::Medium,
        reason: "it holds code that was compiled for an accelerator, or names the file that does",
        attribute: "ep_cache_context",
        is_path: true,
    },
    Operator {
        name: "Snpe",
        severity: Severity::Medium,
        reason: "it holds code that was compiled for an accelerator",
        attribute: "snpe_source_name",
        is_path: false,
    },
    network("AzureTextToText"),
    network("AzureAudioToText"),
    network("AzureTritonInvoker"),
    network("OpenAIAudioToText"),
    network("OpenAIEmbeddings"),
];

const fn python(name: &'static str, reason: &'static str, attribute: &'static str) -> Operator {
    Operator { name, severity: Severity::High, reason, attribute, is_path: false }
}

const fn network(name: &'static str) -> Operator {
    let reason = "it sends what the model is given to a server";
    Operator { name, severity: Severity::High, reason, attribute: "model_uri", is_path: false }
}

/// Attributes that carry source code wherever they stand.
pub(super) const CODE_ATTRIBUTES: [&str; 3] = ["code", "python_code", "source_code"];

/// Domains whose operators ONNX or ONNX Runtime bring themselves (onnx/common/constants.h, onnxruntime/core/graph/constants.h).
pub(super) fn is_builtin_domain(domain: &str) -> bool {
    const BUILTIN: [&str; 12] = [
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.preview",
        "ai.onnx.preview.training",
        "ai.onnx.training",
        "com.microsoft",
        "com.microsoft.dml",
        "com.microsoft.experimental",
        "com.microsoft.nchwc",
        "com.ms.internal.nhwc",
        "org.pytorch.aten",
    ];
    BUILTIN.contains(&domain)
}
