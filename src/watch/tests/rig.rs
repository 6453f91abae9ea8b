//! A watcher on a folder of its own, and a reader that collects what it tells.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::caches::{CacheKind, Root};
use crate::config::{Backend, Watch};
use crate::watch::{Cause, Event, Watcher};

/// Longer than anything here takes; a promise that is not kept by then is broken.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) const BACKENDS: [Backend; 2] = [Backend::Inotify, Backend::Poll];

pub(super) struct Rig {
    /// The watched folder.
    pub root: PathBuf,
    pub watcher: Watcher,
    /// Around the watched folder, for what is not watched.
    pub outside: PathBuf,
    _folder: TempDir,
}

/// Runs a test with each backend on an existing, empty root.
pub(super) fn on_each_backend<F: Future<Output = ()>>(test: impl Fn(Rig) -> F) {
    for backend in BACKENDS {
        eprintln!("backend: {backend:?}");
        run(backend, "root", true, &test);
    }
}

/// Runs a test on the folder `root`, made before if `exists`.
pub(super) fn run<F: Future<Output = ()>>(backend: Backend, root: &str, exists: bool, test: impl Fn(Rig) -> F) {
    run_with(Watch { backend, poll_interval_s: 1, ..Watch::default() }, root, exists, test);
}

pub(super) fn run_with<F: Future<Output = ()>>(settings: Watch, root: &str, exists: bool, test: impl Fn(Rig) -> F) {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().canonicalize().unwrap();
        let root = outside.join(root);
        if exists {
            std::fs::create_dir_all(&root).unwrap();
        }
        let roots = vec![Root { path: root.clone(), cache: CacheKind::Folder }];
        let watcher = Watcher::start(roots, &settings).unwrap();
        let mut rig = Rig { root, watcher, outside, _folder: folder };
        if exists {
            rig.told().await;
        }
        test(rig).await;
    });
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("a promise was not kept in time") })
}

impl Rig {
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    pub fn write(&self, name: impl AsRef<Path>, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn mkdir(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Everything that is told until the watcher proves that it has caught up with now.
    pub async fn told(&mut self) -> Vec<Event> {
        let cookie = self.watcher.sync();
        let mut told = Vec::new();
        loop {
            match self.watcher.next().await {
                Event::Synced { cookie: proven } if proven == cookie => return told,
                event => told.push(event),
            }
        }
    }

    /// The files that are told as arrived until the watcher has caught up.
    pub async fn arrived(&mut self) -> BTreeSet<PathBuf> {
        self.told().await.into_iter().filter_map(path_of_arrival).collect()
    }

    /// How often, and why, a file is told as arrived until the watcher has caught up.
    pub async fn causes(&mut self, path: &Path) -> Vec<Cause> {
        let of_path = |event| match event {
            Event::Arrived { path: told, cause } if told == path => Some(cause),
            _ => None,
        };
        self.told().await.into_iter().filter_map(of_path).collect()
    }

    pub fn is_polled(&self) -> bool {
        self.watcher.kernel.is_none()
    }
}

pub(super) fn path_of_arrival(event: Event) -> Option<PathBuf> {
    match event {
        Event::Arrived { path, .. } => Some(path),
        _ => None,
    }
}
