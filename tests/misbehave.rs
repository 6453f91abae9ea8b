//! What a worker can do that has been taken over: waste its own file, and nothing else.
//!
//! Built with `--features misbehave`, in which a file named `misbehave:WHAT` makes the worker try WHAT. Each test sees that it
//! fails, that the file is reported for what it is, and that the pool serves the next one. Runs as root and as an ordinary user.

use std::fs::File;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use modelscand::config::{Sandbox, Scan};
use modelscand::report::{Coverage, PartialCause, Verdict};
use modelscand::scan::Hints;
use modelscand::worker::{Executable, Pool, Scanned, Trouble};

fn settings() -> Scan {
    Scan { workers: 2, time_limit_s: 2, ..Scan::default() }
}

fn pool(scan: &Scan) -> Pool {
    let executable = Executable::open(Path::new(env!("CARGO_BIN_EXE_modelscand"))).unwrap();
    Pool::with_executable(executable, scan, &Sandbox::default(), Vec::new()).unwrap()
}

fn file() -> OwnedFd {
    File::open("/etc/hostname").unwrap().into()
}

async fn scan(pool: &Pool, what: &str) -> Scanned {
    pool.scan(file(), 1, Hints { name: format!("misbehave:{what}") }).await
}

async fn honest(pool: &Pool) -> Scanned {
    pool.scan(file(), 1, Hints::default()).await
}

fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// Has a worker misbehave; sees that nothing escaped and that the next file is served.
fn misbehaves(what: &str) -> Scanned {
    in_runtime(async {
        let pool = pool(&settings());
        assert_eq!(honest(&pool).await.trouble, None);
        let warm = pool.pids();
        let scanned = scan(&pool, what).await;
        assert!(scanned.report.findings.iter().all(|f| f.rule.as_str() != "misbehave.escaped"), "{what}: {scanned:?}");
        let next = honest(&pool).await;
        assert_eq!((next.trouble, next.report.verdict), (None, Verdict::NotAModel), "after {what}");
        if scanned.trouble.is_some() {
            assert!(pool.pids().iter().all(|pid| !warm.contains(pid)), "{what}: the same worker goes on");
        }
        pool.shutdown().await;
        assert!(pool.pids().is_empty());
        scanned
    })
}

/// As [`misbehaves`], where the worker's death makes the file unscannable for `reason`.
fn dies(what: &str, reason: &str) {
    let scanned = misbehaves(what);
    let Coverage::Partial { cause: PartialCause::Worker, reason: said } = &scanned.report.coverage else {
        panic!("{what}: {scanned:?}")
    };
    assert!(said.contains(reason), "{what}: {said}");
    assert_eq!(scanned.report.verdict, Verdict::Unscannable, "{what}");
    assert!(scanned.trouble.unwrap().is_of_the_file(), "{what}");
}

#[test]
fn it_cannot_reach_files() {
    dies("open", "SIGSYS");
    dies("reopen", "SIGSYS");
}

#[test]
fn it_cannot_reach_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    dies(&format!("connect:{}", listener.local_addr().unwrap()), "SIGSYS");
    dies("socket", "SIGSYS");
}

#[test]
fn it_cannot_run_or_reach_processes() {
    for what in ["exec", "fork", "thread", "kill-parent", "become-root"] {
        dies(what, "SIGSYS");
    }
}

#[test]
fn it_cannot_take_more_memory_than_it_may() {
    dies("allocate", "memory allocation of 10737418240 bytes failed");
}

#[test]
fn a_worker_that_has_grown_is_not_kept() {
    in_runtime(async {
        let pool = pool(&settings());
        assert_eq!(scan(&pool, "grow").await.trouble, None);
        let large = pool.pids();
        assert_eq!(honest(&pool).await.trouble, None);
        assert!(pool.pids().iter().all(|pid| !large.contains(pid)));
        pool.shutdown().await;
    });
}

#[test]
fn a_hang_ends_at_the_deadline() {
    let start = Instant::now();
    dies("spin", "longer than 2 s");
    // Tried twice, and no more.
    assert!((4..8).contains(&start.elapsed().as_secs()));
    dies("close-and-spin", "closed its socket");
}

#[test]
fn a_crash_is_named() {
    dies("abort", "SIGABRT");
    dies("panic", "told");
    dies("overflow", "overflowed its stack");
    dies("exit", "exited with status 0");
}

#[test]
fn what_was_found_before_a_crash_is_kept() {
    let scanned = misbehaves("find-and-abort");
    assert_eq!((scanned.report.verdict, scanned.report.findings.len()), (Verdict::Malicious, 1));
    assert!(matches!(scanned.report.coverage, Coverage::Partial { cause: PartialCause::Worker, .. }));
}

#[test]
fn nonsense_is_not_listened_to() {
    for what in ["garbage", "long-message", "answer-1-gib", "too-many-findings", "answer-for-another"] {
        let start = Instant::now();
        let scanned = misbehaves(what);
        assert!(matches!(scanned.trouble, Some(Trouble::Nonsense(_))), "{what}: {scanned:?}");
        assert_ne!(scanned.report.verdict, Verdict::Clean);
        assert!(start.elapsed() < Duration::from_secs(2), "{what} took {:?}", start.elapsed());
    }
}

#[test]
fn a_verdict_cannot_be_forged_nor_a_finding_taken_back() {
    for what in ["forge-a-verdict", "take-back"] {
        assert_eq!(misbehaves(what).report.verdict, Verdict::Malicious, "{what}");
    }
}

#[test]
fn an_answer_given_ahead_is_not_that_of_the_next_file() {
    let scanned = misbehaves("answer-ahead");
    assert_eq!(scanned.report.formats, ["pickle"], "its own file it can lie about");
}

#[test]
fn no_escape_sequence_or_newline_reaches_the_report() {
    let report = misbehaves("escapes").report;
    let finding = &report.findings[0];
    assert_eq!(finding.message, "\\u{1b}[2J\\nJan 1 forged line \\u{202e}");
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains(['\n', '\u{1b}', '\u{202e}']) && !json.contains("\\u001b"));
}

#[test]
fn it_cannot_send_descriptors() {
    dies("send-a-descriptor", "SIGSYS");
}

#[test]
fn a_worker_that_calls_itself_spent_gets_no_second_file() {
    in_runtime(async {
        let pool = pool(&settings());
        let scanned = scan(&pool, "spent").await;
        assert_eq!((scanned.trouble, scanned.report.verdict), (None, Verdict::NotAModel));
        let spent = pool.pids();
        honest(&pool).await;
        assert!(pool.pids().iter().all(|pid| !spent.contains(pid)));
        pool.shutdown().await;
    });
}

#[test]
fn other_files_are_served_while_workers_hang() {
    in_runtime(async {
        let pool = pool(&Scan { workers: 2, time_limit_s: 20, ..Scan::default() });
        let hung: Vec<_> = (0..2)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { scan(&pool, "spin").await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = Instant::now();
        assert_eq!(honest(&pool).await.trouble, None);
        assert!(start.elapsed() < Duration::from_secs(5));
        pool.shutdown().await;
        for scan in hung {
            assert_eq!(scan.await.unwrap().trouble, Some(Trouble::ShutDown));
        }
    });
}

/// What each layer must stop by itself.
const ATTEMPTS: [&str; 7] = ["open", "reopen", "exec", "fork", "thread", "become-root", "allocate"];

/// Has a worker try everything on a machine where `missing` calls fail, so that only the other layers are in its way.
fn holds_without(missing: &'static [i64], more: &'static [&str]) {
    let holds = move || {
        deny(missing);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        misbehaves(&format!("connect:{}", listener.local_addr().unwrap()));
        ATTEMPTS.iter().chain(more).for_each(|what| drop(misbehaves(what)));
    };
    std::thread::spawn(holds).join().unwrap();
}

#[test]
fn each_layer_holds_by_itself() {
    // Landlock and namespaces, Landlock alone, namespaces alone, seccomp alone.
    holds_without(&[libc::SYS_seccomp], &["kill-parent"]);
    holds_without(&[libc::SYS_seccomp, libc::SYS_unshare], &["kill-parent"]);
    holds_without(&[libc::SYS_seccomp, libc::SYS_landlock_create_ruleset], &[]);
    holds_without(&[libc::SYS_unshare, libc::SYS_landlock_create_ruleset], &["kill-parent", "socket"]);
}

#[test]
fn without_any_layer_these_tests_would_see_the_escape() {
    let escape = || {
        deny(&[libc::SYS_seccomp, libc::SYS_unshare, libc::SYS_landlock_create_ruleset]);
        in_runtime(async {
            let pool = pool(&settings());
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            for what in ["open".to_owned(), format!("connect:{}", listener.local_addr().unwrap())] {
                let findings = scan(&pool, &what).await.report.findings;
                assert!(findings.iter().any(|f| f.rule.as_str() == "misbehave.escaped"), "{what}");
            }
            pool.shutdown().await;
        });
    };
    std::thread::spawn(escape).join().unwrap();
}

/// Makes system calls fail in this thread and the processes that it starts, as on a kernel that lacks them.
fn deny(calls: &[i64]) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let (allow, fail) = (SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()));
    let filter = SeccompFilter::new(rules, allow, fail, std::env::consts::ARCH.try_into().unwrap()).unwrap();
    seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}
