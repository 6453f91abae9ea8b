//! Files are scanned in confined workers: what a person or the daemon sees of it, with the real program as the worker.
//!
//! Runs as root and as an ordinary user. What a hostile worker tries is in tests/misbehave.rs.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use modelscand::config::{Sandbox, Scan};
use modelscand::report::{Coverage, Verdict};
use modelscand::scan::Hints;
use modelscand::worker::{Executable, Pool, Trouble, confinement};

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
    assert_eq!(measures.len(), 13);
    for measure in measures {
        assert_eq!(measure.holds.is_err(), measure.what_to_do().is_some());
        // The machines that run this test have everything; what a lesser kernel lacks is told in the same list.
        assert_eq!(measure.holds, Ok(()), "{}", measure.name);
    }
}

#[test]
fn a_worker_is_confined_as_its_status_in_proc_tells() {
    in_runtime(async {
        let pool = Pool::with_executable(
            executable(),
            &Scan::default(),
            &Sandbox { require: true, ..Sandbox::default() },
            vec!["my_pkg.models.*".to_owned()],
        );
        let pool = pool.unwrap();
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
        if nix::unistd::geteuid().is_root() {
            has_nothing(pid);
        } else {
            // Not dumpable: not even the user that started it may look closer.
            assert!(std::fs::read_dir(format!("/proc/{pid}/fd")).is_err());
        }
        pool.shutdown().await;
    });
}

/// What only root can see of a worker: an empty root folder, three descriptors, a network of its own.
fn has_nothing(pid: u32) {
    let list = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
    assert_eq!((list("root/."), list("fd")), (0, 3));
    for namespace in ["net", "mnt", "ipc", "uts", "cgroup"] {
        let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/{namespace}")).unwrap();
        assert_ne!(of("self"), of(&pid.to_string()), "{namespace}");
    }
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.is_empty());
}

#[test]
fn the_hidden_subcommand_is_not_for_people() {
    let output = Command::new(env!("CARGO_BIN_EXE_modelscand")).arg("worker").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8(output.stderr).unwrap().contains("modelscand scan"));
}

fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// Not gone and not a zombie, whose parent is another process here.
fn is_running(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
