use std::io::Cursor;

use proptest::prelude::*;
use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderMethod};

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};

fn sevenz(method: EncoderMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    writer.set_content_methods(vec![method.into()]);
    for (name, data) in members {
        writer.push_archive_entry(ArchiveEntry::new_file(name), Some(*data)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const METHODS: [EncoderMethod; 3] = [EncoderMethod::COPY, EncoderMethod::LZMA, EncoderMethod::LZMA2];

#[test]
fn members_are_scanned_e12() {
    for method in METHODS {
        let inner = zip(&[ZipMember::stored("model/data.pkl", &call())]);
        let report = report_of(&sevenz(method, &[("a.txt", b"text"), ("model.pt", &inner)]));
        assert!(calls(&report).contains(&"model.pt!model/data.pkl"), "{report:#?}");
        assert_eq!(report.verdict, Verdict::Malicious);
    }
}

#[test]
fn honest_archive_raises_nothing() {
    let report = report_of(&sevenz(EncoderMethod::LZMA2, &[("a.txt", b"text"), ("b/c.txt", &[7; 100_000])]));
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
}

#[test]
fn climbing_names_m02() {
    let report = report_of(&sevenz(EncoderMethod::COPY, &[("../../x", b"text")]));
    assert_eq!(severity_of(&report, "archive.path-escape"), Some(Severity::High), "{report:#?}");
}

#[test]
fn truncated_archive_is_a_fault() {
    let mut bytes = sevenz(EncoderMethod::LZMA2, &[("a", &call())]);
    bytes.truncate(bytes.len() - 3);
    assert_eq!(cause_of(&report_of(&bytes)), Some(PartialCause::Fault));
}

#[test]
fn damaged_block_is_a_fault() {
    let mut bytes = sevenz(EncoderMethod::LZMA2, &[("a", &vec![9; 5000])]);
    bytes[32..40].fill(0xff);
    assert_eq!(cause_of(&report_of(&bytes)), Some(PartialCause::Fault));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn mutated_archives_never_panic(method in 0..METHODS.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut bytes = sevenz(METHODS[method], &[("a", &call()), ("b", &[1; 300])]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        report_of(&bytes);
    }
}
