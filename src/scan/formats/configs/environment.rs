//! The environment that MLflow makes for a model: `python_env.yaml`, `conda.yaml`, `requirements.txt`.
//!
//! What they name is downloaded and installed, and installing runs code. Such files are everywhere: only those that show MLflow's
//! hand are looked at.

use std::io;

use super::{Format, Input, Probe, Rule, RuleInfo, Scan, Severity, beginning, has_key, yaml};
use crate::report::Finding;
use crate::scan::Stop;

const FOREIGN_DEPENDENCY: Rule = Rule::new("mlflow.foreign-dependency");

/// Environments of MLflow models.
pub static ENVIRONMENT: Format = Format {
    name: "mlflow-environment",
    title: "MLflow environment (python_env.yaml, conda.yaml, requirements.txt)",
    recognised_by: "a list of requirements that begins with MLflow, or YAML with the keys that MLflow writes",
    looks_for: "packages from URLs, repositories, paths and other indexes",
    rules: &[RuleInfo {
        rule: FOREIGN_DEPENDENCY,
        severity: Severity::Medium,
        summary: "A package is installed from a URL, a path or another index than the usual ones",
    }],
    recognise,
    scan,
};

/// Indexes that honest models name: PyPI, and PyTorch's for its builds with CUDA.
const KNOWN_HOSTS: &[&str] = &["https://pypi.org/", "https://files.pythonhosted.org/", "https://download.pytorch.org/"];

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let Some(start) = beginning(probe)? else { return Ok(false) };
    let has_list = start.starts_with(b"dependencies:") || memchr::memmem::find(&start, b"\ndependencies:").is_some();
    let has_build = has_key(&start, "build_dependencies") && has_key(&start, "python");
    let has_mlflow_name = memchr::memmem::find(&start, b"name: mlflow-env").is_some();
    Ok(has_list && (has_build || has_mlflow_name) || is_requirements(&start))
}

/// Requirements as MLflow writes them: itself first, then a line for each package.
fn is_requirements(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    [b"mlflow==".as_slice(), b"mlflow<", b"mlflow>", b"mlflow-skinny=="].iter().any(|start| first.starts_with(start))
        && !first.contains(&b' ')
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let text = yaml::read(input)?;
    if is_requirements(text.as_bytes()) {
        text.lines().for_each(|line| judge(scan, input, line));
        return Ok(());
    }
    yaml::walk(&text, &mut |seen| match seen {
        yaml::Seen::Entry(entry) => {
            if let Some(text) = entry.text().filter(|_| !matches!(entry.key(), "name" | "prefix")) {
                judge(scan, input, text);
            }
        }
        yaml::Seen::PythonTag(tag) => yaml::python_tag(scan, input, tag),
    })
}

fn judge(scan: &mut Scan<'_>, input: &Input, line: &str) {
    let requirement = line.split(" #").next().unwrap_or(line).trim();
    if requirement.starts_with('#') {
        return;
    }
    let is_known = KNOWN_HOSTS.iter().any(|host| requirement.contains(host)) && requirement.matches("://").count() == 1;
    let is_url = requirement.contains("://") && !is_known;
    let is_path =
        ["./", "../", "/", "~", "file:", "-e ", "--editable"].iter().any(|start| requirement.starts_with(start));
    let is_reference = requirement.split_once('@').is_some_and(|(_, place)| place.trim_start().starts_with(['/', '.']));
    if is_url || is_path || is_reference {
        let message = "A package is installed from a URL, a path or another index than the usual ones";
        scan.finding(input, Finding::new(FOREIGN_DEPENDENCY, Severity::Medium, message).evidence(requirement));
    }
}
