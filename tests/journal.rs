//! An alert in a real journal: one entry, with its own MESSAGE_ID and fields that no file name can forge.
//!
//! Needs root, for a journald of its own in a private mount namespace; the project's CI is root. As an ordinary user the test says so.

mod support;

use std::process::Command;

use support::{ATTACK, Home, text};

#[test]
fn an_alert_is_one_journal_entry_with_fields_that_no_file_name_can_forge() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: this test needs root");
        return;
    }
    let home = Home::new();
    let file = home.write("models/a\nMODELSCAND_VERDICT=clean\n.pkl", ATTACK);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/journal.sh");
    let mut command = Command::new("unshare");
    let output =
        command.args(["--mount", "bash", script, env!("CARGO_BIN_EXE_modelscand")]).arg(home.path("")).output();
    let output = output.expect("unshare runs");
    assert!(output.status.success(), "{}\n{}", text(&output.stderr), home.log());

    let lines = text(&output.stdout);
    let entries: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(entries.len(), 1, "{lines}\n{}", home.log());
    let field = |name: &str| entries[0][name].as_str().unwrap_or_else(|| panic!("no {name} in {lines}"));
    assert_eq!(field("MODELSCAND_PATH"), file.to_str().unwrap());
    assert_eq!(field("MODELSCAND_VERDICT"), "malicious");
    assert_eq!(field("MODELSCAND_RULE"), "pickle.dangerous-call");
    assert_eq!(field("MODELSCAND_OUTCOME"), "quarantined");
    assert_eq!(field("MESSAGE_ID"), "a5c946643dd247eea6c0a94e92c38d34");
    assert_eq!(field("PRIORITY"), "2");
}
