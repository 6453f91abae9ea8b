//! `MLmodel`, the file that says how MLflow loads a model.
//!
//! `loader_module` is imported and its `_load_pyfunc` called; `code` goes onto the path of modules; `model_code_path` is run.
//! Source: mlflow/pyfunc/__init__.py, `load_model`.

use std::io;

use super::{
    Entry, Format, Input, Probe, Rule, RuleInfo, Scan, Severity, beginning, climbs, has_key, is_elsewhere, target, yaml,
};
use crate::scan::Stop;
use crate::scan::rules::Judgement;

const LOADER_MODULE: Rule = Rule::new("mlflow.loader-module");
const CODE: Rule = Rule::new("mlflow.code");
const PATH_ESCAPE: Rule = Rule::new("mlflow.path-escape");

/// MLflow's model files.
pub static MLMODEL: Format = Format {
    name: "mlmodel",
    title: "MLflow MLmodel",
    recognised_by: "YAML with `flavors` and another key of MLflow",
    looks_for: "a loader that is not MLflow's; code that goes with the model; paths that leave its folder",
    rules: &[
        RuleInfo {
            rule: LOADER_MODULE,
            severity: Severity::Critical,
            summary: "The model is loaded by a module that is not MLflow's",
        },
        RuleInfo {
            rule: CODE,
            severity: Severity::Medium,
            summary: "The model brings Python code that is run when it is loaded",
        },
        RuleInfo {
            rule: PATH_ESCAPE,
            severity: Severity::High,
            summary: "A path of the model leaves the model's folder",
        },
        target::RULE,
    ],
    recognise,
    scan,
};

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let Some(start) = beginning(probe)? else { return Ok(false) };
    let is_mlflow = ["mlflow_version", "python_function", "loader_module", "utc_time_created", "model_uuid"]
        .iter()
        .any(|key| has_key(&start, key));
    let has_flavors = start.starts_with(b"flavors:") || memchr::memmem::find(&start, b"\nflavors:").is_some();
    Ok(has_flavors && is_mlflow)
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let text = yaml::read(input)?;
    yaml::walk(&text, &mut |seen| match seen {
        yaml::Seen::Entry(entry) => {
            judge(scan, input, entry);
            target::judge(scan, input, entry);
        }
        yaml::Seen::PythonTag(tag) => yaml::python_tag(scan, input, tag),
    })
}

/// Keys of a flavour that name files beside the model. Others (`uri`, `artifact_path`) tell where it came from.
const FILES: &[&str] = &[
    "data",
    "pickled_model",
    "python_model",
    "code",
    "model_data",
    "saved_model_dir",
    "conda",
    "virtualenv",
    "path",
    "model_binary",
    "serialized_model_file",
    "model_path",
    "env",
    "streamable",
    "stem",
    "extra_files",
];

fn judge(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>) {
    let Some(text) = entry.text().filter(|_| entry.is_under("flavors") || entry.key() == "model_code_path") else {
        return;
    };
    match entry.key() {
        "loader_module" => judge_loader(scan, input, entry, text),
        "code" | "code_path" | "code_paths" | "model_code_path" => {
            let message = "The model brings Python code that is run when it is loaded";
            entry.report(scan, input, CODE, Severity::Medium, message);
        }
        _ => {}
    }
    let is_file = FILES.contains(&entry.key());
    if is_file && (climbs(text) || is_elsewhere(text)) {
        entry.report(scan, input, PATH_ESCAPE, Severity::High, "A path of the model leaves the model's folder");
    }
}

fn judge_loader(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>, module: &str) {
    if module == "mlflow" || module.starts_with("mlflow.") {
        return;
    }
    let is_dangerous = matches!(scan.rules().judge(module, "_load_pyfunc"), Judgement::Dangerous { .. });
    let severity = if is_dangerous { Severity::Critical } else { Severity::High };
    entry.report(scan, input, LOADER_MODULE, severity, "The model is loaded by a module that is not MLflow's");
}
