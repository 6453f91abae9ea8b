//! `[[policy.rule]]` as its author meets it: `modelscand policy test` says what would be done and why, and the daemon does it.

mod support;

use support::{ATTACK, HONEST, Home, text};

const RULES: &str = r#"
[[policy.rule]]
path = "**/scratch/**"
decision = "alert"
reason = "a scratch folder of ours"

[[policy.rule]]
callable = "posix.*"
cache = "mlflow"
decision = "lock"
"#;

#[test]
fn policy_test_says_which_rule_decides_and_why() {
    let home = Home::new();
    home.configure(RULES);
    home.write("scratch/attack.pkl", ATTACK);
    home.write("models/attack.pkl", ATTACK);
    home.write("models/honest.pkl", HONEST);
    for (args, decision, by, code) in [
        (&["scratch/attack.pkl"][..], "alert", "policy.rule[1]: a scratch folder of ours", 1),
        (&["models/attack.pkl"], "quarantine", "policy.work.critical", 1),
        (&["models/attack.pkl", "--cache", "mlflow"], "lock", "policy.rule[2]", 1),
        (&["models/honest.pkl"], "allow", "nothing found", 0),
    ] {
        let output = home.modelscand(["policy", "test"].iter().chain(args));
        let page = text(&output.stdout);
        assert!(page.contains(&format!("decision    {decision}\n")), "{args:?}: {page}");
        assert!(page.contains(&format!("decided by  {by}\n")), "{args:?}: {page}");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stderr));
    }
    assert!(home.path("models/attack.pkl").exists(), "nothing is done");
}

#[test]
fn the_json_of_policy_test_has_everything_that_was_judged() {
    let home = Home::new();
    home.write("models/attack.pkl", ATTACK);
    let output = home.modelscand(["policy", "test", "--json", "models/attack.pkl"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = &json["files"][0];
    assert_eq!(file["decided_by"], "policy.work.critical");
    assert_eq!(file["because"]["about"], "pickle.dangerous-call");
    assert_eq!(file["judged"][0], file["because"]);
    assert_eq!(json["dry_run"], false);
}

#[test]
fn the_daemon_does_what_the_first_matching_rule_says_and_records_which_it_was() {
    let home = Home::new();
    home.configure(RULES);
    let spared = home.write("models/scratch/attack.pkl", ATTACK);
    let taken = home.write("models/attack.pkl", ATTACK);
    let daemon = home.watch([home.path("models")]);
    assert!(spared.exists() && !taken.exists(), "{}", home.log());
    assert_eq!(home.scan_of(&spared)["decided_by"], "policy.rule[1]: a scratch folder of ours");
    assert_eq!(home.scan_of(&taken)["decided_by"], "policy.work.critical");

    home.configure("");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.sync();
    assert!(!spared.exists(), "a rule that was taken away still holds\n{}", home.log());
}

#[test]
fn a_content_that_is_named_by_its_hash_is_taken_though_nothing_is_wrong_with_it() {
    let home = Home::new();
    let file = home.write("models/honest.pkl", HONEST);
    let sum = home.command("sha256sum").arg(&file).output().unwrap();
    let hash = text(&sum.stdout)[..64].to_owned();
    home.configure(&format!(
        "[[policy.rule]]\nsha256 = \"{hash}\"\ndecision = \"quarantine\"\nreason = \"recalled\"\n"
    ));
    let _daemon = home.watch([home.path("models")]);
    assert!(!file.exists(), "{}", home.log());
    assert_eq!(home.scan_of(&file)["decided_by"], "policy.rule[1]: recalled");
}

#[test]
fn a_note_of_ours_is_not_in_the_history_and_an_attack_called_like_one_is() {
    let home = Home::new();
    let daemon = home.watch([home.path("models")]);
    home.write("models/a.pkl", ATTACK);
    daemon.sync();
    let note = home.path("models/a.pkl.quarantined.txt");
    assert!(note.exists(), "{}", home.log());
    let planted = home.write("models/b.pkl.quarantined.txt", ATTACK);
    let hidden = home.write("models/.modelscand-0123/c.pkl", ATTACK);
    daemon.sync();
    assert!(!planted.exists() && !hidden.exists(), "{}", home.log());
    let paths: Vec<_> = home.history().iter().map(|scan| scan["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    std::fs::write(&note, ATTACK).unwrap();
    daemon.sync();
    assert!(!note.exists(), "what somebody wrote into our note was not scanned\n{}", home.log());
}

#[test]
fn a_vault_with_a_limit_keeps_the_newest_and_says_what_it_deleted() {
    let home = Home::new();
    home.configure(&format!("[vault]\nmax_bytes = {}\n", 2 * ATTACK.len()));
    let daemon = home.watch([home.path("models")]);
    for n in 0..4 {
        home.write(format!("models/{n}.pkl"), ATTACK);
        daemon.sync();
    }
    let held = home.json(["quarantine", "list"])["quarantine"].as_array().unwrap().clone();
    let ids: Vec<_> = held.iter().map(|hold| hold["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [3, 4]);
    assert!(home.log().contains("deleted for good"), "{}", home.log());
}

#[test]
fn an_export_is_a_zip_that_only_its_password_opens() {
    use std::io::Read;
    let home = Home::new();
    let daemon = home.watch([home.path("models")]);
    home.write("models/a.pkl", ATTACK);
    daemon.sync();
    let output = home.modelscand(["quarantine", "export", "1", "a.zip", "--password", "secret"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut zip = zip::ZipArchive::new(std::fs::File::open(home.path("a.zip")).unwrap()).unwrap();
    let mut content = Vec::new();
    zip.by_name_decrypt("1.quarantined", b"secret").unwrap().read_to_end(&mut content).unwrap();
    assert_eq!(content, ATTACK);
    let record: serde_json::Value =
        serde_json::from_reader(zip.by_name_decrypt("record.json", b"secret").unwrap()).unwrap();
    assert_eq!(record["verdict"], "malicious");
    let again = home.modelscand(["quarantine", "export", "1", "a.zip"]);
    assert!(!again.status.success() && text(&again.stderr).contains("exists"), "{}", text(&again.stderr));
    assert!(home.path("a.zip").exists());
}
