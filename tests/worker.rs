//! Files are scanned in confined workers: what a person or the daemon sees of it, with the real program as the worker.
//!
//! Runs as root and as an ordinary user. What a hostile worker tries is in tests/misbehave.rs.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use modelscand::config::{Sandbox, Scan};
use modelscand::report::{Coverage, Verdict};
use modelscand::scan::Hints;
use modelscand::worker::{Executable, MeasureName, Pool, Trouble, confinement};
use nix::sys::signal::Signal;

fn executable() -> Executable {
    Executable::open(Path::new(env!("CARGO_BIN_EXE_modelscand"))).unwrap()
}

fn pool(scan: &Scan) -> Pool {
    Pool::with_executable(executable(), scan, &Sandbox::default(), Vec::new()).unwrap()
}

fn file(bytes: &[u8]) -> OwnedFd {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    File::open(file.path()).unwrap().into()
}

fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

async fn until(mut done: impl FnMut() -> bool) -> bool {
    for _ in 0..500 {
        if done() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[test]
fn a_file_is_scanned_in_a_worker_that_stays_warm() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 1, ..Scan::default() });
        assert!(pool.pids().is_empty());
        let first = pool.scan(file(b"hello"), 5, Hints::default()).await;
        assert_eq!((first.trouble, first.report.verdict), (None, Verdict::NotAModel));
        let pids = pool.pids();
        for _ in 0..50 {
            let again = pool.scan(file(b"hello"), 5, Hints::default()).await;
            assert_eq!((again.trouble, again.report.coverage), (None, Coverage::Complete));
        }
        assert_eq!(pool.pids(), pids);
        pool.shutdown().await;
    });
}

#[test]
fn a_worker_that_is_killed_while_idle_harms_no_file() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 1, ..Scan::default() });
        pool.scan(file(b"x"), 1, Hints::default()).await;
        let pid = pool.pids()[0];
        kill(pid);
        assert!(until(|| !is_alive(pid)).await, "a zombie is left");
        let next = pool.scan(file(b"x"), 1, Hints::default()).await;
        assert_eq!(next.trouble, None);
        assert_ne!(pool.pids(), [pid]);
        pool.shutdown().await;
    });
}

#[test]
fn workers_end_when_they_are_idle_for_long_enough() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 2, idle_timeout_s: 1, ..Scan::default() });
        pool.scan(file(b"x"), 1, Hints::default()).await;
        let pid = pool.pids()[0];
        assert!(until(|| !is_alive(pid)).await);
        assert!(pool.pids().is_empty());
    });
}

#[test]
fn shutdown_leaves_no_process_and_later_scans_say_so() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 2, ..Scan::default() });
        pool.scan(file(b"x"), 1, Hints::default()).await;
        let pid = pool.pids()[0];
        pool.shutdown().await;
        assert!(!is_alive(pid));
        assert_eq!(pool.scan(file(b"x"), 1, Hints::default()).await.trouble, Some(Trouble::ShutDown));
    });
}

#[test]
fn the_workers_of_a_pool_that_is_dropped_end_after_its_scans() {
    in_runtime(async {
        let old = pool(&Scan { workers: 1, ..Scan::default() });
        let clone = old.clone();
        let running = tokio::spawn(async move { clone.scan(file(b"x"), 1, Hints::default()).await });
        assert!(until(|| !old.pids().is_empty()).await);
        let pid = old.pids()[0];
        drop(old);
        assert_eq!(running.await.unwrap().trouble, None);
        assert!(until(|| !is_alive(pid)).await);
    });
}

#[test]
fn an_allow_entry_that_is_none_is_refused_at_once() {
    let entries = vec!["not a callable".to_owned()];
    let refused = Pool::with_executable(executable(), &Scan::default(), &Sandbox::default(), entries);
    assert!(refused.unwrap_err().to_string().contains("not a callable"));
}

#[test]
fn many_scans_at_once_share_the_workers() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 2, ..Scan::default() });
        let scans: Vec<_> = (0..100)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.scan(file(b"x"), 1, Hints::default()).await.trouble })
            })
            .collect();
        for scan in scans {
            assert_eq!(scan.await.unwrap(), None);
        }
        assert!(pool.pids().len() <= 2);
        assert_eq!((pool.busy(), pool.size()), (0, 2));
        pool.shutdown().await;
    });
}

#[test]
fn a_descriptor_that_can_write_is_not_given_to_a_worker() {
    in_runtime(async {
        let pool = pool(&Scan::default());
        let writable: OwnedFd = tempfile::tempfile().unwrap().into();
        let scanned = pool.scan(writable, 1, Hints::default()).await;
        assert_eq!((scanned.trouble, scanned.report.verdict), (Some(Trouble::NotReadOnly), Verdict::Unscannable));
        assert!(pool.pids().is_empty());
    });
}

#[test]
fn a_program_that_is_no_worker_makes_files_unscannable_and_is_not_started_in_a_loop() {
    in_runtime(async {
        let wrong = Executable::open(Path::new("/bin/false")).unwrap();
        let pool = Pool::with_executable(wrong, &Scan::default(), &Sandbox::default(), Vec::new()).unwrap();
        let start = std::time::Instant::now();
        let scanned = pool.scan(file(b"x"), 1, Hints::default()).await;
        assert!(matches!(&scanned.trouble, Some(Trouble::NotStarted(why)) if why.contains("status 1")), "{scanned:?}");
        assert!(!scanned.trouble.unwrap().is_of_the_file());
        assert!(start.elapsed() >= Duration::from_millis(100), "no wait between two starts");
        assert!(pool.pids().is_empty());
    });
}

#[test]
fn workers_die_with_the_process_that_started_them() {
    if std::env::var_os("START_A_WORKER_AND_DIE").is_some() {
        in_runtime(async {
            let pool = pool(&Scan::default());
            pool.scan(file(b"x"), 1, Hints::default()).await;
            println!("worker={}", pool.pids()[0]);
            kill(std::process::id());
            std::future::pending::<()>().await;
        });
    }
    let this = std::env::current_exe().unwrap();
    let test = "workers_die_with_the_process_that_started_them";
    let output = Command::new(this).args([test, "--exact", "--nocapture"]).env("START_A_WORKER_AND_DIE", "1").output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let pid = output.split("worker=").nth(1).and_then(|rest| rest.lines().next()).expect(&output);
    assert!(in_runtime(until(|| !is_running(pid))));
}

#[test]
fn every_measure_of_confinement_is_told_of() {
    let measures = confinement(&executable()).unwrap();
    assert_eq!(measures.len(), 14);
    for measure in measures {
        assert_eq!(measure.holds.is_err(), measure.what_to_do().is_some());
        // Every kernel since 5.9 gives these; the others depend on its age and settings.
        let depends = ["namespaces", "empty-root", "landlock-files", "landlock-network", "landlock-scope"];
        assert!(measure.holds.is_ok() || depends.contains(&measure.name.as_str()), "{measure:?}");
    }
}

#[test]
fn a_machine_that_lacks_a_measure_works_with_the_rest_or_refuses() {
    let lacking = std::thread::spawn(|| {
        deny(&[libc::SYS_unshare]);
        let measures = confinement(&executable()).unwrap();
        let missing: Vec<_> = measures.iter().filter(|m| m.holds.is_err()).map(|m| m.name.as_str()).collect();
        assert!(missing.starts_with(&["namespaces", "empty-root"]), "{missing:?}");
        assert!(measures.iter().any(|m| m.what_to_do().is_some_and(|todo| todo.contains("max_user_namespaces"))));
        in_runtime(async {
            let pool = pool(&Scan::default());
            assert_eq!(pool.scan(file(b"x"), 1, Hints::default()).await.trouble, None);
            pool.shutdown().await;
        });
        let require = Sandbox { require: true, ..Sandbox::default() };
        Pool::with_executable(executable(), &Scan::default(), &require, Vec::new()).map(drop)
    });
    let refused = lacking.join().unwrap().unwrap_err().to_string();
    assert!(refused.contains("namespaces (EPERM") && refused.contains("modelscand doctor"), "{refused}");
}

#[test]
fn signals_to_the_whole_service_are_left_to_the_daemon() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 1, ..Scan::default() });
        pool.scan(file(b"x"), 1, Hints::default()).await;
        let pids = pool.pids();
        signal(pids[0], Signal::SIGTERM);
        signal(pids[0], Signal::SIGINT);
        assert_eq!(pool.scan(file(b"x"), 1, Hints::default()).await.trouble, None);
        assert_eq!(pool.pids(), pids);
        pool.shutdown().await;
    });
}

#[test]
fn a_worker_is_confined_as_its_status_in_proc_tells() {
    in_runtime(async {
        let allowed = vec!["my_pkg.models.*".to_owned()];
        let pool = Pool::with_executable(executable(), &Scan::default(), &Sandbox::default(), allowed).unwrap();
        pool.scan(file(b"x"), 1, Hints::default()).await;
        let pid = pool.pids()[0];
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap_or_default().to_owned()
        };
        assert_eq!((field("NoNewPrivs:"), field("Seccomp:"), field("Threads:")), ("1".into(), "2".into(), "1".into()));
        assert_eq!((field("CapEff:"), field("CapPrm:")), ("0".repeat(16), "0".repeat(16)));
        assert_ne!(field("Uid:"), "0");
        // Not dumpable: not even the user that started it may look closer, only root with all its capabilities.
        match std::fs::read(format!("/proc/{pid}/environ")) {
            Ok(environment) => has_nothing(pid, &environment),
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
        }
        pool.shutdown().await;
    });
}

/// What only root can see of a worker: an empty root folder, three descriptors, a network of its own.
fn has_nothing(pid: u32, environment: &[u8]) {
    assert!(nix::unistd::geteuid().is_root());
    let list = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
    assert_eq!(list("fd"), 3);
    assert!(environment.is_empty());
    if confinement(&executable()).unwrap().iter().any(|m| m.name == MeasureName::EmptyRoot && m.holds.is_err()) {
        return println!("this machine gives workers no namespaces, so that there are none to look at");
    }
    assert_eq!(list("root/."), 0);
    for namespace in ["net", "mnt", "ipc", "uts", "cgroup"] {
        let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/{namespace}")).unwrap();
        assert_ne!(of("self"), of(&pid.to_string()), "{namespace}");
    }
}

#[test]
fn the_hidden_subcommand_is_not_for_people() {
    let output = Command::new(env!("CARGO_BIN_EXE_modelscand")).arg("worker").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8(output.stderr).unwrap().contains("modelscand scan"));
}

fn kill(pid: u32) {
    signal(pid, Signal::SIGKILL);
}

fn signal(pid: u32, signal: Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

/// Makes system calls fail in this thread and the processes that it starts, as on a kernel that lacks them.
fn deny(calls: &[i64]) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let (allow, fail) = (SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()));
    let filter = SeccompFilter::new(rules, allow, fail, std::env::consts::ARCH.try_into().unwrap()).unwrap();
    seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// Not gone and not a zombie, whose parent is another process here.
fn is_running(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
