//! PyTorch files end to end: the call is harmless, its place is the attacker's.

use super::super::super::testing::*;
use crate::report::{Severity, Verdict};

/// `{"w": 1}` as protocol 2 writes it.
const HONEST: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01K\x01s.";

fn model(members: &[ZipMember]) -> Vec<u8> {
    let padding = [b"FB".as_slice(), &30_u16.to_le_bytes(), &[b'Z'; 30]].concat();
    let version = ZipMember::stored("model/version", b"3\n").with_extra(&padding);
    let tensor = ZipMember::stored("model/data/0", &[0x3f; 4096]).with_extra(&padding);
    zip(&[[version, tensor].as_slice(), members].concat())
}

#[test]
fn honest_model_is_clean() {
    let report = report_of(&model(&[ZipMember::stored("model/data.pkl", HONEST)]));
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
}

#[test]
fn call_in_any_member_is_found_e01_d02() {
    for name in ["model/data.pkl", "model/constants.pkl", "model/data/7", "model/readme.txt", "DATA.PKL"] {
        for member in [ZipMember::stored(name, &call()), ZipMember::deflated(name, &call())] {
            assert_eq!(calls(&report_of(&model(&[member]))), [name]);
        }
    }
}

#[test]
fn call_behind_junk_or_before_trailing_bytes_e09() {
    let bytes = model(&[ZipMember::stored("model/data.pkl", &call())]);
    assert_eq!(calls(&report_of(&[b"junk".repeat(500), bytes.clone()].concat())), ["model/data.pkl"]);
    assert_eq!(calls(&report_of(&[bytes, b"junk".repeat(500)].concat())), ["model/data.pkl"]);
}

#[test]
fn pickle_followed_by_a_zip_is_both_m04() {
    let hidden = [call(), model(&[ZipMember::stored("model/data.pkl", HONEST)])].concat();
    assert!(calls(&report_of(&hidden)).contains(&""), "what pickle.load runs");
    let shown = [HONEST.to_vec(), model(&[ZipMember::stored("model/data.pkl", &call())])].concat();
    assert!(calls(&report_of(&shown)).contains(&"model/data.pkl"), "what torch.load runs");
}

#[test]
fn both_copies_of_data_pkl_are_scanned() {
    let copies = |one: &[u8], two: &[u8]| {
        report_of(&model(&[ZipMember::stored("model/data.pkl", one), ZipMember::stored("model/data.pkl", two)]))
    };
    for report in [copies(&call(), HONEST), copies(HONEST, &call())] {
        assert_eq!(calls(&report), ["model/data.pkl"]);
        assert_eq!(severity_of(&report, "archive.duplicate-name"), Some(Severity::High));
    }
}

#[test]
fn call_under_a_false_encryption_flag_or_method_e06() {
    let member = ZipMember::stored("model/data.pkl", &call());
    let flagged = member.clone().patch_local(6, &[1]).patch_central(8, &[1]);
    let method = member.patch_local(8, &[99]).patch_central(10, &[77]);
    for member in [flagged, method] {
        assert!(calls(&report_of(&model(&[member]))).contains(&"model/data.pkl"));
    }
}

#[test]
fn call_with_a_second_name_in_the_local_header() {
    let member = ZipMember::stored("model/data.pkl", &call()).patch_local(30, b"modex");
    assert_eq!(calls(&report_of(&model(&[member]))), ["model/data.pkl"]);
}

#[test]
fn model_inside_an_archive_of_torchserve_e20() {
    let inner = model(&[ZipMember::deflated("model/data.pkl", &call())]);
    let report = report_of(&zip(&[
        ZipMember::stored("MAR-INF/MANIFEST.json", b"{}"),
        ZipMember::deflated("handler.py", b"class Handler: pass"),
        ZipMember::deflated("model.pt", &inner),
    ]));
    assert_eq!(calls(&report), ["model.pt!model/data.pkl"]);
}
