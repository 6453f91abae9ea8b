//! Callables that are safe as honest models use them, each beside the use that is not.

use super::{SYSTEM, bytes, call, dict, global, pickle, scan, text, tuple};
use crate::report::Severity::{self, Critical, High, Medium};

const REAL: &str = "os.system(\"true\")";

fn worst(parts: &[Vec<u8>]) -> Option<Severity> {
    scan(&pickle(parts)).worst()
}

fn assert_clean(parts: &[Vec<u8>]) {
    let report = scan(&pickle(parts));
    assert!(report.worst() < Some(Medium), "{report:#?}");
}

fn assert_calls_system(parts: &[Vec<u8>]) {
    let report = scan(&pickle(parts));
    assert!(report.findings.iter().any(|f| f.severity == Critical && f.evidence.contains(REAL)), "{report:#?}");
}

fn persistent(kind: &str, class: Vec<u8>) -> Vec<u8> {
    [tuple(&[text(kind), class, text("file.py"), text("source")]), b"Q".to_vec()].concat()
}

fn truth() -> Vec<Vec<u8>> {
    vec![text("true")]
}

#[test]
fn a_persistent_module_is_the_class_that_it_names() {
    let made = |class: Vec<u8>| [persistent("module", class), b")\x81}b".to_vec()].concat();
    assert_clean(&[made(global("torch.nn.modules.linear", "Linear"))]);
    assert_eq!(worst(&[made(global("own.nets", "Network"))]), Some(Medium));
    assert_calls_system(&[call(persistent("module", global("os", "system")), &truth())]);
    assert_eq!(worst(&[call(persistent("module", global("m", "f")), &truth())]), Some(High));
    assert_eq!(worst(&[persistent("storage", global("m", "f"))]), Some(High));
    let computed = call(global("m", "kind"), &[]);
    let unknown = [tuple(&[computed, global("os", "system")]), b"Q".to_vec()].concat();
    assert_eq!(worst(&[call(unknown, &truth())]), Some(Critical));
}

#[test]
fn a_ufunc_is_what_its_names_import() {
    let ufunc =
        |module: &str, name: &str| call(global("numpy.core", "_ufunc_reconstruct"), &[text(module), text(name)]);
    assert_clean(&[ufunc("numpy.core._multiarray_umath", "log1p")]);
    assert_calls_system(&[call(ufunc("os", "system"), &truth())]);
    assert_eq!(worst(&[call(ufunc("m", "f"), &truth())]), Some(High));
    assert_eq!(
        worst(&[call(global("numpy.core", "_ufunc_reconstruct"), &[call(global("m", "f"), &[]), text("f")])]),
        Some(High)
    );
}

#[test]
fn a_bound_method_is_judged_when_it_is_called() {
    let bound = |function: Vec<u8>, object: Vec<u8>| call(global("types", "MethodType"), &[function, object]);
    let method = global("fastai.data.core", "FilteredBase.dataloaders");
    assert_clean(&[bound(method.clone(), b"}".to_vec())]);
    assert_eq!(worst(&[call(bound(method, b"}".to_vec()), &[])]), Some(High));
    assert_calls_system(&[call(bound(global("os", "system"), text("true")), &[])]);
    assert_eq!(worst(&[call(bound(global("m", "f"), text("a")), &[])]), Some(High));
}

#[test]
fn a_partial_calls_what_its_state_says() {
    let partial = call(global("functools", "partial"), &[global("builtins", "int")]);
    let filled = |function: Vec<u8>| {
        [partial.clone(), tuple(&[function, tuple(&truth()), b"}".to_vec(), b"N".to_vec()]), b"b".to_vec()].concat()
    };
    assert_clean(&[filled(global("builtins", "int"))]);
    assert_calls_system(&[call(filled(global("os", "system")), &[])]);
    let report = scan(&pickle(&[call(filled(global("m", "f")), &[])]));
    assert!(report.findings.iter().any(|f| f.severity == High && f.evidence.contains("m.f(\"true\")")), "{report:#?}");
    let untold = [partial.clone(), call(global("m", "f"), &[]), b"b".to_vec()].concat();
    assert_eq!(worst(&[call(untold, &[])]), Some(High));
}

#[test]
fn types_that_carriers_give_are_judged_where_python_keeps_them() {
    for (module, giver) in [("dill._dill", "_load_type"), ("numba.cloudpickle.cloudpickle", "_builtin_type")] {
        let given = |name: &str| call(global(module, giver), &[text(name)]);
        assert_clean(&[call(given("property"), &[])]);
        assert_clean(&[call(given("slice"), &[b"K\x01".to_vec(), b"K\x02".to_vec()])]);
        assert_eq!(worst(&[call(given("FileType"), &truth())]), Some(Critical));
        assert_eq!(worst(&[call(given("ModuleType"), &truth())]), Some(Critical));
        assert_eq!(worst(&[call(given("eval"), &truth())]), Some(Critical));
        assert_eq!(worst(&[call(given("LambdaType"), &[text("no code"), b"}".to_vec()])]), Some(High));
        let partial = call(given("PartialType"), &[global("os", "system")]);
        assert_calls_system(&[call(partial, &truth())]);
    }
}

#[test]
fn attributes_are_set_on_carried_code_alone() {
    let set =
        |object: Vec<u8>, name: &str| call(global("dill._dill", "_setattr"), &[object, text(name), b"K\x01".to_vec()]);
    let cell = call(global("dill._dill", "_create_cell"), &[b"N".to_vec()]);
    assert_eq!(worst(&[set(cell.clone(), "cell_contents")]), Some(Medium));
    assert_eq!(worst(&[set(cell, "__class__")]), Some(Critical));
    assert_eq!(worst(&[set(global("torch", "Tensor"), "add")]), Some(Critical));
    assert_eq!(worst(&[set(call(global("collections", "OrderedDict"), &[]), "add")]), Some(Critical));
}

#[test]
fn the_bytes_that_a_loader_takes_are_scanned_and_no_others() {
    let doc = |user_data: Vec<u8>, content: Vec<u8>| {
        call(global("spacy.tokens.doc", "unpickle_doc"), &[b"N".to_vec(), user_data, content])
    };
    let plain = bytes(b"\x80\x04}.");
    assert_clean(&[doc(plain.clone(), bytes(b"\x89\xa4text"))]);
    assert_calls_system(&[doc(bytes(SYSTEM), plain.clone())]);
    assert_eq!(worst(&[doc(call(global("m", "f"), &[]), plain)]), Some(High));
}

#[test]
fn a_buffer_holds_what_it_was_filled_with() {
    let buffer = |content: Vec<u8>| {
        let state = tuple(&[content, b"K\x00".to_vec(), b"N".to_vec()]);
        [global("_io", "BytesIO"), b")\x81".to_vec(), state, b"b".to_vec()].concat()
    };
    let model = |buffer: Vec<u8>| call(global("keras.src.models.sequential", "Sequential._unpickle_model"), &[buffer]);
    assert_clean(&[model(buffer(bytes(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")))]);
    assert_calls_system(&[model(buffer(bytes(SYSTEM)))]);
    assert_eq!(worst(&[model(buffer(call(global("m", "f"), &[])))]), Some(High));
    let twice = [buffer(bytes(b"PK")), tuple(&[bytes(SYSTEM)]), b"b".to_vec()].concat();
    assert_eq!(worst(&[model(twice)]), Some(High));
}

#[test]
fn classes_of_torchscript_are_made_and_not_called() {
    let class = || global("__torch__.nets", "Network");
    assert_clean(&[class(), b")\x81}b".to_vec()]);
    assert_eq!(worst(&[call(class(), &truth())]), Some(High));
    assert_eq!(worst(&[call(global("__torch__", "os.system"), &truth())]), Some(Critical));
}

#[test]
fn methods_of_models_are_named_and_not_called() {
    for (module, name) in [
        ("torch.nn.modules.linear", "LazyLinear._infer_parameters"),
        ("nltk.stem.snowball", "EnglishStemmer.stem"),
        ("spacy.lang.lex_attrs", "lower"),
    ] {
        assert_clean(&[dict("hook", global(module, name))]);
        assert_eq!(worst(&[call(global(module, name), &truth())]), Some(High), "{module}.{name}");
    }
}

#[test]
fn a_time_zone_of_no_file_is_harmless() {
    let zone = |path: Vec<u8>| call(global("dateutil.tz.tz", "tzfile"), &[b"N".to_vec(), path]);
    assert_clean(&[zone(text("/usr/share/zoneinfo/Europe/Berlin"))]);
    assert_eq!(worst(&[zone(call(global("m", "f"), &[]))]), Some(High));
}

#[test]
fn a_zip_is_no_pickle() {
    let zip = [b"PK\x03\x04\n".as_slice(), SYSTEM].concat();
    let report = scan(&zip);
    assert!(!report.formats.iter().any(|format| *format == "pickle"), "{report:#?}");
    assert_eq!(scan(&[b"P1\n0".as_slice(), SYSTEM].concat()).worst(), Some(Critical));
}
