use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0".as_slice(), &length, header.as_bytes(), data].concat()
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}      \n")
}

#[test]
fn honest_arrays_raise_nothing() {
    let cases = [
        ("'<f8'", "(2, 3)", 48),
        ("'|b1'", "(3,)", 3),
        ("'<U4'", "()", 16),
        ("'<M8[ns]'", "(2,)", 16),
        ("'|S7'", "(0, 5)", 0),
        ("[('a', '<i4'), ('b', '<f4', (2, 2)), ('c', [('d', '|u1')])]", "(2,)", 42),
        ("('<f4', (2,))", "(3,)", 24),
        ("'<f8'", "(2L, 3L)", 48),
    ];
    for (descr, shape, size) in cases {
        let report = report_of(&npy(&header(descr, shape), &vec![1; size]));
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{descr}: {report:#?}");
    }
}

#[test]
fn versions_2_and_3_are_read() {
    let text = header("'|O'", "(1,)");
    for version in [2, 3] {
        let length = (text.len() as u32).to_le_bytes();
        let bytes = [b"\x93NUMPY".as_slice(), &[version, 0], &length, text.as_bytes(), &call()].concat();
        assert_eq!(calls(&report_of(&bytes)), ["(object array)"]);
    }
}

#[test]
fn pickle_of_an_object_array_is_scanned_f02() {
    for descr in ["'|O'", "'O'", "[('a', '<i4'), ('b', '|O8')]", "[('a', [('b', 'O')])]", "'object'"] {
        let report = report_of(&npy(&header(descr, "(1,)"), &call()));
        assert_eq!(calls(&report), ["(object array)"], "{descr}: {report:#?}");
    }
    let member = ZipMember::deflated("arr_0.npy", &npy(&header("'|O'", "()"), &call()));
    assert_eq!(calls(&report_of(&zip(&[member]))), ["arr_0.npy!(object array)"]);
}

#[test]
fn npy_name_on_a_pickle_f04() {
    assert_eq!(calls(&report_of(&zip(&[ZipMember::stored("a.npy", &call())]))), ["a.npy"]);
}

#[test]
fn size_that_lies() {
    for shape in ["(1000,)", "(18446744073709551615, 9)"] {
        let report = report_of(&npy(&header("'<f8'", shape), &marker()));
        assert_eq!(markers(&report), 1, "{report:#?}");
    }
}

#[test]
fn bytes_behind_the_numbers_are_scanned() {
    let report = report_of(&npy(&header("'<f8'", "(1,)"), &[[0; 8].as_slice(), &marker()].concat()));
    assert_eq!(markers(&report), 1);
    assert_eq!(severity_of(&report, "npy.hidden-data"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn several_arrays_in_one_file_are_honest() {
    let one = npy(&header("'<f8'", "(1,)"), &[0; 8]);
    let report = report_of(&[one.clone(), one.clone(), one].concat());
    assert_eq!(report.findings, []);
}

#[test]
fn header_that_is_code_is_a_finding_and_not_evaluated() {
    let report = report_of(&npy("__import__('os').system('true')", &marker()));
    assert_eq!(severity_of(&report, "npy.header"), Some(Severity::Medium), "{report:#?}");
    assert_eq!(cause_of(&report), Some(PartialCause::Fault));
    assert_eq!(markers(&report), 1);
}

proptest! {
    #[test]
    fn any_header_is_survived(text in r"[\[\](){}'a-z0-9:, \\<|OLTrue-]{0,200}") {
        report_of(&npy(&text, &[0; 8]));
    }
}
