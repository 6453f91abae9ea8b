//! HDF5 files that h5py wrote (`make_fixtures.py`): what each hides is found, and honest ones are left alone.

use proptest::prelude::*;

use crate::report::{PartialCause, Report, Severity, Verdict};
use crate::scan::formats::testing::{ZipMember, cause_of, report_of, severity_of, zip};

/// A fixture by its name.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name, ".h5")).as_slice()
    };
}

fn of(bytes: &[u8]) -> Report {
    let report = report_of(bytes);
    assert!(report.formats.iter().any(|format| format == "hdf5"), "{report:?}");
    report
}

/// CVE-2025-9905: safe mode is not for HDF5.
#[test]
fn a_lambda_is_found_before_the_library_is_called() {
    for bytes in [fixture!("lambda"), fixture!("lambda-bytes"), fixture!("lambda-dense")] {
        let report = of(bytes);
        assert_eq!(severity_of(&report, "keras.lambda"), Some(Severity::Critical), "{report:?}");
        let lambdas = report.findings.iter().filter(|finding| finding.rule.as_str() == "keras.lambda").count();
        assert_eq!(lambdas, 1, "it is told once: {report:?}");
        // Cut off, it is nothing that the library reads.
        assert_eq!(severity_of(&report_of(&bytes[..bytes.len() - 1]), "keras.lambda"), Some(Severity::Critical));
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn honest_files_raise_nothing() {
    for bytes in [fixture!("honest"), fixture!("own-virtual")] {
        let report = of(bytes);
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:?}");
    }
    assert_eq!(of(&zip(&[ZipMember::deflated("model.weights.h5", fixture!("honest"))])).verdict, Verdict::Clean);
}

#[cfg(feature = "hdf5")]
#[test]
fn text_inside_a_structure_is_not_read_and_that_is_said() {
    let report = of(fixture!("structure"));
    assert_eq!((report.verdict, cause_of(&report)), (Verdict::Unscannable, Some(PartialCause::Fault)), "{report:?}");
    assert_eq!(of(fixture!("structure-of-numbers")).verdict, Verdict::Clean);
}

#[cfg(not(feature = "hdf5"))]
#[test]
fn without_the_library_no_file_is_clean() {
    let report = of(fixture!("honest"));
    assert_eq!((report.verdict, cause_of(&report)), (Verdict::Unscannable, Some(PartialCause::Unsupported)));
}

#[cfg(feature = "hdf5")]
#[test]
fn a_configuration_in_another_encoding_is_found() {
    assert_eq!(severity_of(&of(fixture!("lambda-wide")), "keras.lambda"), Some(Severity::Critical));
}

#[test]
fn what_stands_before_the_file_is_scanned() {
    let report = of(fixture!("user-block"));
    assert_eq!(severity_of(&report, "hdf5.user-block"), Some(Severity::Medium));
    assert_eq!(severity_of(&report, "pickle.dangerous-call"), Some(Severity::Critical));
    let mut empty = fixture!("user-block").to_vec();
    empty[..1024].fill(0);
    assert_eq!(severity_of(&of(&empty), "hdf5.user-block"), Some(Severity::Low));
}

/// CVE-2026-1669.
#[cfg(feature = "hdf5")]
#[test]
fn data_in_other_files_is_reported() {
    for bytes in [fixture!("external-link"), fixture!("external-storage"), fixture!("virtual")] {
        let report = of(bytes);
        assert_eq!(severity_of(&report, "hdf5.external"), Some(Severity::High), "{report:?}");
        assert!(report.findings[0].evidence.contains("/etc/hostname"), "{report:?}");
        assert_eq!(cause_of(&report), None);
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn a_filter_that_nobody_knows_is_reported() {
    assert_eq!(severity_of(&of(fixture!("filter")), "hdf5.dynamic-filter"), Some(Severity::Medium));
}

#[cfg(feature = "hdf5")]
#[test]
fn pickled_rows_and_attributes_go_to_the_pickle_machine() {
    for bytes in [fixture!("rows"), fixture!("pickled-attribute")] {
        let report = of(bytes);
        assert_eq!(severity_of(&report, "pickle.dangerous-call"), Some(Severity::Critical), "{report:?}");
    }
}

#[test]
fn what_cannot_be_read_is_not_clean() {
    let report = of(b"\x89HDF\r\n\x1a\nnothing else");
    let cause = if cfg!(feature = "hdf5") { PartialCause::Fault } else { PartialCause::Unsupported };
    assert_eq!((report.verdict, cause_of(&report)), (Verdict::Unscannable, Some(cause)));
}

proptest! {
    /// Of the headers; the library itself is only ever called in a worker that may die.
    #[cfg(not(feature = "hdf5"))]
    #[test]
    fn mutated_files_never_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = fixture!("lambda").to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        report_of(&bytes);
    }

    #[test]
    fn cut_files_never_panic(size in any::<prop::sample::Index>()) {
        let bytes = fixture!("lambda");
        report_of(&bytes[..size.index(bytes.len())]);
    }
}
