//! The command line as a person or a script meets it: the real program, with a home folder of its own.
//!
//! 1. Scanning: what is printed, and exit codes.   2. Names of files.   3. The hub's cache.   4. The configuration.
//! 5. The history.   6. Quarantine.   7. Allowing.   8. What the program says of itself.

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;

use modelscand::action::{Facts, Vault, open_for_scan};
use modelscand::caches::Origin;
use modelscand::config::Decision;
use modelscand::identity::Identity;
use modelscand::report::{Coverage, Finding, Report, Rule, Severity, Verdict};
use modelscand::store::{NewScan, ScanId, Writer};
use serde_json::Value;
use support::{ATTACK, HONEST, Home, text};

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// `modelscand ARGS`: exit code, standard output and standard error.
fn run<A: AsRef<OsStr>>(home: &Home, args: impl IntoIterator<Item = A>) -> (i32, String, String) {
    let output = home.modelscand(args);
    (code(&output), text(&output.stdout), text(&output.stderr))
}

fn scan_json(home: &Home, path: impl AsRef<OsStr>) -> Value {
    let output = home.modelscand([OsStr::new("scan"), OsStr::new("--json"), path.as_ref()]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

// 1. Scanning

#[test]
fn an_attack_is_told_with_its_evidence_and_what_to_do() {
    let home = Home::new();
    home.write("models/attack.pkl", ATTACK);
    home.write("models/honest.pkl", HONEST);
    let (code, page, errors) = run(&home, ["scan", "models"]);
    assert_eq!((code, errors.as_str()), (1, ""), "{page}");
    assert!(page.starts_with("models/attack.pkl: malicious"), "{page}");
    assert!(page.contains("critical  pickle.dangerous-call") && page.contains("system(\"true\")"), "{page}");
    assert!(page.contains("Do not load this file"), "{page}");
    assert!(page.contains("modelscand allow add --file models/attack.pkl"), "{page}");
    assert!(!page.contains("honest.pkl"), "{page}");
    assert!(page.lines().last().unwrap().ends_with(": 1 malicious, 1 clean."), "{page}");
}

#[test]
fn exit_codes_are_modelscans_and_findings_come_first() {
    let home = Home::new();
    home.write("attack.pkl", ATTACK);
    home.write("honest.pkl", HONEST);
    home.write("cut-off.pkl", &HONEST[..HONEST.len() - 1]);
    home.write("notes.txt", "no model");
    home.write("empty/nothing", "");
    for (args, expected) in [
        (&["honest.pkl"][..], 0),
        (&["attack.pkl"], 1),
        (&["attack.pkl", "no-such-file"], 1),
        (&["honest.pkl", "no-such-file"], 2),
        (&["honest.pkl", "cut-off.pkl"], 2),
        (&["notes.txt"], 3),
        (&["empty"], 3),
        (&["honest.pkl", "notes.txt"], 0),
        (&[], 4),
        (&["--fail-on", "worst", "honest.pkl"], 4),
        (&["--no-such-option", "honest.pkl"], 4),
        (&["--config", "no-such.toml", "honest.pkl"], 4),
    ] {
        let (code, page, errors) = run(&home, ["scan"].iter().chain(args));
        assert_eq!(code, expected, "{args:?}\n{page}{errors}");
    }
}

#[test]
fn fail_on_decides_what_counts() {
    let home = Home::new();
    // A class of nobody's, only constructed: medium.
    home.write("own-class.pkl", b"\x80\x04\x8c\x1amodelscand_no_such_package\x8c\x03Net\x93)\x81.");
    assert_eq!(run(&home, ["scan", "own-class.pkl"]).0, 1);
    assert_eq!(run(&home, ["scan", "own-class.pkl", "--fail-on", "medium"]).0, 1);
    assert_eq!(run(&home, ["scan", "own-class.pkl", "--fail-on", "high"]).0, 0);
}

#[test]
fn json_has_every_file_in_order_and_a_sum() {
    let home = Home::new();
    for n in 0..100 {
        home.write(format!("models/{n:03}.pkl"), if n % 10 == 0 { ATTACK } else { HONEST });
    }
    let answer = scan_json(&home, "models");
    assert_eq!(answer["version"], 1);
    let paths: Vec<_> = answer["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..100).map(|n| format!("models/{n:03}.pkl")).collect();
    assert_eq!(paths, expected);
    assert_eq!(answer["summary"]["malicious"], 10);
    assert_eq!(answer["summary"]["clean"], 90);
    assert_eq!(answer["files"][0]["findings"][0]["rule"], "pickle.dangerous-call");
}

#[test]
fn the_json_of_a_scan_is_what_it_was() {
    let home = Home::new();
    home.write("attack.pkl", ATTACK);
    home.write("honest.pkl", HONEST);
    let mut answer = scan_json(&home, ".");
    steady(&mut answer, &["duration_us", "bytes_read", "program", "engine", "message"]);
    insta::assert_json_snapshot!("scan", answer);
}

/// Replaces what differs from run to run.
fn steady(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| {
            if keys.contains(&key.as_str()) { *value = "…".into() } else { steady(value, keys) }
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| steady(item, keys)),
        _ => {}
    }
}

#[test]
fn what_is_no_file_is_told_and_never_waited_for() {
    let home = Home::new();
    home.write("models/honest.pkl", HONEST);
    let fifo = home.path("models/model.bin");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(run(&home, ["scan", "models"]).0, 0, "one in a folder is passed over");
    let (code, page, _) = run(&home, ["scan", "models/model.bin"]);
    assert_eq!(code, 2);
    assert!(page.contains("a FIFO, not a regular file"), "{page}");
}

#[test]
fn links_in_a_folder_are_not_followed_but_a_link_that_is_named_is() {
    let home = Home::new();
    home.write("outside/attack.pkl", ATTACK);
    home.write("models/honest.pkl", HONEST);
    symlink("../outside/attack.pkl", home.path("models/link.pkl")).unwrap();
    symlink("../outside", home.path("models/folder")).unwrap();
    symlink("models", home.path("models/loop")).unwrap();
    assert_eq!(run(&home, ["scan", "models"]).0, 0);
    assert_eq!(run(&home, ["scan", "models/link.pkl"]).0, 1);
}

#[test]
fn one_content_with_two_names_is_scanned_once() {
    let home = Home::new();
    home.write("models/a.pkl", ATTACK);
    std::fs::hard_link(home.path("models/a.pkl"), home.path("models/b.pkl")).unwrap();
    let answer = scan_json(&home, "models");
    assert_eq!(answer["summary"]["files"], 1);
    assert_eq!(answer["files"][0]["names"][0], "models/b.pkl");
}

#[test]
fn a_reader_who_goes_does_not_change_the_exit_code() {
    let home = Home::new();
    for n in 0..50 {
        home.write(format!("models/{n}.pkl"), ATTACK);
    }
    let program = env!("CARGO_BIN_EXE_modelscand");
    let script = format!("{program} scan models | true; exit ${{PIPESTATUS[0]}}");
    let output = home.command("bash").args(["-c", &script]).output().unwrap();
    assert_eq!((code(&output), text(&output.stderr).as_str()), (1, ""));
}

// 2. Names of files

#[test]
fn a_hostile_name_never_reaches_the_terminal_as_it_is() {
    let home = Home::new();
    let name = OsStr::from_bytes(b"e\x1b]0;x\x07\x1b[2J\n\xff\xe2\x80\xae.pkl");
    home.write(Path::new("models").join(name), ATTACK);
    for args in [&["scan", "models"][..], &["scan", "models", "--json"], &["scan", "-v", "--color", "always", "models"]]
    {
        let output = home.modelscand(args);
        let page = text(&output.stdout).replace("\x1b[0m", "");
        let colours = |c: char| c == '\x1b' && args.contains(&"--color");
        let bad = page.chars().find(|c| (c.is_control() && *c != '\n' && !colours(*c)) || *c == '\u{202e}');
        assert_eq!(bad, None, "{args:?} {page:?}");
        assert!(!page.contains("\x1b]") && !page.contains("\x1b[2J"), "{args:?} {page:?}");
    }
    let shown = scan_json(&home, "models")["files"][0]["path_hex"].as_str().unwrap().to_owned();
    assert!(shown.starts_with("6d6f64656c732f651b5d"), "{shown}");
    let (_, _, error) = run(&home, [OsStr::new("show"), OsStr::from_bytes(b"\x1b[2J")]);
    assert!(!error.contains('\x1b'), "{error:?}");
}

// 3. The hub's cache

#[test]
fn a_snapshot_is_told_by_its_repository_and_its_blob_is_scanned_once() {
    let home = Home::new();
    let repository = "copied/models--acme--demo";
    home.write(format!("{repository}/blobs/0123abcd"), ATTACK);
    home.write(format!("{repository}/refs/main"), "1111");
    for revision in ["1111", "2222"] {
        let folder = home.path(format!("{repository}/snapshots/{revision}"));
        std::fs::create_dir_all(&folder).unwrap();
        symlink("../../blobs/0123abcd", folder.join("pytorch_model.bin")).unwrap();
        symlink("../../../../secret", folder.join("climbs.bin")).unwrap();
    }
    home.write("secret", ATTACK);
    let answer = scan_json(&home, "copied");
    assert_eq!(answer["summary"]["files"], 1, "{answer:#}");
    let file = &answer["files"][0];
    assert!(file["path"].as_str().unwrap().ends_with("snapshots/1111/pytorch_model.bin"), "{file:#}");
    assert_eq!(file["names"].as_array().unwrap().len(), 2);
    assert_eq!(file["origin"]["repository"], "acme/demo");
    assert_eq!(file["origin"]["name"], "pytorch_model.bin");
    let one = scan_json(&home, home.path(format!("{repository}/snapshots/2222")));
    assert_eq!(one["files"][0]["origin"]["revision"], "2222");
}

// 4. The configuration

#[test]
fn a_mistake_in_the_configuration_is_pointed_at() {
    let home = Home::new();
    home.configure("[vault]\nkeep_dayz = 3\n");
    for args in [&["config", "check"][..], &["scan", "."], &["history"], &["doctor"]] {
        let (code, _, error) = run(&home, args);
        assert_eq!(code, 4, "{args:?} {error}");
        assert!(
            error.contains("modelscand.toml:2:1: unknown key `keep_dayz` in [vault], did you mean `keep_days`?"),
            "{error}"
        );
        assert!(error.contains("2 | keep_dayz = 3\n  | ^^^^^^^^^"), "{error}");
    }
}

#[test]
fn the_configuration_that_init_writes_is_good_and_equals_no_configuration() {
    let home = Home::new();
    let (code, _, error) = run(&home, ["config", "init", "etc/new.toml"]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(run(&home, ["config", "check", "etc/new.toml"]).0, 0);
    let shown =
        |file: &str| run(&home, ["config", "show", "--config", file]).1.lines().skip(1).collect::<Vec<_>>().join("\n");
    home.write("empty.toml", "");
    assert_eq!(shown("etc/new.toml"), shown("empty.toml"));
    let (code, _, error) = run(&home, ["config", "init", "etc/new.toml"]);
    assert_eq!(code, 2);
    assert!(error.contains("is there already"), "{error}");
}

#[test]
fn config_path_tells_where_things_are() {
    let home = Home::new();
    let paths = home.json(["config", "path"]);
    assert_eq!(paths["history"], home.path("state/history.sqlite").to_str().unwrap());
    assert_eq!(paths["config"], home.path(".config/modelscand/modelscand.toml").to_str().unwrap());
    assert_eq!(home.json(["config", "show"])["config"]["vault"]["keep_days"], 90);
}

// 5. The history

/// Records a scan as the daemon does.
fn record(home: &Home, name: &str, report: Report, decision: Decision) -> (Writer, ScanId) {
    let path = home.path(name);
    let mut writer = Writer::open(&home.path("state/history.sqlite")).unwrap();
    let scan = NewScan {
        identity: Identity::from(&std::fs::metadata(&path).unwrap()),
        path,
        origin: Origin { repository: Some("acme/demo".into()), name: Some("model.bin".into()), ..Origin::folder() },
        report,
        started_at: "2026-11-20T08:00:00Z".parse().unwrap(),
        duration: std::time::Duration::from_micros(1500),
        engine: "1".into(),
        rules: "1".into(),
        decision,
        decided_by: "policy.downloads.critical".into(),
        sha256: None,
    };
    let id = writer.record(&scan).unwrap().scan;
    (writer, id)
}

fn report(verdict: Verdict) -> Report {
    let finding =
        Finding::new(Rule::new("pickle.dangerous-call"), Severity::Critical, "Runs a command when it is loaded");
    let finding = finding.at(39).evidence("posix.system(\"true\")").callable("posix.system");
    Report {
        verdict,
        formats: vec!["pickle".into()],
        coverage: Coverage::Complete,
        findings: if verdict == Verdict::Malicious { vec![finding] } else { Vec::new() },
        findings_dropped: 0,
        bytes_read: 42,
    }
}

fn some_history(home: &Home) {
    home.write("models/attack.pkl", ATTACK);
    home.write("models/honest.pkl", HONEST);
    record(home, "models/attack.pkl", report(Verdict::Malicious), Decision::Quarantine);
    record(home, "models/honest.pkl", report(Verdict::Clean), Decision::Allow);
}

#[test]
fn history_is_empty_before_the_first_scan_and_says_so() {
    let home = Home::new();
    let (code, page, error) = run(&home, ["history"]);
    assert_eq!((code, page.as_str()), (0, "No such scan is recorded.\n"));
    assert!(error.contains("nothing was scanned yet"), "{error}");
    assert_eq!(home.json(["history"])["scans"], Value::Array(Vec::new()));
    assert_eq!(run(&home, ["show", "1"]).0, 2);
}

#[test]
fn history_answers_what_it_is_asked() {
    let home = Home::new();
    some_history(&home);
    let scans = |args: &[&str]| {
        let all = home.json([&["history"], args].concat());
        all["scans"].as_array().unwrap().iter().map(|s| s["verdict"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(scans(&[]), ["clean", "malicious"]);
    assert_eq!(scans(&["--verdict", "malicious"]), ["malicious"]);
    assert_eq!(scans(&["--path", "honest*"]), ["clean"]);
    assert_eq!(scans(&["--repo", "acme/demo", "--limit", "1"]), ["clean"]);
    assert_eq!(scans(&["--since", "2026-11-21"]), [""; 0]);
    let (code, page, _) = run(&home, ["history"]);
    assert_eq!(code, 0);
    assert!(page.contains("acme/demo model.bin") && page.contains("critical pickle.dangerous-call"), "{page}");
    for bad in [["--since", "yesterday"], ["--verdict", "evil"], ["--limit", "-1"]] {
        assert_eq!(run(&home, ["history"].iter().chain(&bad)).0, 4, "{bad:?}");
    }
}

#[test]
fn show_tells_everything_and_what_to_do_next() {
    let home = Home::new();
    some_history(&home);
    let (code, page, _) = run(&home, ["show", "1"]);
    assert_eq!(code, 0);
    for part in [
        "scan 1: malicious",
        "posix.system(\"true\")",
        "at byte 39",
        "policy.downloads.critical",
        "Do not load",
        "1.5 ms",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn the_json_of_the_history_is_what_it_was() {
    let home = Home::new();
    some_history(&home);
    let keys = ["device", "inode", "ctime_ns", "mtime_ns", "path", "next_steps"];
    for (name, args) in [("history", &["history"][..]), ("show", &["show", "1"])] {
        let mut answer = home.json(args);
        steady(&mut answer, &keys);
        insta::assert_json_snapshot!(name, answer);
    }
}

// 6. Quarantine

/// Takes a file into the vault as the daemon does.
fn quarantined(home: &Home, name: &str) {
    home.write(name, ATTACK);
    std::fs::set_permissions(home.path(name), std::fs::Permissions::from_mode(0o640)).unwrap();
    let opened = open_for_scan(&home.path(name)).unwrap();
    let (report, origin) = (report(Verdict::Malicious), Origin::folder());
    let (mut writer, scan) = record(home, name, report.clone(), Decision::Quarantine);
    let vault = Vault::open_or_create(&home.path("state/vault"), false).unwrap();
    let facts = Facts { scan, report: &report, origin: &origin, names: &[] };
    vault.quarantine(&mut writer, &opened, &facts).unwrap();
    assert!(!home.path(name).exists());
}

#[test]
fn what_was_taken_is_listed_shown_and_restored_as_it_was() {
    let home = Home::new();
    quarantined(&home, "models/attack.pkl");
    let list = home.json(["quarantine", "list"]);
    assert_eq!(list["quarantine"][0]["path"], home.path("models/attack.pkl").to_str().unwrap());
    assert!(run(&home, ["quarantine", "list"]).1.contains("pickle.dangerous-call"));
    let (_, page, _) = run(&home, ["quarantine", "show", "1"]);
    assert!(page.contains("modelscand quarantine restore 1 --allow") && page.contains("mode      0640"), "{page}");
    assert!(run(&home, ["show", "1"]).1.contains("quarantined"));

    let (code, page, error) = run(&home, ["quarantine", "restore", "1"]);
    assert_eq!(code, 0, "{error}");
    assert!(page.contains("restored ") && page.contains("models/attack.pkl"), "{page}");
    assert_eq!(std::fs::read(home.path("models/attack.pkl")).unwrap(), ATTACK);
    assert_eq!(home.path("models/attack.pkl").metadata().unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(home.json(["quarantine", "list"])["quarantine"], Value::Array(Vec::new()));
    assert_eq!(home.json(["quarantine", "list", "--all"])["quarantine"][0]["state"], "restored");
    assert_eq!(run(&home, ["quarantine", "restore", "1"]).0, 2, "twice");
}

#[test]
fn a_restore_may_go_elsewhere_and_never_over_a_file() {
    let home = Home::new();
    quarantined(&home, "models/attack.pkl");
    home.write("elsewhere/taken.pkl", "mine");
    let (code, _, error) = run(&home, ["quarantine", "restore", "1", "--to", "elsewhere/taken.pkl"]);
    assert_eq!(code, 2);
    assert!(error.contains("exists"), "{error}");
    assert_eq!(std::fs::read(home.path("elsewhere/taken.pkl")).unwrap(), b"mine");
    let restored =
        run(&home, ["quarantine", "restore", "1", "--to", "elsewhere", "--allow", "--reason", "a test of ours"]);
    assert_eq!(restored.0, 0, "{}", restored.2);
    assert_eq!(std::fs::read(home.path("elsewhere/attack.pkl")).unwrap(), ATTACK);
    assert_eq!(home.json(["allow", "list"])["allow"][0]["reason"], "a test of ours");
    assert_eq!(run(&home, ["scan", "elsewhere/attack.pkl"]).0, 0, "what is allowed is not caught again");
}

#[test]
fn a_deletion_is_final_and_wants_a_yes() {
    let home = Home::new();
    quarantined(&home, "models/attack.pkl");
    let (code, _, error) = run(&home, ["quarantine", "delete", "1"]);
    assert_eq!(code, 4);
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(run(&home, ["quarantine", "delete", "1", "--yes"]).0, 0);
    assert_eq!(run(&home, ["quarantine", "restore", "1"]).0, 2);
    assert_eq!(home.json(["quarantine", "show", "1"])["state"], "deleted");
    for args in [["quarantine", "delete", "7", "--yes"].as_slice(), &["quarantine", "show", "7"]] {
        assert!(run(&home, args).2.contains("modelscand quarantine list"), "{args:?}");
    }
}

// 7. Allowing

#[test]
fn an_allowed_content_does_not_count_wherever_it_is() {
    let home = Home::new();
    home.write("a/attack.pkl", ATTACK);
    home.write("b/copy.bin", ATTACK);
    home.write("b/other.pkl", [ATTACK, b" "].concat());
    let (code, page, error) = run(&home, ["allow", "add", "--file", "a/attack.pkl", "--reason", "a test of ours"]);
    assert_eq!(code, 0, "{error}");
    assert!(page.contains("modelscand allow remove 1"), "{page}");
    let (code, page, _) = run(&home, ["scan", "a", "b/copy.bin"]);
    assert_eq!(code, 0, "{page}");
    assert!(page.contains("allowed: a test of ours"), "{page}");
    assert_eq!(run(&home, ["scan", "b/other.pkl"]).0, 1, "other content");
    assert_eq!(run(&home, ["allow", "remove", "1"]).0, 0);
    assert_eq!(run(&home, ["scan", "a"]).0, 1);
    let all = home.json(["allow", "list", "--all"]);
    assert!(all["allow"][0]["removed_at"].is_string(), "an entry stays in the history: {all:#}");
}

#[test]
fn an_allowed_callable_does_not_count_but_a_dangerous_one_in_its_package_does() {
    let home = Home::new();
    home.write("own.pkl", b"\x80\x04\x8c\x1amodelscand_no_such_package\x8c\x03Net\x93)\x81.");
    home.write("attack.pkl", ATTACK);
    assert_eq!(run(&home, ["scan", "own.pkl"]).0, 1);
    let name = "modelscand_no_such_package.*";
    assert_eq!(run(&home, ["allow", "add", "--callable", name, "--reason", "our own classes"]).0, 0);
    assert_eq!(run(&home, ["scan", "own.pkl"]).0, 0);
    assert_eq!(run(&home, ["allow", "add", "--callable", "posix.*", "--reason", "a mistake"]).0, 0);
    assert_eq!(run(&home, ["scan", "attack.pkl"]).0, 1);
}

#[test]
fn an_entry_of_the_configuration_counts_and_is_listed() {
    let home = Home::new();
    let file = home.write("attack.pkl", ATTACK);
    let hash = home.command("sha256sum").arg(&file).output().unwrap().stdout;
    let hash = text(&hash[..64]);
    home.configure(&format!("[[allow]]\nsha256 = \"{hash}\"\nreason = \"a test of ours\"\n"));
    assert_eq!(run(&home, ["scan", "attack.pkl"]).0, 0);
    assert_eq!(home.json(["allow", "list"])["configured"][0]["sha256"], hash);
}

#[test]
fn an_entry_needs_a_subject_and_a_reason() {
    let home = Home::new();
    home.write("a.pkl", ATTACK);
    for args in [
        &["--file", "a.pkl"][..],
        &["--reason", "because"],
        &["--file", "a.pkl", "--reason", " "],
        &["--callable", "*", "--reason", "because"],
        &["--sha256", "abc", "--reason", "because"],
        &["--file", "a.pkl", "--callable", "a.b", "--reason", "because"],
        &["--file", "a.pkl", "--reason", "because", "--until", "yesterday"],
    ] {
        assert_eq!(run(&home, ["allow", "add"].iter().chain(args)).0, 4, "{args:?}");
    }
}

// 8. What the program says of itself

#[test]
fn help_lists_every_command_and_the_exit_codes() {
    let home = Home::new();
    let (code, help, _) = run(&home, ["--help"]);
    assert_eq!(code, 0);
    for word in [
        "scan",
        "watch",
        "status",
        "history",
        "show",
        "quarantine",
        "allow",
        "config",
        "formats",
        "explain",
        "doctor",
        "completions",
        "man",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word}\n{help}");
    }
    for hidden in ["worker", "uses"] {
        assert!(!help.contains(&format!("  {hidden} ")), "{hidden}\n{help}");
    }
    assert_eq!(run(&home, [""; 0]).0, 4);
    assert_eq!(run(&home, ["scna"]).0, 4);
}

#[test]
fn every_rule_that_a_scan_can_raise_is_listed_and_explained() {
    let home = Home::new();
    home.write("attack.pkl", ATTACK);
    let formats = home.json(["formats"]);
    assert!(formats["formats"].as_array().unwrap().iter().any(|format| format["name"] == "pickle"));
    let rule = scan_json(&home, "attack.pkl")["files"][0]["findings"][0]["rule"].as_str().unwrap().to_owned();
    let (code, page, _) = run(&home, ["explain", &rule]);
    assert_eq!(code, 0);
    assert!(page.contains(&rule), "{page}");
    let (code, _, error) = run(&home, ["explain", "pickle.dangerous-cal"]);
    assert_eq!(code, 4);
    assert!(error.contains("did you mean pickle.dangerous-call?"), "{error}");
}

#[test]
fn manual_pages_and_completions_come_from_the_same_definitions() {
    let home = Home::new();
    std::fs::create_dir(home.path("man")).unwrap();
    assert_eq!(run(&home, ["man", "man"]).0, 0);
    assert!(home.path("man/modelscand-quarantine-restore.1").exists());
    assert!(run(&home, ["man"]).1.contains(".TH modelscand"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&home, ["completions", shell]).1.contains("quarantine"), "{shell}");
    }
}

#[test]
fn uses_lists_what_a_pickle_imports() {
    let home = Home::new();
    home.write("attack.pkl", ATTACK);
    let (code, page, _) = run(&home, ["uses", "attack.pkl"]);
    assert_eq!(code, 0);
    assert!(page.starts_with("posix.system  Dangerous"), "{page}");
}

#[test]
fn doctor_tells_what_holds_and_what_to_do_about_the_rest() {
    let home = Home::new();
    let output = home.modelscand(["doctor", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = answer["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["name"] == "seccomp"), "{answer:#}");
    let silent = checks.iter().find(|check| check["holds"] == false && check["what_to_do"].is_null());
    assert_eq!(silent, None);
    let (code, page, _) = run(&home, ["doctor"]);
    assert!(page.contains("confinement"), "{page}");
    assert_eq!(code == 0, checks.iter().all(|check| check["holds"] == true), "{page}");
}

#[test]
fn every_key_of_the_json_is_documented() {
    let home = Home::new();
    some_history(&home);
    quarantined(&home, "models/taken.pkl");
    assert_eq!(run(&home, ["allow", "add", "--file", "models/honest.pkl", "--reason", "a test of ours"]).0, 0);
    let page = include_str!("../docs/json.md");
    for args in [
        &["history"][..],
        &["show", "3"],
        &["quarantine", "list"],
        &["quarantine", "show", "1"],
        &["allow", "list"],
        &["status"],
        &["config", "path"],
        &["formats"],
        &["policy", "test", "models/honest.pkl"],
        &["scan", "models/honest.pkl"],
    ] {
        let mut keys = Vec::new();
        all_keys(&home.json(args), &mut keys);
        let missing: Vec<_> =
            keys.iter().filter(|key| !page.contains(&format!("`{key}`")) && !is_in_a_table(page, key)).collect();
        assert!(missing.is_empty(), "docs/json.md does not tell of {missing:?} in {args:?}");
    }
}

/// In a row of a table that lists several: `state` stands inside an example there.
fn is_in_a_table(page: &str, key: &str) -> bool {
    page.contains(&format!("\"{key}\"")) || (key.ends_with("_us") && page.contains("`…_us`"))
}

fn all_keys(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.push(key.clone());
            all_keys(value, keys);
        }),
        Value::Array(items) => items.iter().for_each(|item| all_keys(item, keys)),
        _ => {}
    }
}
