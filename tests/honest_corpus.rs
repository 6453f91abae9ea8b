//! Honest files are left alone: what the real frameworks write, in many versions, is scanned to its end and not blamed.
//!
//! Each file of tests/corpus/honest is named in its manifest with the worst finding that may be made of it: none (or `low`) for data and
//! the frameworks' own classes, `medium` where it holds the user's classes or carries code, each with its reason. How the files were made
//! is told in docs/corpus.md. A failure lists every false alarm by rule and callable, the most frequent first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use modelscand::report::{Coverage, Report, Severity, Verdict};
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};
use serde::Deserialize;

/// Suffixes of formats that hold no code and that the engine need not know.
const DATA_SUFFIXES: [&str; 10] = ["json", "txt", "cbm", "ubj", "deprecated", "msgpack", "spacy", "onnx", "gguf", "h5"];
/// The issue that asked for the corpus wants at least so many files.
const LEAST_FILES: usize = 400;

#[derive(Deserialize)]
struct Manifest {
    file: Vec<HonestFile>,
}

#[derive(Deserialize)]
struct HonestFile {
    path: String,
    worst: String,
    framework: String,
}

impl HonestFile {
    fn tolerated(&self) -> Severity {
        match self.worst.as_str() {
            "none" => Severity::Low,
            word => word.parse().unwrap_or_else(|e| panic!("manifest, {}: {e}", self.path)),
        }
    }

    fn may_be_unknown(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        DATA_SUFFIXES.iter().any(|suffix| name.ends_with(&format!(".{suffix}")))
            || self.path.ends_with("xgboost/booster.model")
    }
}

/// What is wrong with a report, each as a line to count.
fn complaints(file: &HonestFile, report: &Report) -> Vec<String> {
    let mut found: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > file.tolerated())
        .map(|finding| {
            let callable = finding.callable.as_deref().unwrap_or("-");
            format!("{} {} {callable}", finding.severity, finding.rule)
        })
        .collect();
    if let Coverage::Partial { cause, reason } = &report.coverage {
        let reason = reason.replace(|c: char| c.is_ascii_digit(), "N");
        found.push(format!("not read to its end ({cause:?}): {reason}"));
    }
    if report.verdict == Verdict::NotAModel && !file.may_be_unknown() {
        found.push("not recognised".to_owned());
    }
    found.sort();
    found.dedup();
    found
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/honest")
}

fn manifest() -> Manifest {
    let path = folder().join("manifest.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn scan(engine: &Engine, file: &HonestFile) -> Report {
    let path = folder().join(&file.path);
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    engine.scan(Rc::new(bytes), &Hints { name }, &mut |_| {})
}

/// Complaints, each with the number of files and the first few of them.
fn summary(alarms: &BTreeMap<String, Vec<&HonestFile>>) -> String {
    let mut lines: Vec<_> = alarms.iter().collect();
    lines.sort_by_key(|(complaint, files)| (std::cmp::Reverse(files.len()), (*complaint).clone()));
    let line = |(complaint, files): (&String, &Vec<&HonestFile>)| {
        let mut frameworks: Vec<_> = files.iter().map(|file| file.framework.as_str()).collect();
        frameworks.dedup();
        frameworks.sort_unstable();
        frameworks.dedup();
        let examples: Vec<_> = files.iter().take(3).map(|file| file.path.as_str()).collect();
        format!("{:5} {complaint} [{}] {}", files.len(), frameworks.join(","), examples.join(" "))
    };
    lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_honest_file_is_blamed() {
    let manifest = manifest();
    assert!(manifest.file.len() >= LEAST_FILES, "{} files are in the manifest", manifest.file.len());
    let engine = Engine::new(Limits::default(), Rules::builtin());
    let mut alarms: BTreeMap<String, Vec<&HonestFile>> = BTreeMap::new();
    let mut blamed = 0;
    for file in &manifest.file {
        let found = complaints(file, &scan(&engine, file));
        blamed += usize::from(!found.is_empty());
        for complaint in found {
            alarms.entry(complaint).or_default().push(file);
        }
    }
    let count = manifest.file.len();
    assert!(alarms.is_empty(), "{blamed} of {count} honest files are blamed:\n{}", summary(&alarms));
}

#[test]
fn every_file_of_the_corpus_is_in_the_manifest() {
    let mut listed: Vec<_> = manifest().file.into_iter().map(|file| folder().join(file.path)).collect();
    listed.sort();
    let mut found = Vec::new();
    for environment in subfolders(&folder()) {
        for framework in subfolders(&environment) {
            found.extend(fs::read_dir(framework).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    assert_eq!(listed, found);
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}
