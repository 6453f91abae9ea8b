//! A table of attacks: each is found at its severity or higher, with the call in the evidence.

use super::{SYSTEM, bytes, call, dict, global, list, pickle, scan, scan_as, text, tuple};
use crate::report::Severity::{self, Critical, High, Low, Medium};

/// Name, stream, least severity, what the evidence of one finding holds.
type Attack = (&'static str, Vec<u8>, Severity, &'static str);

fn assert_found(attacks: Vec<Attack>) {
    for (name, stream, severity, evidence) in attacks {
        let report = scan(&stream);
        let worst = report.worst();
        assert!(worst >= Some(severity), "{name}: {worst:?} in {report:#?}");
        assert!(report.findings.iter().any(|f| f.evidence.contains(evidence)), "{name}: {evidence} not in {report:#?}");
    }
}

#[test]
fn a_call_is_found_in_every_protocol() {
    let streams: [&[u8]; 5] = [
        SYSTEM,
        b"cposix\nsystem\nq\x00(U\x04trueq\x01tq\x02Rq\x03.",
        b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.",
        b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
        b"\x80\x05\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    ];
    for stream in streams {
        let report = scan(stream);
        assert_eq!(report.findings.len(), 1, "{report:#?}");
        assert_eq!(report.findings[0].severity, Critical);
        assert!(report.findings[0].evidence.ends_with("system(\"true\")"));
    }
}

#[test]
fn gadgets_of_the_standard_library_are_found() {
    let named = |module: &str, name: &str| pickle(&[call(global(module, name), &[text("true")])]);
    assert_found(vec![
        ("A01", named("os", "popen"), Critical, "os.popen(\"true\")"),
        ("A02", named("nt", "system"), Critical, "nt.system(\"true\")"),
        ("A03", named("subprocess", "check_output"), Critical, "subprocess.check_output(\"true\")"),
        ("A04", named("builtins", "eval"), Critical, "builtins.eval(\"true\")"),
        ("A20", named("timeit", "timeit"), Critical, "timeit.timeit(\"true\")"),
        ("A22", named("profile", "Profile.run"), Critical, "profile.Profile.run"),
        ("A31", named("multiprocessing.util", "spawnv_passfds"), Critical, "spawnv_passfds"),
        ("A40", named("_pyrepl.pager", "pipe_pager"), Critical, "pipe_pager"),
        ("A48", named("sys", "settrace"), High, "sys.settrace"),
        ("A54", named("pathlib", "Path.write_text"), High, "pathlib.Path.write_text"),
        ("A65", named("copyreg", "add_extension"), Critical, "copyreg.add_extension"),
        ("A66", b"ccommands\ngetoutput\n(S'true'\ntR.".to_vec(), Critical, "getoutput(\"true\")"),
        ("A66 apply", b"c__builtin__\nexecfile\n(S'true'\ntR.".to_vec(), Critical, "execfile(\"true\")"),
        ("D07", named("torch", "load"), High, "torch.load(\"true\")"),
    ]);
}

#[test]
fn indirection_is_followed_to_the_call() {
    let import = |module: &str| call(global("importlib", "import_module"), &[text(module)]);
    let getter = call(global("operator", "attrgetter"), &[text("system")]);
    let caller = call(global("operator", "methodcaller"), &[text("system"), text("true")]);
    let resolved = |module: &str, name: &str, what: &str| call(global(module, name), &[text(what)]);
    let partial = |f: Vec<u8>| call(global("functools", "partial"), &[f]);
    let system = || global("os", "system");
    let real = "os.system(\"true\")";
    let rebuild = [system(), global("torch", "Tensor"), tuple(&[text("true")]), b"}".to_vec()];
    assert_found(vec![
        ("A09 attrgetter", pickle(&[call(call(getter, &[import("os")]), &[text("true")])]), Critical, real),
        ("A09 methodcaller", pickle(&[call(caller, &[import("os")])]), Critical, real),
        ("A11", pickle(&[call(resolved("pkgutil", "resolve_name", "os:system"), &[text("true")])]), Critical, real),
        ("A12", pickle(&[call(resolved("pydoc", "locate", "os.system"), &[text("true")])]), Critical, real),
        ("A61", pickle(&[call(global("builtins", "map"), &[system(), list(&[text("true")])])]), Critical, real),
        (
            "A61 unlisted",
            pickle(&[call(global("builtins", "map"), &[global("m", "f"), list(&[text("a")])])]),
            High,
            "m.f(\"a\")",
        ),
        ("partial", pickle(&[call(partial(system()), &[text("true")])]), Critical, real),
        ("partial unlisted", pickle(&[call(partial(global("m", "f")), &[text("a")])]), High, "m.f(\"a\")"),
        (
            "reduce",
            pickle(&[call(global("functools", "reduce"), &[global("m", "f"), list(&[text("a")]), text("b")])]),
            High,
            "m.f(\"b\", \"a\")",
        ),
        (
            "getattr",
            pickle(&[call(call(global("builtins", "getattr"), &[import("os"), text("system")]), &[text("true")])]),
            Critical,
            real,
        ),
        ("C41", pickle(&[call(global("torch._tensor", "_rebuild_from_type_v2"), &rebuild)]), Critical, real),
        (
            "C10",
            pickle(&[call(global("torch.serialization", "os.system"), &[text("true")])]),
            Critical,
            "torch.serialization.os.system(\"true\")",
        ),
        (
            "C10 numpy",
            pickle(&[call(global("numpy", "core.multiarray.os.system"), &[text("true")])]),
            Critical,
            "os.system(\"true\")",
        ),
        ("factory", pickle(&[call(global("collections", "defaultdict"), &[global("m", "f")])]), Medium, "m.f"),
    ]);
}

#[test]
fn tricks_with_opcodes_hide_nothing() {
    let tail = [tuple(&[text("true")]), b"R".to_vec()].concat();
    let with = |names: &[&[u8]]| pickle(&[names.concat(), b"\x93".to_vec(), tail.clone()]);
    let real = "os.system(\"true\")";
    let inject =
        |f: Vec<u8>| [call(global("types", "SimpleNamespace"), &[]), dict("__setstate__", f), b"b".to_vec()].concat();
    assert_found(vec![
        ("C01", b"(S'true'\nios\nsystem\n.".to_vec(), Critical, real),
        ("C02", b"(cos\nsystem\nS'true'\no.".to_vec(), Critical, real),
        ("C03", b"(cos\nsystem\nS'true'\no0N.".to_vec(), Critical, real),
        ("C04", pickle(&[inject(global("os", "system")), text("true"), b"b".to_vec()]), Critical, real),
        ("C04 unlisted", pickle(&[inject(global("m", "f")), text("a"), b"b".to_vec()]), High, "m.f(\"a\")"),
        (
            "C06",
            pickle(&[global("subprocess", "Popen"), tuple(&[text("true")]), b"\x81".to_vec()]),
            Critical,
            "subprocess.Popen.__new__(\"true\")",
        ),
        ("C07", pickle(&[b"\x82\x01".to_vec(), tail.clone()]), High, "copyreg._inverted_registry[1]"),
        ("C11", with(&[b"Vo\\u0073\n", b"S'sys\\x74em'\n"]), Critical, real),
        ("C12", [&text("os")[..], &text("system"), b"\x93", &tail, b"."].concat(), Critical, real),
        ("C14", with(&[&text("os"), b"\x940", &text("collections"), b"\x940h\0\x94", &text("system")]), Critical, real),
        ("C16", pickle(&[b"h\x770".to_vec(), global("os", "system"), tail.clone()]), Critical, real),
        (
            "C17",
            with(&[
                &call(
                    call(global("builtins", "getattr"), &[text(""), text("join")]),
                    &[tuple(&[text("o"), text("s")])],
                ),
                &text("system"),
            ]),
            Critical,
            real,
        ),
        ("C17 unknown", with(&[&text("os"), &call(global("m", "name"), &[])]), High, "STACK_GLOBAL(\"os\", m.name())"),
        ("C18", with(&[&text("os"), b"20", &text("system")]), Critical, real),
        ("C22", [b"S'\xe9\xe8'\n0", SYSTEM].concat(), Critical, real),
        ("C27 invalid", [SYSTEM.split_last().unwrap().1, b"\xff\xff"].concat(), Critical, real),
        ("C27 cut off", SYSTEM.split_last().unwrap().1.to_vec(), Critical, real),
        ("C34", [b"\x80\x04Nr\xf0\xff\xff\xff", SYSTEM].concat(), Critical, real),
        ("C39", pickle(&[global("torch", "Tensor"), text("a"), text("b"), b"s".to_vec()]), High, "torch.Tensor"),
        (
            "E28",
            pickle(&[tuple(&[text("storage"), global("m", "NotOne"), text("0"), text("cpu")]), b"Q".to_vec()]),
            High,
            "m.NotOne",
        ),
        ("A63", pickle(&[global("m", "x"), b"0N".to_vec()]), Medium, "m.x"),
        (
            "A64",
            pickle(&[global("picklescan.scanner", "_unsafe_globals"), b"}b".to_vec()]),
            High,
            "picklescan.scanner._unsafe_globals",
        ),
    ]);
}

#[test]
fn later_and_nested_pickles_are_scanned() {
    let honest = pickle(&[dict("a", b"K\x01".to_vec())]);
    let loads = |module: &str, name: &str, argument: Vec<u8>| pickle(&[call(global(module, name), &[argument])]);
    let announced = [b"\x80\x02", SYSTEM].concat();
    let real = "os.system(\"true\")";
    assert_found(vec![
        ("C28", [&honest[..], SYSTEM].concat(), Critical, real),
        ("C29 zeros", [&honest[..], &[0; 5000], &announced].concat(), Critical, real),
        ("C29 junk", [&honest[..], &b"junk".repeat(99), SYSTEM].concat(), Critical, real),
        ("C30", loads("pickle", "loads", bytes(SYSTEM)), Critical, real),
        ("C30 torch", loads("torch.storage", "_load_from_bytes", bytes(SYSTEM)), Critical, real),
        (
            "C31",
            loads("pickle", "loads", call(global("base64", "b64decode"), &[text("Y29zCnN5c3RlbQooUyd0cnVlJwp0Ui4=")])),
            Critical,
            real,
        ),
        ("C32", [b"\x80\x04", &bytes(&[b'a'; 6_000_000])[..], b"0", SYSTEM].concat(), Critical, real),
        (
            "B26",
            loads("joblib.externals.loky.cloudpickle_wrapper", "_reconstruct_wrapper", bytes(SYSTEM)),
            Critical,
            real,
        ),
    ]);
}

#[test]
fn a_name_of_the_file_hides_nothing() {
    for name in ["notes.txt", "model", "weights.onnx", "config.json", "a.cbm"] {
        assert_eq!(scan_as(name, SYSTEM).worst(), Some(Critical), "D02: {name}");
    }
}

#[test]
fn frames_are_read_as_each_loader_reads_them() {
    // Read from memory the module is `maths`; an unbuffered file drops what is left of the frame and reads `os`.
    let stream = b"\x80\x04\x95\x04\0\0\0\0\0\0\0cmatos\nsystem\n(\x8c\x04truetR.";
    let report = scan(stream);
    assert!(report.findings.iter().any(|f| f.evidence == "os.system(\"true\")"), "{report:#?}");
}

#[test]
fn old_companion_files_are_told_of() {
    let wrapper = |name: &str| {
        let class = [global("joblib.numpy_pickle", "NDArrayWrapper"), b")\x81".to_vec()].concat();
        pickle(&[class, dict("filename", text(name)), b"b".to_vec()])
    };
    assert_eq!(scan(&wrapper("model.pkl_01.npy")).worst(), Some(Low));
    assert_eq!(scan(&wrapper("../other.npy")).worst(), Some(High), "F08");
}
