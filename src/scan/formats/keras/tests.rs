//! The attacks of Keras configurations that are known, each with a harmless payload, and what must not be blamed.

use std::fmt::Write;

use proptest::prelude::*;

use crate::report::{Report, Severity, Verdict};
use crate::scan::formats::testing::{ZipMember, call, report_of, severity_of, zip};

/// `marshal.dumps((lambda x: x + 1).__code__)` of Python 3.11, in base64.
const HARMLESS: &str = "4wEAAAAAAAAAAAAAAAIAAAADAAAA8wwAAACXAHwAZAF6AAAAUwApAk7pAQAAAKkAqQHaAXhzAQAAACD6BzxzdGRpbj76CDxsYW1iZGE+cgcAAAACAAAAcwoAAACAAKhBqGGpQ4AA8wAAAAA=";
/// `lambda x: os.system("true")`, likewise.
const DANGEROUS: &str = "4wEAAAAAAAAAAAAAAAMAAAADAAAA8yoAAACXAHQBAAAAAAAAAAAAAGoBAAAAAAAAAABkAaYBAACrAQAAAAAAAAAAUwApAk7aBHRydWUpAtoCb3PaBnN5c3RlbakB2gF4cwEAAAAg+gc8c3RkaW4++gg8bGFtYmRhPnIIAAAAAwAAAHMQAAAAgACtQqxJsGbRLD3ULD2AAPMAAAAA";

fn layer(class: &str, config: &str) -> String {
    format!(r#"{{"module": "keras.layers", "class_name": "{class}", "config": {config}, "registered_name": null}}"#)
}

/// A sequential model with these layers.
fn model(layers: &str) -> String {
    let config = format!(r#"{{"name": "model", "layers": [{layers}]}}"#);
    format!(r#"{{"module": "keras", "class_name": "Sequential", "config": {config}, "registered_name": null}}"#)
}

fn function(module: &str, name: &str) -> String {
    format!(r#"{{"module": "{module}", "class_name": "function", "config": "{name}", "registered_name": "{name}"}}"#)
}

fn of(json: &str) -> Report {
    let report = report_of(json.as_bytes());
    assert!(report.formats.iter().any(|format| format == "keras"), "{report:?}");
    report
}

fn lambda(code: &str) -> String {
    let value =
        format!(r#"{{"class_name": "__lambda__", "config": {{"code": "{code}", "defaults": null, "closure": null}}}}"#);
    layer("Lambda", &format!(r#"{{"name": "lambda", "function": {value}}}"#))
}

#[test]
fn a_model_of_keras_alone_raises_nothing() {
    let dense =
        layer("Dense", r#"{"name": "dense", "units": 2, "activation": "relu", "vocabulary": ["exec", "os.system"]}"#);
    let loss = function("keras.losses", "mse");
    let report = of(&model(&format!("{dense}, {}", layer("Activation", &format!(r#"{{"activation": {loss}}}"#)))));
    assert_eq!((report.verdict, &report.findings[..]), (Verdict::Clean, &[][..]));
}

#[test]
fn a_lambda_is_judged_by_its_code() {
    assert_eq!(severity_of(&of(&model(&lambda(HARMLESS))), "keras.lambda"), Some(Severity::Medium));
    let report = of(&model(&lambda(DANGEROUS)));
    assert_eq!(severity_of(&report, "keras.lambda"), Some(Severity::Critical));
    assert!(report.findings[0].evidence.contains("os.system"), "{report:?}");
    assert_eq!(severity_of(&of(&model(&lambda("bm8gY29kZQ=="))), "keras.lambda"), Some(Severity::High));
}

#[test]
fn a_lambda_is_found_wherever_it_hides() {
    let value = format!(r#"{{"class_name": "__lambda__", "config": {{"value": ["{DANGEROUS}", null, null]}}}}"#);
    let legacy = format!(
        r#"{{"class_name": "Lambda", "config": {{"function": ["{DANGEROUS}", null, null], "function_type": "lambda"}}}}"#
    );
    let untyped = legacy.replace(r#", "function_type": "lambda""#, "");
    let shape = format!(
        r#"{{"class_name": "Lambda", "config": {{"output_shape": "{DANGEROUS}", "output_shape_type": "lambda"}}}}"#
    );
    let compiled = model("")
        .replace(r#""registered_name""#, &format!(r#""compile_config": {{"loss": {value}}}, "registered_name""#));
    let places = [
        layer("TimeDistributed", &format!(r#"{{"layer": {}}}"#, lambda(DANGEROUS))),
        layer("Dense", &format!(r#"{{"activation": {value}}}"#)),
        model(&model(&lambda(DANGEROUS))),
        legacy,
        untyped,
        shape,
        layer("Dense", &format!(r#"{{"anything": [["{DANGEROUS}"]]}}"#)),
    ];
    for place in places.iter().map(|place| model(place)).chain([compiled]) {
        assert_eq!(severity_of(&of(&place), "keras.lambda"), Some(Severity::Critical), "{place}");
    }
}

/// CVE-2025-1550, CVE-2025-8747, CVE-2025-9906.
#[test]
fn functions_and_classes_of_other_modules_are_reported() {
    let rule = "keras.dangerous-reference";
    let run = function("subprocess", "run");
    let hidden = format!(r#"{{"arguments": {{"args": ["true"]}}, "function": {run}}}"#);
    let class =
        r#"{"module": "subprocess", "class_name": "Popen", "config": {"args": "true"}, "registered_name": "Popen"}"#;
    let escaped =
        r#"{"modul\u0065": "builtins", "cl\u0061ss_name": "function", "conf\u0069g": "exec", "x": {"class_name": ""}}"#;
    let jax = layer("JaxLayer", &format!(r#"{{"call_fn": {run}}}"#));
    let dead = layer("Dense", &format!(r#"{{"inbound_nodes": [{{"args": [{run}], "kwargs": {{}}}}]}}"#));
    let cases = [
        layer("Lambda", &hidden),
        class.to_owned(),
        escaped.to_owned(),
        jax,
        dead,
        function("builtins", "exec"),
        function("keras.utils", "get_file"),
        function("keras.src.utils.file_utils", "get_file"),
        function("keras.models", "load_model"),
        function("keras.config", "enable_unsafe_deserialization"),
        function("keras.saving", "load_model"),
        r#"{"class_name": "TFOpLambda", "config": {"name": "x", "function": "io.write_file"}}"#.to_owned(),
        r#"{"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": []}"#.to_owned(),
    ];
    for case in cases {
        assert_eq!(severity_of(&of(&model(&case)), rule), Some(Severity::Critical), "{case}");
    }
}

#[test]
fn custom_objects_are_told_by_what_they_need() {
    let registered = r#"{"module": null, "class_name": "Evil", "config": {}, "registered_name": "Custom>Evil"}"#;
    assert_eq!(severity_of(&of(&model(registered)), "keras.custom-object"), Some(Severity::Low));
    let own =
        r#"{"module": "modelscand_no_such_module", "class_name": "Layer", "config": {}, "registered_name": "Layer"}"#;
    assert_eq!(severity_of(&of(&model(own)), "keras.unlisted-reference"), Some(Severity::Medium));
    let own = function("modelscand_no_such_module", "loss");
    assert_eq!(severity_of(&of(&model(&own)), "keras.unlisted-reference"), Some(Severity::High));
}

/// CVE-2025-49655.
#[test]
fn a_torch_module_is_scanned() {
    let blob: String = base64(&call());
    let wrapped = |blob: &str| layer("TorchModuleWrapper", &format!(r#"{{"name": "torch", "module": "{blob}"}}"#));
    let report = of(&model(&wrapped(&blob)));
    assert_eq!(severity_of(&report, "pickle.dangerous-call"), Some(Severity::Critical), "{report:?}");
    assert_eq!(severity_of(&of(&model(&wrapped("bm90aGluZw=="))), "keras.torch-module"), Some(Severity::High));
}

/// CVE-2025-12058.
#[test]
fn a_vocabulary_may_be_a_file_of_somebody_else() {
    let lookup = |path: &str| model(&layer("StringLookup", &format!(r#"{{"vocabulary": "{path}"}}"#)));
    for path in ["/etc/hostname", "../../x", "http://modelscand.invalid/x", "file:///x", "~/x", "C:\\\\x"] {
        assert_eq!(severity_of(&of(&lookup(path)), "keras.file-access"), Some(Severity::High), "{path}");
    }
    assert_eq!(severity_of(&of(&lookup("vocabulary.txt")), "keras.file-access"), Some(Severity::Low));
}

#[test]
fn a_key_that_stands_twice_hides_nothing() {
    let twice =
        r#"{"module": "os", "module": "keras.layers", "class_name": "function", "config": "system", "config": "relu"}"#;
    let report = of(&model(twice));
    assert_eq!(severity_of(&report, "keras.dangerous-reference"), Some(Severity::Critical));
    assert_eq!(severity_of(&report, "keras.duplicate-key"), Some(Severity::Medium));
}

#[test]
fn a_configuration_is_found_in_an_archive_and_in_any_encoding() {
    let text = model(&function("os", "system"));
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let spaced = format!("{{{}\"pad\": 1, {}", " ".repeat(10_000), &text[1..]);
    for bytes in [text.as_bytes(), &wide, spaced.as_bytes()] {
        let archive = zip(&[ZipMember::deflated("metadata.json", b"{}"), ZipMember::deflated("config.json", bytes)]);
        for bytes in [bytes, &archive] {
            assert_eq!(severity_of(&report_of(bytes), "keras.dangerous-reference"), Some(Severity::Critical));
        }
    }
}

/// CVE-2021-37678.
#[test]
fn yaml_that_makes_objects_is_reported() {
    let yaml = |tag: &str| format!("class_name: Sequential\nconfig:\n  name: {tag}\n");
    let report = of(&yaml("!!python/object/apply:os.system [\"true\"]"));
    assert_eq!(severity_of(&report, "keras.python-tag"), Some(Severity::Critical));
    assert!(of(&yaml("!!python/tuple\n  - 1")).findings.is_empty());
}

#[test]
fn damaged_and_endless_configurations_are_not_clean() {
    let whole = model(&layer("Dense", "{}"));
    assert_eq!(of(&whole[..whole.len() - 5]).verdict, Verdict::Unscannable);
    let mut deep = model("");
    write!(deep, "{}", "[".repeat(2000)).unwrap();
    assert_eq!(
        of(&deep.replace(r#""layers": []"#, &format!(r#""layers": {}"#, "[".repeat(2000)))).verdict,
        Verdict::Unscannable
    );
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain(&[0, 0]).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        for index in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * index)) as usize & 63] as char;
            text.push(if index <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

proptest! {
    #[test]
    fn mutated_configurations_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = model(&format!("{}, {}", lambda(DANGEROUS), function("os", "system"))).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        report_of(&bytes);
        report_of(&bytes[..cut.index(bytes.len())]);
    }
}
