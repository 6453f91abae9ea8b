//! A user with a home folder of their own, a daemon that watches it, and the real clients.
//!
//! Nothing here waits for a time to pass: `sync` answers when everything that exists is on record.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a test says that it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A user's home, and everything in it that modelscand and its clients use.
pub struct Home {
    folder: tempfile::TempDir,
}

/// A running daemon. Killed when dropped, unless it was stopped before.
pub struct Daemon<'a> {
    home: &'a Home,
    child: Child,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Where `fsync(2)` costs nothing, for thousands of rounds.
    pub fn in_memory() -> Self {
        Self { folder: tempfile::tempdir_in("/dev/shm").expect("a temporary folder in memory") }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().canonicalize().expect("the home folder").join(name)
    }

    /// Writes a file below the home folder, with its folders.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Writes the user's configuration.
    pub fn configure(&self, toml: &str) {
        self.write(".config/modelscand/modelscand.toml", toml);
    }

    /// A command as this user runs it: with this home and nothing of the real user's environment but the search path.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path(""))
            .env("XDG_CONFIG_HOME", self.path(".config"))
            .env("MODELSCAND_CONFIG", self.path(".config/modelscand/modelscand.toml"))
            .env("MODELSCAND_STATE", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("state"))
            .env("RUNTIME_DIRECTORY", self.path("state"))
            .env("NO_COLOR", "1")
            .current_dir(self.path(""));
        if !self.path(".config/modelscand/modelscand.toml").exists() {
            self.configure("");
        }
        command
    }

    /// `modelscand ARGS`, run to its end.
    pub fn modelscand<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.command(env!("CARGO_BIN_EXE_modelscand")).args(args).output().expect("modelscand runs")
    }

    /// `modelscand ARGS --json`, which must succeed.
    pub fn json<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Value {
        let output = self.command(env!("CARGO_BIN_EXE_modelscand")).args(args).arg("--json").output().expect("it runs");
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Starts `modelscand watch ARGS` and waits until it answers.
    pub fn watch<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Daemon<'_> {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.path("daemon.log")).expect("a log file");
        let mut command = self.command(env!("CARGO_BIN_EXE_modelscand"));
        let child = command.arg("watch").args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let daemon = Daemon { home: self, child: child.expect("the daemon starts") };
        daemon.sync();
        daemon
    }

    /// What the daemon has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// The scans on record, newest first.
    pub fn history(&self) -> Vec<Value> {
        self.json(["history", "--limit", "1000"])["scans"].as_array().expect("scans").clone()
    }

    /// The newest scan on record of the file with this path.
    pub fn scan_of(&self, path: &Path) -> Value {
        let path = path.to_str().expect("a plain path");
        let found = self.history().into_iter().find(|scan| scan["path"] == path);
        found.unwrap_or_else(|| panic!("{path} is not on record:\n{:#?}\n{}", self.history(), self.log()))
    }

    /// A Python script of `tests/e2e`, run with the real clients to its end; answers its last line.
    pub fn python<A: AsRef<OsStr>>(
        &self,
        script: &str,
        args: impl IntoIterator<Item = A>,
        vars: &[(&str, &str)],
    ) -> String {
        let output = self.python_command(script).args(args).envs(vars.iter().copied()).output().expect("python runs");
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout).lines().last().unwrap_or_default().to_owned()
    }

    pub fn python_command(&self, script: &str) -> Command {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = project.join(".venv/bin/python");
        assert!(python.exists(), "the real clients are missing: run `make setup`");
        let mut command = self.command(python);
        command.arg(project.join("tests/e2e").join(script));
        command
    }
}

impl Daemon<'_> {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until everything that exists now is on record.
    pub fn sync(&self) {
        let start = Instant::now();
        loop {
            let output = self.home.modelscand(["sync", "--timeout", "600"]);
            if output.status.success() {
                return;
            }
            let not_yet_listening = text(&output.stderr).contains("no daemon is running");
            assert!(not_yet_listening && start.elapsed() < PATIENCE, "{}\n{}", text(&output.stderr), self.home.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).expect("the daemon is there");
    }

    /// Ends it as systemd does, and answers how long that took.
    pub fn stop(mut self) -> Duration {
        let start = Instant::now();
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}\n{}", self.home.log());
        start.elapsed()
    }

    /// Ends it as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().expect("it dies");
        self.child.wait().expect("it is dead");
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Output as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A pickle that runs `true` when it is loaded.
pub const ATTACK: &[u8] = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.";

/// A pickle of plain data.
pub const HONEST: &[u8] = b"\x80\x04}\x8c\x01a]K\x01as.";
