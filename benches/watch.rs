//! How fast the watcher is: from the close of a file to its event, new files in new folders a second, and the start over a tree.
//!
//! `TMPDIR` says on which file system; the figures are the watcher's alone, without scanning.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use modelscand::caches::{CacheKind, Root};
use modelscand::config::Watch;
use modelscand::watch::{Event, Watcher};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Folders of a storm, and of the tree that is started over.
const FOLDERS: u64 = 1000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A watcher that has walked what is there.
async fn started(root: &Path) -> Watcher {
    let roots = vec![Root { path: root.to_owned(), cache: CacheKind::Folder }];
    let mut watcher = Watcher::start(roots, &Watch::default()).expect("a watcher");
    while !matches!(watcher.next().await, Event::Walked { .. }) {}
    watcher
}

async fn arrivals(watcher: &mut Watcher, mut expected: u64) {
    while expected > 0 {
        if matches!(black_box(watcher.next().await), Event::Arrived { .. }) {
            expected -= 1;
        }
    }
}

fn close_to_event(c: &mut Criterion) {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    let mut watcher = runtime.block_on(started(folder.path()));
    let file = folder.path().join("model.bin");
    c.bench_function("close to event", |b| {
        b.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let open = fs::File::create(&file).expect("a file");
                let start = Instant::now();
                drop(open);
                runtime.block_on(arrivals(&mut watcher, 1));
                total += start.elapsed();
            }
            total
        });
    });
}

fn storm(c: &mut Criterion) {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    let mut watcher = runtime.block_on(started(folder.path()));
    let mut group = c.benchmark_group("storm");
    group.throughput(Throughput::Elements(FOLDERS)).sample_size(10);
    let mut round = 0;
    group.bench_function("files in new folders, told after they were written", |b| {
        b.iter_batched(
            || {
                round += 1;
                make_tree(&folder.path().join(round.to_string()));
            },
            |()| runtime.block_on(arrivals(&mut watcher, FOLDERS)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn start(c: &mut Criterion) {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    make_tree(folder.path());
    let mut group = c.benchmark_group("start");
    group.throughput(Throughput::Elements(FOLDERS)).sample_size(10);
    group.bench_function("folders walked and watched", |b| b.iter(|| runtime.block_on(started(folder.path()))));
    group.finish();
}

fn make_tree(root: &Path) {
    for i in 0..FOLDERS {
        let folder = root.join(format!("{}/{i}", i % 10));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("model.bin"), "x").expect("a file");
    }
}

criterion_group!(benches, close_to_event, storm, start);
criterion_main!(benches);
