//! What it costs to scan a file in a confined worker, beside scanning it in the same process, and what an idle worker weighs.
//!
//! `cargo bench --bench worker`. The file is tiny, so that the figures are those of the boundary and not of a format. The memory is
//! read from /proc/PID/smaps_rollup, which only root may read of a worker, since it is not dumpable.

use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use modelscand::config::{Sandbox, Scan};
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};
use modelscand::worker::{Executable, Pool};
use tokio::runtime::Runtime;

fn pool() -> Pool {
    let executable = Executable::open(Path::new(env!("CARGO_BIN_EXE_modelscand"))).unwrap();
    Pool::with_executable(executable, &Scan::default(), &Sandbox::default(), Vec::new()).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn open() -> File {
    File::open(env!("CARGO_MANIFEST_PATH")).unwrap()
}

async fn scan(pool: &Pool) {
    let scanned = pool.scan(open().into(), 1, Hints::default()).await;
    assert_eq!(scanned.trouble, None);
}

fn in_process(c: &mut Criterion) {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    c.bench_function("a file in the same process", |b| {
        b.iter(|| engine.scan(Rc::new(open()), &Hints::default(), &mut |_| ()));
    });
}

fn warm(c: &mut Criterion) {
    let (runtime, pool) = (runtime(), pool());
    c.bench_function("a file in a warm worker", |b| b.iter(|| runtime.block_on(scan(&pool))));
    for pid in pool.pids() {
        print_memory(pid);
    }
    runtime.block_on(pool.shutdown());
}

fn cold(c: &mut Criterion) {
    let runtime = runtime();
    c.bench_function("a file in a fresh worker", |b| {
        b.iter_custom(|times| {
            let mut sum = Duration::ZERO;
            for _ in 0..times {
                let pool = pool();
                let start = Instant::now();
                runtime.block_on(scan(&pool));
                sum += start.elapsed();
                runtime.block_on(pool.shutdown());
            }
            sum
        });
    });
}

/// Memory that nobody else shares, of an idle worker.
fn print_memory(pid: u32) {
    match std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) => {
            rollup.lines().filter(|l| l.starts_with("Private") || l.starts_with("Rss")).for_each(|l| println!("{l}"))
        }
        Err(error) => println!("memory of the idle worker {pid}: {error} (run as root to see it)"),
    }
}

criterion_group!(benches, in_process, warm, cold);
criterion_main!(benches);
