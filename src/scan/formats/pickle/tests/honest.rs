//! Honest streams and texts: no finding above `low`, and no text is taken for a pickle.

use super::{bytes, call, dict, global, list, pickle, scan, text, tuple};
use crate::report::{Severity, Verdict};

fn dtype(code: &str, flags: &[u8]) -> Vec<u8> {
    let made = call(global("numpy", "dtype"), &[text(code), b"\x89".to_vec(), b"\x88".to_vec()]);
    let state = [
        b"(K\x03".to_vec(),
        text("|"),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff".to_vec(),
        flags.to_vec(),
        b"tb".to_vec(),
    ];
    [made, state.concat()].concat()
}

/// A joblib file with one array: the wrapper, then `raw`, then `tail`.
fn joblib(dtype: Vec<u8>, shape: u8, raw: &[u8], tail: &[u8]) -> Vec<u8> {
    let wrapper = [global("joblib.numpy_pickle", "NumpyArrayWrapper"), b")\x81}(".to_vec()].concat();
    let state = [
        text("subclass"),
        global("numpy", "ndarray"),
        text("shape"),
        tuple(&[vec![b'K', shape]]),
        text("order"),
        text("C"),
        text("dtype"),
        dtype,
        text("allow_mmap"),
        b"\x88".to_vec(),
        text("numpy_array_alignment_bytes"),
        b"K\x10".to_vec(),
    ];
    [&b"\x80\x04"[..], &wrapper, &state.concat(), b"ub", raw, tail].concat()
}

#[test]
fn plain_data_is_clean() {
    let array = [
        call(
            global("numpy.core.multiarray", "_reconstruct"),
            &[global("numpy", "ndarray"), tuple(&[b"K\0".to_vec()]), bytes(b"b")],
        ),
        tuple(&[
            b"K\x01".to_vec(),
            tuple(&[b"K\x02".to_vec()]),
            dtype("i8", b"K\0"),
            b"\x89".to_vec(),
            bytes(&[0; 16]),
        ]),
        b"b".to_vec(),
    ];
    let ordered = call(global("collections", "OrderedDict"), &[]);
    for stream in [
        b"(dp0\nS'a'\np1\nI1\ns.".to_vec(),
        b"\x80\x02]q\x00(K\x01K\x02e.".to_vec(),
        pickle(&[dict("a", list(&[text("eval"), text("os.system"), bytes(b"exec")]))]),
        pickle(&[ordered, text("weight"), b"Ns".to_vec()]),
        pickle(&array),
    ] {
        let report = scan(&stream);
        assert_eq!(report.verdict, Verdict::Clean, "{} {report:#?}", stream.escape_ascii());
    }
}

#[test]
fn arrays_of_joblib_are_stepped_over() {
    let raw = [&[3_u8, 0, 0, 0][..], &[0xff; 16]].concat();
    assert_eq!(scan(&joblib(dtype("i8", b"K\0"), 2, &raw, b".")).verdict, Verdict::Clean);
}

#[test]
fn what_follows_an_array_of_joblib_is_read() {
    let raw = [&[3_u8, 0, 0, 0][..], &[0xff; 16]].concat();
    let report = scan(&joblib(dtype("i8", b"K\0"), 2, &raw, b"0cos\nsystem\n(S'true'\ntR."));
    assert_eq!(report.findings[0].evidence, "os.system(\"true\")", "F10: {report:#?}");
    let report = scan(&joblib(dtype("O8", b"K\x3f"), 2, super::SYSTEM, b"."));
    assert_eq!(report.findings[0].evidence, "os.system(\"true\")", "F09: {report:#?}");
    let raw = [b"0", super::SYSTEM, &[0xff; 99]].concat();
    let report = scan(&joblib(dtype("i8", b"K\0"), 12, &raw, b"."));
    assert_eq!(report.worst(), Some(Severity::Critical), "another loader reads opcodes there: {report:#?}");
    let names = [text("os"), text("system")].concat();
    let split = [b"0\x93(X\x04\0\0\0truetR.", &[0xff; 99][..]].concat();
    let with_names = |stream: Vec<u8>| [&stream[..2], &names, &stream[2..]].concat();
    let report = scan(&with_names(joblib(dtype("i8", b"K\0"), 12, &split, b".")));
    assert_eq!(report.worst(), Some(Severity::Critical), "with names from before the array: {report:#?}");
}

#[test]
fn old_files_of_pytorch_are_scanned_to_their_tensors() {
    let number = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00X\x01\0\0\0aq\x01K\x01s.";
    let tensors = [0x80_u8, 2, b'c', 0, 9].repeat(100);
    let file = |object: &[u8], keys: &[u8]| [&number[..], object, keys, &tensors].concat();
    let report = scan(&file(b"\x80\x02}q\x00.", b"\x80\x02]q\x00X\x01\0\0\x000a."));
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
    for (object, keys) in [(super::SYSTEM, &b"\x80\x02]q\x00."[..]), (b"\x80\x02}q\x00.", super::SYSTEM)] {
        assert_eq!(scan(&file(object, keys)).worst(), Some(Severity::Critical), "E13");
    }
}

#[test]
fn texts_are_no_pickles() {
    for text in [
        "",
        ".",
        "]",
        "(c) 2026 the authors\nAll rights reserved.\n",
        "cat\ndog\nbird\n",
        "configuration\nname\nImportant notes.\n",
        "import os\nos.system('true')\n",
        "{\"a\": [1, 2, 3]}",
        "[section]\nkey = value\n",
        "Not a pickle, but it begins with N.\n",
        "I am 1\n",
        "F1.0\n",
        "{% for message in messages %}{{ message }}{% endfor %}",
        "<html><body>.</body></html>",
        "0.12 0.5\n0.3 0.1\n",
        "#!/bin/sh\ntrue\n",
    ] {
        let report = scan(text.as_bytes());
        assert_eq!(report.verdict, Verdict::NotAModel, "{text:?} {report:#?}");
    }
}
