//! The main job as its users see it: real clients download and log models, the real daemon watches.
//!
//! 1. The hub: a download with an attack in it.   2. MLflow: a run with an attack in it.   3. Kill and restart.
//! 4. Decisions by configuration.   5. Reload.   6. What is written in pieces, moved, linked.   7. Ending.

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use support::{ATTACK, HONEST, Home, text};

/// The local hub, ended when dropped.
struct Hub {
    server: Child,
    endpoint: String,
    repository: PathBuf,
}

impl Hub {
    fn start(home: &Home) -> Self {
        use std::io::BufRead;
        let repository = home.path("hub-content");
        home.python("make_repository.py", [&repository], &[]);
        let mut command = home.python_command("hub.py");
        let mut server = command.arg(&repository).stdout(Stdio::piped()).spawn().expect("the hub starts");
        let mut port = String::new();
        let stdout = server.stdout.take().expect("its output");
        std::io::BufReader::new(stdout).read_line(&mut port).expect("its port");
        Self { server, endpoint: format!("http://127.0.0.1:{}", port.trim()), repository }
    }

    /// Downloads the repository with the real client and answers the snapshot's folder.
    fn download(&self, home: &Home) -> PathBuf {
        PathBuf::from(home.python("download.py", [""; 0], &[("HF_ENDPOINT", &self.endpoint)]))
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn an_attack_from_the_hub_is_quarantined_and_the_honest_files_still_load() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let daemon = home.watch([""; 0]);
    let snapshot = hub.download(&home);
    daemon.sync();

    let link = snapshot.join("pytorch_model.bin");
    assert!(std::fs::read(&link).is_err(), "the attack is still within reach\n{}", home.log());
    let held = home.json(["quarantine", "list"])["quarantine"].as_array().unwrap().clone();
    assert_eq!(held.len(), 1, "{held:#?}");
    assert_eq!(held[0]["origin"]["repository"], "acme/demo");
    let names = held[0]["names"].as_array().unwrap();
    assert!(names.iter().any(|name| name["origin"]["name"] == "pytorch_model.bin"), "{names:#?}");

    let scan = home.scan_of(Path::new(held[0]["path"].as_str().unwrap()));
    assert_eq!(scan["verdict"], "malicious");
    let shown = home.json(["show", &scan["id"].to_string()]);
    let evidence = shown["findings"][0]["evidence"].as_str().unwrap();
    assert!(evidence.contains("system(") && evidence.contains("true"), "{evidence}");

    let honest = [snapshot.join("model.joblib"), snapshot.join("model.safetensors")];
    home.python("load.py", &honest, &[]);
    for file in &honest {
        assert_eq!(home.scan_of(&file.canonicalize().unwrap())["verdict"], "clean");
    }
}

#[test]
fn a_restored_file_is_what_it_was_bit_for_bit_and_the_hub_client_finds_it() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let daemon = home.watch([""; 0]);
    let snapshot = hub.download(&home);
    daemon.sync();
    let id = home.json(["quarantine", "list"])["quarantine"][0]["id"].to_string();
    let restored = home.modelscand(["quarantine", "restore", &id, "--allow", "--reason", "a test of ours"]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    daemon.sync();

    let link = snapshot.join("pytorch_model.bin");
    let original = std::fs::read(hub.repository.join("pytorch_model.bin")).unwrap();
    assert_eq!(std::fs::read(&link).unwrap(), original);
    assert_eq!(hub.download(&home), snapshot);
    daemon.sync();
    assert_eq!(std::fs::read(&link).unwrap(), original, "what was allowed was taken again\n{}", home.log());
}

#[test]
fn an_attack_logged_to_mlflow_is_found_under_its_run_and_the_model_still_loads() {
    let home = Home::new();
    let attack = home.write("attack.pkl", ATTACK);
    let daemon = home.watch([home.path("mlruns")]);
    let run = home.python("log_run.py", [home.path("").as_path(), &attack], &[]);
    daemon.sync();

    let found = home.history().into_iter().find(|scan| scan["verdict"] == "malicious");
    let found = found.unwrap_or_else(|| panic!("{}", home.log()));
    assert_eq!(found["origin"]["cache"], "mlflow");
    assert_eq!(found["origin"]["run"], run.as_str());
    assert!(!Path::new(found["path"].as_str().unwrap()).exists());

    let model = home.history().into_iter().find(|scan| scan["path"].as_str().unwrap().ends_with("/model.pkl")).unwrap();
    assert_eq!(model["verdict"], "clean", "{model:#?}");
    assert!(model["origin"]["model"].as_str().unwrap().starts_with("m-"));
    home.python("load.py", [model["path"].as_str().unwrap()], &[]);
}

#[test]
fn after_kill_9_nothing_is_lost_and_nothing_is_scanned_twice() {
    let home = Home::new();
    for n in 0..200 {
        home.write(format!("models/{n}.pkl"), [HONEST, &[b'.'; 3]].concat());
    }
    let daemon = home.watch([home.path("models")]);
    for n in 200..400 {
        home.write(format!("models/late/{n}.pkl"), HONEST);
    }
    home.write("models/late/attack.pkl", ATTACK);
    daemon.kill();

    let daemon = home.watch([home.path("models")]);
    daemon.sync();
    assert!(!home.path("models/late/attack.pkl").exists(), "{}", home.log());
    let scans = home.history();
    let models = scans.iter().filter(|scan| scan["path"].as_str().unwrap().ends_with(".pkl")).count();
    assert_eq!(models, 401, "each file once");
    daemon.kill();
    home.watch([home.path("models")]).sync();
    assert_eq!(home.history().len(), scans.len(), "an unchanged file was scanned again");
}

#[test]
fn the_configuration_decides_what_is_done() {
    for (decision, mode, present) in [("alert", 0o644, true), ("lock", 0o000, true), ("quarantine", 0, false)] {
        let home = Home::new();
        home.configure(&format!("[policy.cache.folder]\ncritical = \"{decision}\"\n"));
        let file = home.write("models/attack.pkl", ATTACK);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let _daemon = home.watch([home.path("models")]);
        assert_eq!(file.exists(), present, "{decision}\n{}", home.log());
        if present {
            assert_eq!(file.metadata().unwrap().mode() & 0o777, mode, "{decision}");
        }
        assert_eq!(home.scan_of(&file)["decision"], decision);
    }
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let home = Home::new();
    home.configure("[policy]\ndry_run = true\n");
    let file = home.write("models/attack.pkl", ATTACK);
    let _daemon = home.watch([home.path("models")]);
    assert_eq!(std::fs::read(&file).unwrap(), ATTACK);
    assert_eq!(home.scan_of(&file)["decision"], "quarantine");
    assert!(home.log().contains("dry_run"), "{}", home.log());
}

#[test]
fn sighup_reads_the_configuration_again_and_refuses_a_bad_one() {
    use nix::sys::signal::Signal::SIGHUP;
    let home = Home::new();
    let daemon = home.watch([""; 0]);
    home.configure("[watch]\npath = []\n");
    daemon.signal(SIGHUP);
    daemon.sync();
    assert!(home.log().contains("old one stays in force"), "{}", home.log());

    let file = home.write("elsewhere/attack.pkl", ATTACK);
    home.configure(&format!("[watch]\npaths = [\"{}\"]\n", home.path("elsewhere").display()));
    daemon.signal(SIGHUP);
    daemon.sync();
    assert!(!file.exists(), "{}", home.log());
}

#[test]
fn a_file_is_scanned_when_it_is_complete_and_again_when_it_changes() {
    use std::io::Write;
    let home = Home::new();
    std::fs::create_dir(home.path("models")).unwrap();
    let daemon = home.watch([home.path("models")]);
    let path = home.path("models/slow.pkl");
    let mut file = std::fs::File::create(&path).unwrap();
    let (start, end) = ATTACK.split_at(20);
    file.write_all(start).unwrap();
    daemon.sync();
    file.write_all(end).unwrap();
    drop(file);
    daemon.sync();
    assert!(!path.exists(), "{}", home.log());

    let path = home.write("models/first-honest.pkl", HONEST);
    daemon.sync();
    assert_eq!(home.scan_of(&path)["verdict"], "clean");
    std::fs::write(&path, ATTACK).unwrap();
    daemon.sync();
    assert_eq!(home.scan_of(&path)["verdict"], "malicious");
    assert!(!path.exists());
}

#[test]
fn what_is_moved_or_linked_into_place_is_scanned() {
    let home = Home::new();
    std::fs::create_dir(home.path("models")).unwrap();
    let daemon = home.watch([home.path("models")]);
    home.write("outside/folder/deep/a.pkl", ATTACK);
    home.write("outside/b.pkl", ATTACK);
    home.write("outside/c.pkl", ATTACK);
    std::fs::rename(home.path("outside/folder"), home.path("models/folder")).unwrap();
    std::fs::rename(home.path("outside/b.pkl"), home.path("models/b.pkl")).unwrap();
    std::fs::hard_link(home.path("outside/c.pkl"), home.path("models/c.pkl")).unwrap();
    daemon.sync();
    for name in ["models/folder/deep/a.pkl", "models/b.pkl", "models/c.pkl"] {
        assert!(!home.path(name).exists(), "{name}\n{}", home.log());
    }
}

#[test]
fn a_blob_is_scanned_once_however_many_snapshots_lead_to_it() {
    let home = Home::new();
    let repository = ".cache/huggingface/hub/models--acme--demo";
    let blob = home.write(format!("{repository}/blobs/0123abcd"), HONEST);
    for revision in ["aaaa", "bbbb"] {
        let folder = home.path(format!("{repository}/snapshots/{revision}/deep"));
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink("../../../blobs/0123abcd", folder.join("model.bin")).unwrap();
    }
    home.write(format!("{repository}/blobs/4567.incomplete"), ATTACK);
    let _daemon = home.watch([""; 0]);
    let scans = home.history();
    assert_eq!(scans.len(), 1, "{scans:#?}");
    assert_eq!(scans[0]["path"], blob.to_str().unwrap());
    let names: Vec<_> = scans[0]["names"].as_array().unwrap().iter().map(|name| &name["origin"]).collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name["repository"] == "acme/demo" && name["name"] == "deep/model.bin"));
}

#[test]
fn what_is_allowed_by_name_is_scanned_again_and_left_alone() {
    let home = Home::new();
    // An instance of a class that nobody knows, constructed with a call.
    let file = home.write("models/own.pkl", b"\x80\x04\x8c\x0amy_package\x8c\x05build\x93\x8c\x04fast\x85R.");
    let daemon = home.watch([home.path("models")]);
    assert_eq!(home.scan_of(&file)["verdict"], "suspicious");
    let add = ["allow", "add", "--callable", "my_package.build", "--reason", "it is ours"];
    assert!(home.modelscand(add).status.success());
    daemon.sync();
    assert_eq!(home.scan_of(&file)["verdict"], "clean", "{}", home.log());
    let entries = home.json(["allow", "list"]);
    assert!(entries.to_string().contains("it is ours"));
}

#[test]
fn what_is_not_a_file_or_cannot_be_read_keeps_nothing_from_being_scanned() {
    use std::os::unix::net::UnixListener;
    let home = Home::new();
    std::fs::create_dir_all(home.path("models/folder.bin")).unwrap();
    nix::unistd::mkfifo(&home.path("models/model.bin"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(home.path("models/socket.pkl")).unwrap();
    std::os::unix::fs::symlink("loop", home.path("models/loop")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", home.path("models/endless.pkl")).unwrap();
    let secret = home.write("models/secret.pkl", HONEST);
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    let empty = home.write("models/empty.pkl", b"");
    let sparse = std::fs::File::create(home.path("models/sparse.pt")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let attack = home.write("models/attack.pkl", ATTACK);
    let daemon = home.watch([home.path("models")]);
    assert!(!attack.exists(), "{}", home.log());
    assert_eq!(home.scan_of(&empty)["verdict"], "not-a-model");
    let expected = if nix::unistd::geteuid().is_root() { "clean" } else { "unscannable" };
    assert_eq!(home.scan_of(&secret)["verdict"], expected);
    assert!(home.path("models/model.bin").exists());
    assert!(daemon.stop().as_secs_f64() < 2.5);
}

#[test]
fn files_and_folders_that_are_exchanged_are_scanned_under_both_names() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let home = Home::new();
    std::fs::create_dir_all(home.path("outside/folder")).unwrap();
    std::fs::create_dir_all(home.path("models/folder")).unwrap();
    home.write("outside/file.pkl", ATTACK);
    home.write("outside/folder/inner.pkl", ATTACK);
    home.write("models/file.pkl", HONEST);
    home.write("models/other/inner.pkl", HONEST);
    let daemon = home.watch([home.path("models")]);
    let exchange = |a: &str, b: &str| {
        renameat_with(CWD, home.path(a), CWD, home.path(b), RenameFlags::EXCHANGE).unwrap();
    };
    exchange("outside/folder", "models/folder");
    exchange("models/folder", "models/other");
    exchange("outside/file.pkl", "models/file.pkl");
    daemon.sync();
    assert!(!home.path("models/other/inner.pkl").exists(), "{}", home.log());
    assert!(!home.path("models/file.pkl").exists(), "{}", home.log());
    assert!(home.path("models/folder/inner.pkl").exists());
    // What came by the exchange is watched, too.
    for name in ["models/folder/later.pkl", "models/other/later.pkl"] {
        let late = home.write(name, ATTACK);
        daemon.sync();
        assert!(!late.exists(), "{name}\n{}", home.log());
    }
}

#[test]
fn a_folder_that_does_not_exist_yet_is_waited_for() {
    let home = Home::new();
    let daemon = home.watch([home.path("later/than/now")]);
    let file = home.write("later/than/now/attack.pkl", ATTACK);
    daemon.sync();
    assert!(!file.exists(), "{}", home.log());
}

#[test]
fn status_tells_how_it_stands_with_and_without_a_daemon() {
    let home = Home::new();
    let daemon = home.watch([home.path("models")]);
    home.write("models/attack.pkl", ATTACK);
    home.write("models/honest.pkl", HONEST);
    daemon.sync();
    let status = home.json(["status"]);
    assert_eq!(status["running"], true);
    assert_eq!(status["daemon"]["pid"], daemon.pid());
    assert_eq!(status["counts"]["clean"], 1);
    assert_eq!(status["counts"]["quarantined"], 1);
    daemon.stop();
    let status = home.json(["status"]);
    assert_eq!(status["running"], false);
    assert_eq!(status["counts"]["quarantined"], 1);
    assert!(status["last_findings"][0]["path"].as_str().unwrap().ends_with("attack.pkl"));
}

#[test]
fn it_ends_within_two_seconds_and_a_second_one_is_refused() {
    let home = Home::new();
    let daemon = home.watch([""; 0]);
    let second = home.modelscand(["watch"]);
    assert!(!second.status.success());
    assert!(text(&second.stderr).contains("already running"), "{}", text(&second.stderr));
    assert!(daemon.stop().as_secs_f64() < 2.5);
}

#[test]
fn json_log_lines_are_json() {
    let home = Home::new();
    home.configure("[log]\nformat = \"json\"\n");
    home.write("models/attack.pkl", ATTACK);
    home.watch([home.path("models")]).stop();
    let lines: Vec<serde_json::Value> =
        home.log().lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().any(|line| line["target"] == "modelscand::alert" && line["fields"]["verdict"] == "malicious"));
}
