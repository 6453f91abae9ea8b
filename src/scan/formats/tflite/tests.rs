use std::path::Path;

use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Report, Severity, Verdict};

/// A model whose operators have these custom codes.
fn model(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(20_u32.to_le_bytes()); // to the root table
    bytes.extend(b"TFL3");
    bytes.extend([8_u16, 12, 0, 8, 0, 0].map(u16::to_le_bytes).concat()); // at 8: the vtable, then padding
    bytes.extend(12_i32.to_le_bytes()); // at 20: the table, back to its vtable
    bytes.extend([0; 4]);
    bytes.extend(4_u32.to_le_bytes()); // at 28: to the vector
    bytes.extend((names.len() as u32).to_le_bytes());
    let first = bytes.len() + names.len() * 4;
    let mut tables = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let vtable_at = first + tables.len();
        let slot = 32 + 4 + number * 4;
        bytes.extend(((vtable_at + 8 - slot) as u32).to_le_bytes());
        tables.extend([8_u16, 8, 0, 4].map(u16::to_le_bytes).concat());
        tables.extend(8_i32.to_le_bytes());
        tables.extend(4_u32.to_le_bytes());
        tables.extend((name.len() as u32).to_le_bytes());
        tables.extend(name.as_bytes());
        tables.resize(tables.len().next_multiple_of(4), 0);
    }
    [bytes, tables].concat()
}

fn flex(report: &Report) -> Option<Severity> {
    severity_of(report, "tflite.flex-operator")
}

#[test]
fn file_that_tensorflow_wrote_raises_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/graphs/dense.tflite");
    let report = report_of(&std::fs::read(path).unwrap());
    assert_eq!((report.verdict, report.findings.as_slice()), (Verdict::Clean, &[][..]), "{report:#?}");
    assert_eq!(report.formats, ["tflite"]);
}

#[test]
fn operators_of_tensorflow_that_reach_out_h21() {
    for (name, severity) in [
        ("FlexWriteFile", Some(Severity::High)),
        ("FlexPyFunc", Some(Severity::High)),
        ("FlexReadFile", Some(Severity::Medium)),
        ("FlexErf", None),
    ] {
        let report = report_of(&model(&["Mfcc", name]));
        assert_eq!((flex(&report), cause_of(&report)), (severity, None), "{name}: {report:#?}");
    }
}

#[test]
fn operator_that_needs_a_native_library_h21() {
    let report = report_of(&model(&["TFLite_Detection_PostProcess", "Frobnicate"]));
    assert_eq!(severity_of(&report, "tflite.custom-operator"), Some(Severity::Medium), "{report:#?}");
    assert_eq!(report.findings.len(), 1, "{report:#?}");
}

#[test]
fn offset_that_leads_out_is_a_fault() {
    let mut bytes = model(&["FlexWriteFile"]);
    bytes[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(cause_of(&report_of(&bytes)), Some(PartialCause::Fault));
}

proptest! {
    #[test]
    fn mutated_models_are_survived(at in 0_usize..90, bytes: [u8; 4], cut in 0_usize..20) {
        let mut model = model(&["FlexWriteFile", "x"]);
        if let Some(place) = model.get_mut(at..at + 4) {
            place.copy_from_slice(&bytes);
        }
        model.truncate(model.len() - cut);
        report_of(&model);
    }
}
