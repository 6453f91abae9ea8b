use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};

fn file(json: &str, data: &[u8]) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes(), json.as_bytes(), data].concat()
}

const HONEST: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F16","shape":[],"data_offsets":[16,18]}}      "#;

#[test]
fn an_honest_file_raises_nothing() {
    let report = report_of(&file(HONEST, &[0; 18]));
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
    assert_eq!(report.formats, ["safetensors"]);
}

#[test]
fn duplicate_keys_j18() {
    for json in [
        r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
        r#"{"__metadata__":{"x":"1","x":"2"}}"#,
        r#"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
    ] {
        let report = report_of(&file(json, &[0]));
        assert_eq!(severity_of(&report, "safetensors.duplicate-key"), Some(Severity::Medium), "{json}: {report:#?}");
    }
}

#[test]
fn trailing_bytes_are_told_and_scanned_j19() {
    let report = report_of(&[file(HONEST, &[0; 18]), marker()].concat());
    assert_eq!(severity_of(&report, "safetensors.hidden-data"), Some(Severity::Medium), "{report:#?}");
    assert_eq!(markers(&report), 1);
    let zipped = report_of(&[file(HONEST, &[0; 18]), zip(&[ZipMember::deflated("p", &marker())])].concat());
    assert!(markers(&zipped) >= 1, "{zipped:#?}");
}

#[test]
fn bytes_behind_the_json_j20() {
    let report = report_of(&file(&format!("{}cos", HONEST.trim_end()), &[0; 18]));
    assert_eq!(severity_of(&report, "safetensors.hidden-data"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn bytes_before_the_json_j20() {
    let report = report_of(&file(&format!(" {HONEST}"), &[0; 18]));
    assert_eq!(severity_of(&report, "safetensors.header"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn offsets_that_lie_j22() {
    let tensors = |offsets: &str| {
        file(
            &format!(
                r#"{{"a":{{"dtype":"U8","shape":[4],"data_offsets":{offsets}}},"b":{{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}}}"#
            ),
            &[0; 8],
        )
    };
    assert_eq!(severity_of(&report_of(&tensors("[0,4]")), "safetensors.layout"), None);
    for (offsets, severity) in [
        ("[2,6]", Severity::Medium),
        ("[0,3]", Severity::Medium),
        ("[8,12]", Severity::Medium),
        ("[4,0]", Severity::Medium),
    ] {
        let report = report_of(&tensors(offsets));
        assert_eq!(severity_of(&report, "safetensors.layout"), Some(severity), "{offsets}: {report:#?}");
    }
}

#[test]
fn header_longer_than_the_file() {
    let mut bytes = file(HONEST, &[0; 18]);
    bytes[2] = 1;
    let report = report_of(&bytes);
    assert_eq!(severity_of(&report, "safetensors.header"), Some(Severity::High), "{report:#?}");
}

#[test]
fn header_that_is_no_json_is_a_fault() {
    let report = report_of(&file(r#"{"a":nonsense}"#, b""));
    assert_eq!(cause_of(&report), Some(PartialCause::Fault), "{report:#?}");
}

proptest! {
    #[test]
    fn mutated_files_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = file(HONEST, &[0; 18]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        report_of(&bytes);
    }
}
