//! Graphs as files: what they cost to scan, and what is not taken for one.
//!
//! Weights in a graph are skipped, so gigabytes of them cost a few reads. Protocol buffers have no magic number: no honest file of
//! another kind may look like a graph.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use modelscand::report::{Report, Severity};
use modelscand::scan::identify::identify;
use modelscand::scan::input::{Budget, Input};
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};

/// Bytes of weights in each of the graphs.
const WEIGHTS: u64 = 2 << 30;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field with this content, and a hole of `hole` bytes behind that content.
fn field(number: u64, content: &[u8], hole: u64) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64 + hole), content.to_vec()].concat()
}

/// Scans a sparse file: `head`, then the weights, then `tail`.
fn report_of(head: &[u8], tail: &[u8]) -> Report {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(head).unwrap();
    file.seek(SeekFrom::Current(WEIGHTS as i64)).unwrap();
    file.write_all(tail).unwrap();
    let engine = Engine::new(Limits::default(), Rules::default());
    let start = Instant::now();
    let report = engine.scan(Rc::new(file), &Hints::default(), &mut |_| {});
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    report
}

fn assert_found_cheaply(report: &Report, rule: &str) {
    let found = report.findings.iter().find(|finding| finding.rule.as_str() == rule);
    assert_eq!(found.map(|finding| finding.severity), Some(Severity::High), "{report:#?}");
    assert!(report.bytes_read < 1 << 20, "{} bytes were read", report.bytes_read);
}

#[test]
fn gigabytes_of_onnx_weights_cost_a_few_reads() {
    let node = field(1, &[field(4, b"PyOp", 0), field(7, b"com.microsoft", 0)].concat(), 0);
    let raw_data = field(9, b"", WEIGHTS);
    let initializer = field(5, &raw_data, WEIGHTS);
    let head = [vec![8, 8], field(7, &initializer, WEIGHTS + node.len() as u64)].concat();
    assert_found_cheaply(&report_of(&head, &node), "onnx.operator");
}

#[test]
fn gigabytes_of_tensorflow_constants_cost_a_few_reads() {
    let tensor = field(8, &field(4, b"", WEIGHTS), WEIGHTS);
    let entry = field(5, &[field(1, b"value", 0), field(2, &tensor, WEIGHTS)].concat(), WEIGHTS);
    let constant = field(1, &[field(1, b"c", 0), field(2, b"Const", 0), entry].concat(), WEIGHTS);
    let node = field(1, &[field(1, b"p", 0), field(2, b"PyFunc", 0)].concat(), 0);
    assert_found_cheaply(&report_of(&constant, &node), "tensorflow.python-call");
}

#[test]
fn a_million_empty_nodes_are_gone_through() {
    let node = field(1, &[field(1, b"p", 0), field(2, b"PyFunc", 0)].concat(), 0);
    let bytes = [node, [0x0a, 0].repeat(1 << 20)].concat();
    let engine = Engine::new(Limits::default(), Rules::default());
    let report = engine.scan(Rc::new(bytes), &Hints::default(), &mut |_| {});
    assert_eq!(report.findings.iter().filter(|finding| finding.severity == Severity::High).count(), 1, "{report:#?}");
}

#[test]
fn honest_files_of_other_kinds_are_no_graphs() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/honest")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|suffix| suffix != "onnx") {
                seen += 1;
                let input = Input::new(Rc::new(File::open(&path).unwrap()), Rc::new(Budget::new(&Limits::default())));
                identify(&input, &Hints::default(), |format| {
                    let is_graph = ["onnx", "tensorflow", "tflite"].contains(&format.name);
                    assert!(!is_graph, "{} is taken for {}", path.display(), format.name);
                })
                .unwrap();
            }
        }
    }
    assert!(seen > 400, "{seen} files");
}
