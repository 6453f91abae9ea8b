use std::path::Path;

use proptest::prelude::*;

use super::super::protobuf::build::{bytes, message, number};
use super::super::testing::*;
use crate::report::{PartialCause, Report, Severity, Verdict};

/// A `NodeDef`, without the field that it stands in.
fn node(name: &str, op: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<Vec<u8>> = inputs.iter().map(|input| bytes(3, input)).collect();
    [bytes(1, name), bytes(2, op), inputs.concat(), attributes.concat()].concat()
}

fn attribute(name: &str, value: &[Vec<u8>]) -> Vec<u8> {
    message(5, &[bytes(1, name), message(2, value)])
}

fn text(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    attribute(name, &[bytes(2, value)])
}

fn calls_function(name: &str) -> Vec<u8> {
    attribute("f", &[message(10, &[bytes(1, name)])])
}

/// A constant string.
fn constant(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    node(name, "Const", &[], &[attribute("value", &[message(8, &[number(1, 7), bytes(8, value)])])])
}

/// A `GraphDef` of these nodes.
fn graph(nodes: &[Vec<u8>]) -> Vec<u8> {
    nodes.iter().flat_map(|node| bytes(1, node)).collect()
}

/// A `FunctionDef` in a library, as a further field of a `GraphDef`.
fn function(name: &str, arguments: &[&str], nodes: &[Vec<u8>]) -> Vec<u8> {
    let arguments: Vec<Vec<u8>> = arguments.iter().map(|name| message(2, &[bytes(1, name)])).collect();
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(3, node)).collect();
    message(2, &[message(1, &[message(1, &[bytes(1, name), arguments.concat()]), nodes])])
}

/// A saved model of this `GraphDef` and these further fields of its meta graph.
fn saved_model(graph: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    [number(1, 1), message(2, &[bytes(2, graph), more.concat()])].concat()
}

const PATH: &str = "/modelscand/no-such-file";

fn writes(report: &Report) -> Option<Severity> {
    severity_of(report, "tensorflow.writes-file")
}

fn reads(report: &Report) -> Option<Severity> {
    severity_of(report, "tensorflow.reads-file")
}

/// A graph in which `op` is given a constant path as its only input.
fn with_path(op: &str, path: &str) -> Vec<u8> {
    graph(&[constant("path", path), node("n", op, &["path"], &[])])
}

#[test]
fn files_that_tensorflow_wrote_raise_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/graphs");
    for name in ["module.saved_model.pb", "keras.saved_model.pb", "v1.saved_model.pb", "checkpoint.meta", "frozen.pb"] {
        let report = report_of(&std::fs::read(folder.join(name)).unwrap());
        assert_eq!(report.formats, ["tensorflow"], "{name}");
        assert_eq!((report.verdict, report.findings.as_slice()), (Verdict::Clean, &[][..]), "{name}");
    }
}

#[test]
fn write_file_in_the_graph_h01() {
    let nodes = [constant("path", PATH), constant("data", "x"), node("w", "WriteFile", &["path", "data"], &[])];
    for bytes in [graph(&nodes), saved_model(&graph(&nodes), &[]), message(2, &[graph(&nodes)])] {
        let report = report_of(&bytes);
        assert_eq!((writes(&report), report.verdict), (Some(Severity::High), Verdict::Suspicious), "{report:#?}");
        assert!(report.findings[0].evidence.contains(PATH), "{report:#?}");
    }
}

#[test]
fn write_file_in_a_function_h01() {
    let body = [constant("path", PATH), node("w", "WriteFile", &["path:output:0"], &[])];
    let report = report_of(&saved_model(&function("f", &[], &body), &[]));
    assert_eq!(writes(&report), Some(Severity::High), "{report:#?}");
    assert!(report.findings[0].evidence.ends_with("in function f"), "{report:#?}");
}

#[test]
fn what_runs_at_load_is_critical() {
    let nodes = [
        constant("path", PATH),
        node("w", "WriteFile", &["path", "path"], &[]),
        node("p", "PyFunc", &[], &[text("token", "pyfunc_0")]),
        node("init", "NoOp", &["^w", "^call", "^p"], &[]),
        node("call", "PartitionedCall", &[], &[calls_function("f")]),
    ];
    let graph = [graph(&nodes), function("f", &[], &[node("s", "SaveV2", &["c"], &[]), constant("c", PATH)])].concat();
    let list = message(2, &[message(1, &[bytes(1, "init")])]);
    let signature = message(2, &[message(2, &[bytes(1, "out"), message(2, &[bytes(1, "init:0")])])]);
    let roots = [
        ("main operation", message(4, &[bytes(1, "saved_model_main_op"), list.clone()])),
        ("legacy operation", message(4, &[bytes(1, "legacy_init_op"), list])),
        ("signature", message(5, &[bytes(1, "__saved_model_init_op"), signature])),
        ("saver", message(3, &[bytes(3, "init")])),
    ];
    for (what, root) in roots {
        let report = report_of(&saved_model(&graph, &[root]));
        assert_eq!(report.verdict, Verdict::Malicious, "{what}");
        let critical = report.findings.iter().filter(|finding| finding.severity == Severity::Critical);
        assert_eq!(critical.count(), 3, "{what}: {report:#?}");
    }
}

#[test]
fn initialiser_of_a_resource_runs_at_load() {
    let body = [constant("path", PATH), node("w", "WriteFile", &["path:output:0"], &[])];
    let child = message(1, &[message(1, &[number(1, 1), bytes(2, "_initialize")])]);
    let initialiser = message(1, &[message(6, &[bytes(1, "f")])]);
    let objects = message(7, &[child, initialiser]);
    let report = report_of(&saved_model(&function("f", &[], &body), &[objects]));
    assert_eq!(writes(&report), Some(Severity::Critical), "{report:#?}");
}

#[test]
fn readers_of_files_that_the_model_names_h03() {
    for op in ["ReadFile", "MatchingFiles"] {
        assert_eq!(reads(&report_of(&with_path(op, "/etc/passwd"))), Some(Severity::High), "{op}");
        assert_eq!(reads(&report_of(&with_path(op, "data.txt"))), Some(Severity::Medium), "{op}");
    }
    for op in
        ["TFRecordDataset", "TextLineDataset", "FixedLengthRecordDatasetV2", "LMDBDataset", "MatchingFilesDataset"]
    {
        assert_eq!(reads(&report_of(&with_path(op, "/data/x"))), Some(Severity::Medium), "{op}");
    }
    let given = graph(&[node("p", "Placeholder", &[], &[]), node("r", "ReadFile", &["p"], &[])]);
    assert_eq!(report_of(&given).verdict, Verdict::Clean);
}

#[test]
fn print_to_a_file_h04() {
    for (stream, severity) in [("file:///tmp/x", Some(Severity::High)), ("stderr", None), ("log(info)", None)] {
        let report = report_of(&graph(&[node("p", "PrintV2", &[], &[text("output_stream", stream)])]));
        assert_eq!(writes(&report), severity, "{stream}");
    }
}

#[test]
fn python_functions_h05() {
    for op in ["PyFunc", "PyFuncStateless", "EagerPyFunc"] {
        let report = report_of(&graph(&[node("p", op, &[], &[text("token", "pyfunc_0")])]));
        assert_eq!(severity_of(&report, "tensorflow.python-call"), Some(Severity::High), "{op}");
    }
}

#[test]
fn checkpoint_saved_at_a_constant_path_h06_h09() {
    for op in ["SaveV2", "Save", "SaveSlices"] {
        for path in ["/etc/x", "variables/variables", "../../x", "s3://bucket/x"] {
            assert_eq!(writes(&report_of(&with_path(op, path))), Some(Severity::High), "{op} {path}");
        }
    }
    let merge = graph(&[
        constant("a", "x"),
        node("p", "Placeholder", &[], &[]),
        node("m", "MergeV2Checkpoints", &["p", "a"], &[]),
    ]);
    assert_eq!(writes(&report_of(&merge)), Some(Severity::High));
}

#[test]
fn constant_path_is_followed_through_what_makes_it_h06() {
    let packed = [number(1, 7), message(2, &[]), bytes(4, [&[8][..], b"/etc/abc"].concat())];
    let identities: Vec<Vec<u8>> =
        (1..50).map(|n| node(&format!("i{n}"), "Identity", &[&format!("i{}", n - 1)], &[])).collect();
    let chain = [vec![constant("i0", "/etc/x"), node("s", "SaveV2", &["i49:0"], &[])], identities].concat();
    let cases = [
        ("chain", graph(&chain)),
        ("endless chain", graph(&[node("a", "Identity", &["a"], &[]), node("s", "SaveV2", &["a"], &[])])),
        (
            "joined",
            graph(&[
                constant("a", "/et"),
                constant("b", "c/x"),
                node("j", "StringJoin", &["a", "b"], &[]),
                node("s", "SaveV2", &["j"], &[]),
            ]),
        ),
        (
            "computed",
            graph(&[
                constant("a", "L2V0Yw=="),
                node("d", "DecodeBase64", &["a"], &[]),
                node("s", "SaveV2", &["d"], &[]),
            ]),
        ),
        (
            "chosen",
            graph(&[
                node("p", "Placeholder", &[], &[]),
                constant("a", "/etc/x"),
                node("d", "Select", &["p", "a", "a"], &[]),
                node("s", "SaveV2", &["d"], &[]),
            ]),
        ),
        (
            "default that leaves",
            graph(&[
                constant("a", "/etc/x"),
                node("d", "PlaceholderWithDefault", &["a"], &[]),
                node("s", "SaveV2", &["d"], &[]),
            ]),
        ),
        (
            "packed",
            graph(&[
                node("a", "Const", &[], &[attribute("value", &[message(8, &packed)])]),
                node("s", "SaveV2", &["a"], &[]),
            ]),
        ),
        (
            "control input first",
            graph(&[
                constant("a", "/etc/x"),
                node("p", "Placeholder", &[], &[]),
                node("s", "SaveV2", &["^p", "a"], &[]),
            ]),
        ),
    ];
    for (how, bytes) in cases {
        assert_eq!(writes(&report_of(&bytes)), Some(Severity::High), "{how}");
    }
}

#[test]
fn constant_path_is_followed_into_functions_h06() {
    let save = function("save", &["unused", "prefix"], &[node("s", "SaveV2", &["prefix"], &[])]);
    let between = node("c", "PartitionedCall", &["a", "a"], &[calls_function("save")]);
    let outer = function("outer", &["a"], &[between]);
    let call = |input: &str| node("call", "StatefulPartitionedCall", &[input], &[calls_function("outer")]);
    let main = [constant("path", "/etc/x"), node("given", "Placeholder", &[], &[])];
    let bytes = |input| [graph(&[&main[..], &[call(input)]].concat()), save.clone(), outer.clone()].concat();
    assert_eq!(writes(&report_of(&bytes("path"))), Some(Severity::High));
    assert_eq!(report_of(&bytes("given")).findings, []);
}

#[test]
fn graph_inside_a_string_h08() {
    let inner = graph(&[constant("path", PATH), node("w", "WriteFile", &["path", "path"], &[])]);
    let once = graph(&[constant("g", &inner), node("d", "DatasetFromGraph", &["g"], &[])]);
    let twice = graph(&[node("d", "NoOp", &[], &[text("graph", &once)])]);
    for bytes in [once, twice] {
        let report = report_of(&bytes);
        assert_eq!(writes(&report), Some(Severity::High), "{report:#?}");
        assert!(report.findings[0].member.contains("of "), "{report:#?}");
    }
}

#[test]
fn debug_operations_h12() {
    for op in ["DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNumericSummary"] {
        for url in ["file:///tmp/x", "grpc://localhost:1"] {
            let urls = attribute("debug_urls", &[message(1, &[bytes(2, url)])]);
            assert_eq!(writes(&report_of(&graph(&[node("d", op, &[], &[urls])]))), Some(Severity::High), "{op} {url}");
        }
    }
}

#[test]
fn writers_of_datasets_and_summaries_h13() {
    for op in ["SaveDataset", "SnapshotDataset", "CacheDataset", "DatasetToTFRecord", "CreateSummaryFileWriter"] {
        let nodes = |path| graph(&[constant("p", path), node("n", op, &["x", "p"], &[])]);
        assert_eq!(writes(&report_of(&nodes(PATH))), Some(Severity::High), "{op}");
    }
    let in_memory = graph(&[constant("p", ""), node("n", "CacheDataset", &["x", "p"], &[])]);
    assert_eq!(report_of(&in_memory).findings, []);
}

#[test]
fn files_mapped_or_read_into_tables_h14() {
    let mapped = |name| report_of(&graph(&[node("c", "ImmutableConst", &[], &[text("memory_region_name", name)])]));
    assert_eq!(reads(&mapped("/etc/passwd")), Some(Severity::Medium));
    assert_eq!(mapped("memmapped_package://tensor").findings, []);
    let table = graph(&[constant("p", "/etc/passwd"), node("t", "InitializeTableFromTextFileV2", &["h", "p"], &[])]);
    assert_eq!(reads(&report_of(&table)), Some(Severity::Medium));
    let asset = message(6, &[message(1, &[bytes(1, "p:0")]), bytes(2, "words.txt")]);
    assert_eq!(report_of(&saved_model(&table, &[asset])).findings, []);
}

#[test]
fn asset_that_climbs_out_h15() {
    let asset = message(6, &[message(1, &[bytes(1, "p:0")]), bytes(2, "../../etc/passwd")]);
    let report = report_of(&saved_model(&graph(&[node("n", "NoOp", &[], &[])]), &[asset]));
    assert_eq!(severity_of(&report, "tensorflow.asset-escape"), Some(Severity::High), "{report:#?}");
}

#[test]
fn file_systems_and_servers_h16() {
    let report = report_of(&with_path("FileSystemSetConfiguration", "s3"));
    assert_eq!(reads(&report), Some(Severity::Medium));
    let nodes = [constant("a", "localhost:1"), node("d", "DataServiceDatasetV2", &["x", "y", "a"], &[])];
    assert_eq!(severity_of(&report_of(&graph(&nodes)), "tensorflow.connects"), Some(Severity::High));
}

#[test]
fn lambda_in_the_keras_metadata_g31() {
    let json = r#"{"config": {"layers": [{"class_name": "\u004cambda", "config": {"function": ["4wEA"]}}]}}"#;
    let object = message(1, &[number(2, 1), bytes(3, "root"), bytes(4, "_tf_keras_sequential"), bytes(5, json)]);
    let user = message(1, &[message(4, &[bytes(1, "_tf_keras_sequential"), bytes(3, json)])]);
    let in_model = saved_model(&graph(&[node("n", "NoOp", &[], &[])]), &[message(7, &[user])]);
    for bytes in [object, in_model] {
        let report = report_of(&bytes);
        assert_eq!(severity_of(&report, "tensorflow.keras-lambda"), Some(Severity::High), "{report:#?}");
    }
    let dense = bytes(5, r#"{"class_name": "Dense"}"#);
    let report = report_of(&message(1, &[number(2, 1), bytes(4, "_tf_keras_layer"), dense]));
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
}

#[test]
fn operation_that_tensorflow_does_not_bring() {
    let report = report_of(&graph(&[node("n", "FrobnicateV2", &[], &[])]));
    assert_eq!(severity_of(&report, "tensorflow.unknown-operation"), Some(Severity::Low), "{report:#?}");
    assert_eq!(report.verdict, Verdict::Clean);
}

#[test]
fn graph_in_several_parts_is_one() {
    let parts =
        [message(2, &[graph(&[constant("a", "/etc/x")])]), message(2, &[graph(&[node("s", "SaveV2", &["a"], &[])])])];
    let report = report_of(&[number(1, 1), message(2, &[parts.concat()])].concat());
    assert_eq!(writes(&report), Some(Severity::High), "{report:#?}");
}

#[test]
fn unknown_fields_hide_nothing() {
    let padding = [number(77, 1), number(2, 1), bytes(99, "x"), bytes(2, "abc")].concat().repeat(1000);
    let report = report_of(&[padding, with_path("SaveV2", "/etc/x")].concat());
    assert_eq!(writes(&report), Some(Severity::High), "{report:#?}");
}

#[test]
fn what_came_before_the_damage_stays() {
    let report = report_of(&[with_path("SaveV2", "/etc/x"), vec![0x0a, 0x7f]].concat());
    assert_eq!((writes(&report), cause_of(&report).is_some()), (Some(Severity::High), true), "{report:#?}");
}

#[test]
fn graph_in_text_form_is_told_as_not_read() {
    for text in ["# x\n\nnode {\n  name: \"a\"\n  op: \"NoOp\"\n}\n", "saved_model_schema_version: 1\nmeta_graphs {\n"]
    {
        let report = report_of(text.as_bytes());
        assert_eq!((report.verdict, cause_of(&report)), (Verdict::Unscannable, Some(PartialCause::Unsupported)));
    }
    for text in ["node default {\n op: 1 }", "node { x }", "", "nodes: op:"] {
        assert_eq!(report_of(text.as_bytes()).verdict, Verdict::NotAModel, "{text}");
    }
}

#[test]
fn other_files_are_no_graphs() {
    for other in [&call()[..], &marker(), b"\n\x05hello\x12\x05wo rl", b"plain text\n", &[0x0a; 4096], &[]] {
        assert!(!report_of(other).formats.iter().any(|name| name == "tensorflow"), "{other:x?}");
    }
}

proptest! {
    #[test]
    fn mutated_graphs_are_survived(at in 0_usize..300, byte: u8, cut in 0_usize..300) {
        let body = [constant("path", PATH), node("w", "WriteFile", &["path:output:0"], &[])];
        let call = node("c", "PartitionedCall", &["a"], &[calls_function("f")]);
        let mut bytes = saved_model(&[graph(&[constant("a", "b"), call]), function("f", &["x"], &body)].concat(), &[]);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 4));
        report_of(&bytes);
    }
}
