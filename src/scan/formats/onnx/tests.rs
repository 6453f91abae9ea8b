use std::path::Path;

use proptest::prelude::*;

use super::super::protobuf::build::{bytes, message, number};
use super::super::testing::*;
use crate::report::{PartialCause, Report, Severity, Verdict};

/// A model with this graph and these further fields.
fn model(graph: &[Vec<u8>], more: &[Vec<u8>]) -> Vec<u8> {
    let opset = message(8, &[bytes(1, ""), number(2, 17)]);
    [number(1, 8), bytes(2, "test"), message(7, graph), opset, more.concat()].concat()
}

fn node(operator: &str, domain: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    message(1, &[bytes(1, "x"), bytes(2, "y"), bytes(4, operator), attributes.concat(), bytes(7, domain)])
}

fn string_attribute(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    message(5, &[bytes(1, name), bytes(4, value), number(20, 3)])
}

/// The fields of a tensor whose data lie elsewhere.
fn external(location: &str) -> Vec<Vec<u8>> {
    let entry = |key: &str, value: &str| message(13, &[bytes(1, key), bytes(2, value)]);
    let place = [entry("location", location), entry("offset", "0"), entry("length", "16")].concat();
    vec![bytes(1, [4]), number(2, 1), bytes(8, "w"), place, number(14, 1)]
}

fn with_external(location: &str) -> Vec<u8> {
    model(&[node("Relu", "", &[]), message(5, &external(location))], &[])
}

fn external_data(report: &Report) -> Option<Severity> {
    severity_of(report, "onnx.external-data")
}

#[test]
fn files_that_the_real_tools_wrote_raise_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let names = [
        "honest/torch/onnx/relu.onnx",
        "graphs/branches.onnx",
        "graphs/functions.onnx",
        "graphs/sparse.onnx",
        "graphs/forest.onnx",
        "graphs/pipeline.onnx",
    ];
    for name in names {
        let report = report_of(&std::fs::read(corpus.join(name)).unwrap());
        assert_eq!(
            (report.verdict, &*report.formats),
            (Verdict::Clean, &["onnx".to_owned()][..]),
            "{name}: {report:#?}"
        );
        assert_eq!(report.findings, [], "{name}");
    }
}

#[test]
fn tensors_in_a_file_beside_the_model_are_told_and_clean() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/graphs");
    let report = report_of(&std::fs::read(corpus.join("external.onnx")).unwrap());
    assert_eq!((report.verdict, external_data(&report)), (Verdict::Clean, Some(Severity::Low)), "{report:#?}");
    assert_eq!(report.findings.iter().map(|finding| &*finding.evidence).collect::<Vec<_>>(), ["external.onnx.data"]);
}

#[test]
fn external_data_outside_of_the_folder_i01_i02() {
    let outside = [
        "/etc/passwd",
        "../secret",
        "a/../../secret",
        "a/b/../../../secret",
        "..\\secret",
        "C:\\secret",
        "\\\\host\\share",
        "file:///etc/passwd",
        "https://example.invalid/w",
        "*/_ORT_MEM_ADDR_/*",
    ];
    for location in outside {
        let report = report_of(&with_external(location));
        assert_eq!(external_data(&report), Some(Severity::High), "{location}: {report:#?}");
    }
}

#[test]
fn location_that_is_understood_as_two_paths_i03() {
    for (location, severity) in [
        ("#../secret", Severity::High),
        ("a#b", Severity::Medium),
        ("a/../b", Severity::Medium),
        ("%2e%2e/secret", Severity::Medium),
        ("a\\b", Severity::Medium),
    ] {
        assert_eq!(external_data(&report_of(&with_external(location))), Some(severity), "{location}");
    }
}

#[test]
fn names_of_external_files_are_told_since_they_may_be_links_i04_i05() {
    let report = report_of(&with_external("weights.bin"));
    assert_eq!((report.verdict, external_data(&report)), (Verdict::Clean, Some(Severity::Low)));
}

#[test]
fn external_data_is_found_wherever_a_tensor_can_stand_i01() {
    let tensor = |field| message(field, &external("../w"));
    let inner = [node("Relu", "", &[]), tensor(5)];
    let in_node = |attribute: Vec<u8>| model(&[node("If", "", &[attribute])], &[]);
    let function = message(25, &[bytes(1, "F"), bytes(10, "own"), node_in_function(&tensor(5))]);
    let cases = [
        ("sparse initializer", model(&[node("Relu", "", &[]), message(15, &[tensor(1)])], &[])),
        ("sparse indices", model(&[node("Relu", "", &[]), message(15, &[tensor(2)])], &[])),
        ("attribute", in_node(message(5, &[bytes(1, "value"), tensor(5)]))),
        ("attributes", in_node(message(5, &[bytes(1, "value"), tensor(10)]))),
        ("sparse attribute", in_node(message(5, &[bytes(1, "value"), message(22, &[tensor(1)])]))),
        ("subgraph", in_node(message(5, &[bytes(1, "then_branch"), message(6, &inner)]))),
        ("subgraphs", in_node(message(5, &[bytes(1, "graphs"), message(11, &inner)]))),
        ("function", model(&[node("Relu", "", &[])], &[function])),
        ("training", model(&[node("Relu", "", &[])], &[message(20, &[message(1, &inner)])])),
        ("second graph", model(&[node("Relu", "", &[])], &[message(7, &inner)])),
    ];
    for (place, bytes) in cases {
        let report = report_of(&bytes);
        assert_eq!(external_data(&report), Some(Severity::High), "{place}: {report:#?}");
    }
}

fn node_in_function(attribute_value: &[u8]) -> Vec<u8> {
    message(7, &[bytes(4, "Constant"), message(5, &[bytes(1, "value"), attribute_value.to_vec()])])
}

#[test]
fn sizes_that_are_no_sizes() {
    for value in ["-1", "9223372036854775808", "0x10", ""] {
        let tensor = [bytes(8, "w"), message(13, &[bytes(1, "offset"), bytes(2, value)])];
        let report = report_of(&model(&[node("Relu", "", &[]), message(5, &tensor)], &[]));
        assert_eq!(external_data(&report), Some(Severity::Medium), "{value}");
    }
}

#[test]
fn domain_that_needs_a_native_library_i08() {
    let report = report_of(&model(&[node("Frobnicate", "org.example", &[])], &[]));
    assert_eq!(severity_of(&report, "onnx.custom-domain"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn domain_of_the_models_own_functions_is_its_own() {
    let function = message(25, &[bytes(1, "F"), bytes(10, "local"), node_in_function(&[])]);
    assert_eq!(report_of(&model(&[node("F", "local", &[])], &[function])).findings, []);
}

#[test]
fn operators_that_run_python_i08() {
    for operator in ["PyOp", "PythonOp"] {
        let attributes = [string_attribute("module", "modelscand_no_such_module")];
        let report = report_of(&model(&[node(operator, "com.microsoft", &attributes)], &[]));
        assert_eq!(severity_of(&report, "onnx.operator"), Some(Severity::High), "{operator}: {report:#?}");
    }
    let coded = node("Anything", "ai.onnx.contrib", &[string_attribute("code", "pass")]);
    assert_eq!(severity_of(&report_of(&model(&[coded], &[])), "onnx.operator"), Some(Severity::High));
}

#[test]
fn compiled_context_of_an_accelerator_i10() {
    for (path, severity) in [("model.ctx", Severity::Medium), ("../../x.ctx", Severity::High)] {
        let attributes = [string_attribute("ep_cache_context", path)];
        let report = report_of(&model(&[node("EPContext", "com.microsoft", &attributes)], &[]));
        assert_eq!(severity_of(&report, "onnx.operator"), Some(severity), "{path}: {report:#?}");
    }
}

#[test]
fn library_in_the_metadata_i09() {
    for (key, value) in [("custom_ops", "ops.bin"), ("note", "/opt/x/libops.so.1"), ("ort_config", r#"{"l":"x.dll"}"#)]
    {
        let metadata = message(14, &[bytes(1, key), bytes(2, value)]);
        let report = report_of(&model(&[node("Relu", "", &[])], &[metadata]));
        assert_eq!(severity_of(&report, "onnx.library"), Some(Severity::Medium), "{key}");
    }
    let prose = message(14, &[bytes(1, "note"), bytes(2, "trained with libtorch.so of last week")]);
    assert_eq!(report_of(&model(&[node("Relu", "", &[])], &[prose])).findings, []);
}

#[test]
fn shape_beyond_memory_i11() {
    let packed = bytes(1, [0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    for dimensions in [packed, [number(1, 1 << 40), number(1, 8)].concat()] {
        let report = report_of(&model(&[node("Relu", "", &[]), message(5, &[dimensions, bytes(8, "w")])], &[]));
        assert_eq!(severity_of(&report, "onnx.shape"), Some(Severity::Low), "{report:#?}");
    }
}

#[test]
fn pickle_named_onnx_is_a_pickle_i15() {
    assert_eq!(calls(&report_of(&call())), [""]);
}

#[test]
fn pickle_in_a_string_attribute() {
    let pickle = [b"\x80\x02".as_slice(), &call()].concat();
    let report = report_of(&model(&[node("Relu", "", &[string_attribute("blob", pickle)])], &[]));
    assert_eq!(calls(&report), ["(string attribute)"], "{report:#?}");
}

#[test]
fn unknown_fields_before_the_graph_hide_nothing() {
    let padding = [number(77, 1), bytes(99, "x"), vec![0x83, 0x06, 0x84, 0x06], bytes(5, "wrong wire type")].concat();
    let report = report_of(&[padding.repeat(1000), with_external("/etc/passwd")].concat());
    assert_eq!(external_data(&report), Some(Severity::High), "{report:#?}");
}

#[test]
fn what_came_before_the_damage_stays() {
    let report = report_of(&[with_external("/etc/passwd"), bytes(2, "x"), vec![0x12, 0x7f]].concat());
    assert_eq!((cause_of(&report), external_data(&report)), (Some(PartialCause::Fault), Some(Severity::High)));
}

#[test]
fn graphs_nested_without_end_are_a_finding() {
    let deep = (0..60).fold(vec![node("Relu", "", &[])], |inner, _| {
        vec![node("If", "", &[message(5, &[bytes(1, "then_branch"), message(6, &inner)])])]
    });
    let report = report_of(&model(&deep, &[]));
    assert_eq!(severity_of(&report, "limit.exceeded"), Some(Severity::Low), "{report:#?}");
    assert_eq!(report.verdict, Verdict::Unscannable);
}

#[test]
fn other_files_are_no_models() {
    for other in [&call()[..], &marker(), b"\n\x05hello\x12\x03 wo", b"plain text\n", &[0x20; 4096], &[]] {
        assert!(!report_of(other).formats.iter().any(|name| name == "onnx"), "{other:x?}");
    }
}

proptest! {
    #[test]
    fn mutated_models_are_survived(at in 0_usize..200, byte: u8, cut in 0_usize..200) {
        let mut bytes = with_external("../w");
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 4));
        report_of(&bytes);
    }
}
