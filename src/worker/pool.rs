//! The workers: started when there is something to scan, kept warm for the next file, ended when idle.
//!
//! A file is tried in a warm worker; when that worker fails, once more alone in a fresh one, and then never again by itself. What
//! goes wrong with one worker never reaches another file: the worker is killed and the next file gets a new one.

use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::Answer;
use super::process::Living;
use super::schedule::{Class, Place, Schedule};
use super::start::Starter;
use super::warm::Worker;
use super::{Executable, Scanned, Trouble, WorkerError};
use crate::config;
use crate::scan::Hints;

/// A file of at least this many bytes may take long: 64 MiB are read in well under a second.
const BIG_BYTES: u64 = 64 << 20;
/// A scan that takes longer counts as one of a big file.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// How long shutdown waits for killed workers to be gone.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);
/// Workers where the configuration leaves it open: the cores, and at most these.
const MAX_DEFAULT_WORKERS: usize = 4;

/// A few confined processes that scan files. Clones are the same pool. When the last clone is gone, so are the workers: to change the
/// configuration, make a new pool and drop the old one, whose running scans keep it until they are done.
///
/// Use it from one thread that lives as long as the pool: the kernel kills a worker when the *thread* that started it ends.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    schedule: Arc<Schedule>,
    starter: Starter,
    idle: Mutex<Idle>,
    living: Arc<Living>,
    /// Becomes true at shutdown.
    closed: watch::Sender<bool>,
    time_limit: Duration,
    idle_timeout: Duration,
}

/// Workers without work, the one that worked last at the end.
#[derive(Debug, Default)]
struct Idle {
    workers: Vec<(Worker, Instant)>,
    /// A task is there that ends those that have been idle for too long.
    is_swept: bool,
}

impl Pool {
    /// A pool of workers that run this same program. Starts none, except to ask what holds where `sandbox.require` is set.
    ///
    /// # Errors
    /// When the program cannot be opened, an allow entry is too long, or what `sandbox.require` requires does not hold.
    pub fn new(
        scan: &config::Scan,
        sandbox: &config::Sandbox,
        allowed_callables: Vec<String>,
    ) -> Result<Self, WorkerError> {
        Self::with_executable(Executable::current()?, scan, sandbox, allowed_callables)
    }

    /// As [`Pool::new`], with workers that run `executable`.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn with_executable(
        executable: Executable,
        scan: &config::Scan,
        sandbox: &config::Sandbox,
        allowed_callables: Vec<String>,
    ) -> Result<Self, WorkerError> {
        let living = Arc::new(Living::default());
        let starter = Starter::new(executable, scan, sandbox, &allowed_callables, Arc::clone(&living))?;
        starter.check_requirement()?;
        Ok(Self(Arc::new(Inner {
            schedule: Schedule::new(workers(scan)),
            starter,
            idle: Mutex::default(),
            living,
            closed: watch::Sender::new(false),
            time_limit: Duration::from_secs(scan.time_limit_s.max(1)),
            idle_timeout: Duration::from_secs(scan.idle_timeout_s),
        })))
    }

    /// Scans the file behind `file`, a descriptor that was opened for reading only; `size` in bytes tells big files from small ones.
    /// Waits for its turn first. Never fails: what goes wrong is in the report and in [`Scanned::trouble`].
    pub async fn scan(&self, file: OwnedFd, size: u64, hints: Hints) -> Scanned {
        let inner = &*self.0;
        if !is_read_only(&file) {
            return Scanned::failed(Answer::new(0), Trouble::NotReadOnly, Duration::ZERO);
        }
        let class = if size >= BIG_BYTES { Class::Big } else { Class::Small };
        let Some(place) = inner.schedule.enter(class).await else {
            return Scanned::failed(Answer::new(0), Trouble::ShutDown, Duration::ZERO);
        };
        let start = Instant::now();
        let (answer, outcome) = self.try_twice(&file, &hints, &place).await;
        match outcome {
            Ok(()) => Scanned { report: answer.into_report(""), duration: start.elapsed(), trouble: None },
            Err(trouble) => Scanned::failed(answer, trouble, start.elapsed()),
        }
    }

    /// Scans under way.
    pub fn busy(&self) -> usize {
        self.0.schedule.running()
    }

    /// Workers at most, not counting one more that is there for small files while all others are at work on big ones.
    pub fn size(&self) -> usize {
        self.0.schedule.size()
    }

    /// The process ids of the workers that are there.
    pub fn pids(&self) -> Vec<u32> {
        self.0.living.pids()
    }

    /// Ends all workers, those at work too, and waits until they are gone. Scans that wait or run end with
    /// [`Trouble::ShutDown`], and so does every later one.
    pub async fn shutdown(&self) {
        self.0.closed.send_replace(true);
        self.0.schedule.close();
        self.0.idle().workers.clear();
        if timeout(SHUTDOWN_WAIT, self.0.living.none_left()).await.is_err() {
            tracing::warn!(pids = ?self.pids(), "workers are still there after they were killed");
        }
    }

    /// Tries once in any worker and, where the file's worker failed, once more alone in a fresh one.
    async fn try_twice(&self, file: &OwnedFd, hints: &Hints, place: &Place) -> (Answer, Result<(), Trouble>) {
        let mut tries = pin!(async {
            let (first, outcome) = self.try_once(file, hints, Company::Any).await;
            match outcome {
                Err(trouble) if trouble != Trouble::ShutDown => {
                    tracing::debug!(%trouble, "trying a file once more, alone in a fresh worker");
                    let (mut answer, outcome) = self.try_once(file, hints, Company::Alone).await;
                    answer.keep(first);
                    (answer, outcome)
                }
                _ => (first, outcome),
            }
        });
        match timeout(SLOW_AFTER, tries.as_mut()).await {
            Ok(tried) => tried,
            Err(_) => {
                place.mark_slow();
                tries.await
            }
        }
    }

    /// Tries to scan in one worker, which is kept when it is of further use and killed when not.
    async fn try_once(&self, file: &OwnedFd, hints: &Hints, company: Company) -> (Answer, Result<(), Trouble>) {
        let inner = &*self.0;
        let mut closed = inner.closed.subscribe();
        let mut answer = Answer::new(0);
        let scan = async {
            let mut worker = inner.worker(company).await?;
            answer = Answer::new(worker.next_id());
            let scan = worker.scan(file, hints, &mut answer);
            timeout(inner.time_limit, scan).await.unwrap_or(Err(Trouble::TooSlow(inner.time_limit)))?;
            Ok(worker)
        };
        let outcome = tokio::select! {
            outcome = scan => outcome,
            _ = closed.wait_for(|closed| *closed) => Err(Trouble::ShutDown),
        };
        match outcome {
            Ok(worker) => {
                if company == Company::Any && !answer.is_spent() {
                    self.put_away(worker);
                }
                (answer, Ok(()))
            }
            Err(trouble) => (answer, Err(trouble)),
        }
    }

    /// Keeps a worker for the next file.
    fn put_away(&self, worker: Worker) {
        let inner = &self.0;
        let mut idle = inner.idle();
        if *inner.closed.borrow() {
            return;
        }
        idle.workers.push((worker, Instant::now()));
        if !std::mem::replace(&mut idle.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(inner), inner.idle_timeout));
        }
    }
}

/// Whom a file shares its worker with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// Files before and after it.
    Any,
    /// None: a fresh worker, not used again.
    Alone,
}

impl Inner {
    async fn worker(&self, company: Company) -> Result<Worker, Trouble> {
        if company == Company::Any {
            // Lock anew for each: one that is not ready is killed outside of the lock.
            while let Some((worker, _)) = { self.idle().workers.pop() } {
                if worker.is_ready() {
                    return Ok(worker);
                }
            }
        }
        self.starter.start().await
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends workers that have been idle for `idle_timeout`, until none is idle.
async fn sweep(pool: Weak<Inner>, idle_timeout: Duration) {
    let mut next = Instant::now() + idle_timeout;
    loop {
        sleep_until(next).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        let now = Instant::now();
        idle.workers.retain(|(_, since)| *since + idle_timeout > now);
        match idle.workers.iter().map(|(_, since)| *since).min() {
            Some(oldest) => next = oldest + idle_timeout,
            None => {
                idle.is_swept = false;
                return;
            }
        }
    }
}

impl Scanned {
    fn failed(answer: Answer, trouble: Trouble, duration: Duration) -> Self {
        Self { report: answer.into_report(&trouble.to_string()), duration, trouble: Some(trouble) }
    }
}

fn is_read_only(file: &OwnedFd) -> bool {
    let flags = fcntl(file.as_fd(), FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
    flags.is_ok_and(|flags| flags & OFlag::O_ACCMODE == OFlag::O_RDONLY && !flags.contains(OFlag::O_PATH))
}

fn workers(scan: &config::Scan) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(MAX_DEFAULT_WORKERS);
    if scan.workers == 0 { cores() } else { scan.workers }
}
