//! Published attacks, and those that once went through here, are reported: each at its severity or above, with the call in the evidence.
//!
//! The files are written by tests/attacks/make_attacks.py and named after the attacks; what they would run is `true`, or does not exist.
//! All misses are listed at once. A file that is missed is never taken out of the suite.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use modelscand::report::{Report, Severity, Verdict};
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    attack: Vec<Attack>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    id: String,
    file: String,
    severity: String,
    /// A part of the evidence of one finding.
    evidence: Option<String>,
}

impl Attack {
    fn least(&self) -> Severity {
        self.severity.parse().unwrap_or_else(|e| panic!("{}: {e}", self.file))
    }

    /// What the report lacks.
    fn misses(&self, report: &Report) -> Vec<String> {
        let mut misses = Vec::new();
        let worst = report.worst();
        if worst < Some(self.least()) {
            misses.push(format!("at least {}, but the worst is {worst:?}", self.severity));
        }
        // What is only worth knowing leaves a file clean.
        if report.verdict == Verdict::Clean && self.least() > Severity::Low {
            misses.push("called clean".to_owned());
        }
        if let Some(evidence) = &self.evidence
            && !report.findings.iter().any(|f| f.evidence.contains(evidence.as_str()) || f.message.contains(evidence))
        {
            misses.push(format!("no evidence holds `{evidence}`"));
        }
        misses
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks")
}

fn attacks() -> Vec<Attack> {
    let text = fs::read_to_string(folder().join("manifest.toml")).expect("the manifest is there");
    toml::from_str::<Manifest>(&text).expect("the manifest can be read").attack
}

fn scan(file: &str) -> Report {
    let bytes = fs::read(folder().join("files").join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let engine = Engine::new(Limits::default(), Rules::builtin());
    engine.scan(Rc::new(bytes), &Hints { name: file.to_owned() }, &mut |_| {})
}

#[test]
fn every_attack_is_reported() {
    let attacks = attacks();
    let mut failures = Vec::new();
    for attack in &attacks {
        let report = scan(&attack.file);
        let misses = attack.misses(&report);
        if !misses.is_empty() {
            let found: Vec<String> =
                report.findings.iter().map(|f| format!("      {} {} {}", f.severity, f.rule, f.evidence)).collect();
            failures.push(format!("{} {}: {}\n{}", attack.id, attack.file, misses.join("; "), found.join("\n")));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} attacks are missed:\n{}",
        failures.len(),
        attacks.len(),
        failures.join("\n")
    );
}

/// A call of `os.system` by a pickle of protocol 0.
const SYSTEM: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// What would make the suite's files large: lengths that once were longer than the scanner looked.
#[test]
fn attacks_behind_more_than_anybody_reads_are_reported() {
    let repeated = |part: &[u8], times: usize| part.repeat(times);
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes().to_vec();
    let a = repeated(b"a", (1 << 20) + 4096);
    let attacks: [(&str, Vec<Vec<u8>>); 10] = [
        ("N13 a counted text first", vec![b"X".to_vec(), length(a.len()), a.clone(), b"0".to_vec()]),
        ("N13 a long line of text first", vec![b"V".to_vec(), a.clone(), b"\n0".to_vec()]),
        ("N13 a long quoted line first", vec![b"S'".to_vec(), a.clone(), b"'\n0".to_vec()]),
        ("N13 a number of many zeros first", vec![b"I".to_vec(), repeated(b"0", 70_000), b"1\n0".to_vec()]),
        (
            "N14 a name that walks in a circle",
            vec![b"\x80\x04cos\n".to_vec(), repeated(b"path.os.", 200), b"system\n(tR0".to_vec()],
        ),
        (
            "N14 a name that walks for ever",
            vec![b"\x80\x04cos\n".to_vec(), repeated(b"path.os.", 2500), b"system\n(tR0".to_vec()],
        ),
        ("N15 behind zeros", vec![b"\x80\x04N.".to_vec(), repeated(b"\0", (1 << 20) + 4096)]),
        ("N16 the last of very many pickles", vec![repeated(b"I1\n.", 4000)]),
        ("N16 behind values that are dropped", vec![repeated(b"N0", 200_000)]),
        ("N16 behind marks that are dropped", vec![repeated(b"(1", 200_000)]),
    ];
    for (name, parts) in attacks {
        let engine = Engine::new(Limits::default(), Rules::builtin());
        let bytes = [parts.concat(), SYSTEM.to_vec()].concat();
        let report = engine.scan(Rc::new(bytes), &Hints::default(), &mut |_| {});
        assert_eq!(report.worst(), Some(Severity::Critical), "{name}: {:?} {:?}", report.verdict, report.coverage);
    }
}

/// Nothing was found, and not everything was looked at.
#[test]
fn a_hole_too_large_to_search_is_not_called_clean() {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    let bytes = [&b"\x80\x04N."[..], &b"\xfe".repeat(2 << 20), b"\x80\x04", SYSTEM].concat();
    let report = engine.scan(Rc::new(bytes), &Hints::default(), &mut |_| {});
    assert_ne!(report.verdict, Verdict::Clean);
}

#[test]
fn every_file_of_the_suite_is_in_the_manifest() {
    let listed: Vec<String> = attacks().into_iter().map(|attack| attack.file).collect();
    let files = fs::read_dir(folder().join("files")).expect("the files are there");
    let unlisted: Vec<String> = files
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| !listed.contains(name))
        .collect();
    assert!(unlisted.is_empty(), "not in the manifest: {unlisted:?}");
}
