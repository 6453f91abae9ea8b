//! Confinement changes no result: real files of every framework, scanned in a worker and in this process, give the same report.
//!
//! This is also what would see a parser that needs a system call that workers may not make.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use modelscand::config::{Sandbox, Scan};
use modelscand::report::Report;
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};
use modelscand::worker::{Executable, Pool};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn hints(path: &Path) -> Hints {
    Hints { name: path.file_name().unwrap_or_default().to_string_lossy().into_owned() }
}

async fn confined(pool: &Pool, path: &Path) -> Report {
    let file = File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    let scanned = pool.scan(OwnedFd::from(file), size, hints(path)).await;
    assert_eq!(scanned.trouble, None, "{}", path.display());
    scanned.report
}

fn corpus() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/honest"), &mut paths);
    paths.sort();
    assert!(paths.len() > 100, "the corpus is missing");
    paths
}

fn pool() -> Pool {
    let program = Executable::open(Path::new(env!("CARGO_BIN_EXE_modelscand"))).unwrap();
    Pool::with_executable(program, &Scan { workers: 1, ..Scan::default() }, &Sandbox::default(), Vec::new()).unwrap()
}

fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

#[test]
fn real_files_give_the_same_report_confined_and_not() {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    in_runtime(async {
        let pool = pool();
        for path in corpus() {
            let here = engine.scan(Rc::new(File::open(&path).unwrap()), &hints(&path), &mut |_| ());
            assert_eq!(confined(&pool, &path).await, here, "{}", path.display());
        }
        assert_eq!(pool.pids().len(), 1, "one worker at a time");
        pool.shutdown().await;
    });
}

/// Marsaglia's xorshift64: the same damage each time, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n.max(1) as u64).unwrap()
    }

    /// Overwrites, cuts out, doubles or cuts off some bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(8) {
            let (at, some) = (self.below(bytes.len()), self.below(64));
            let end = (at + some).min(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.extend_from_within(at..end),
                3 => bytes[at..end].fill(0xff),
                _ if bytes.is_empty() => {}
                _ => bytes[at] = self.below(256).to_le_bytes()[0],
            }
        }
    }
}

/// `MODELSCAND_DAMAGED_FILES` sets how many; CI takes the default, a release ten thousand.
#[test]
fn damaged_files_harm_no_worker() {
    let count = std::env::var("MODELSCAND_DAMAGED_FILES").map_or(300, |count| count.parse().unwrap());
    let (paths, mut chance) = (corpus(), Chance(0x9e37_79b9_7f4a_7c15));
    in_runtime(async {
        let pool = pool();
        for _ in 0..count {
            let path = &paths[chance.below(paths.len())];
            let mut bytes = std::fs::read(path).unwrap();
            chance.damage(&mut bytes);
            let damaged = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(damaged.path(), &bytes).unwrap();
            let file = File::open(damaged.path()).unwrap();
            let scanned = pool.scan(file.into(), bytes.len() as u64, hints(path)).await;
            assert_eq!(scanned.trouble, None, "{}", damaged.keep().unwrap().1.display());
        }
        pool.shutdown().await;
    });
}
