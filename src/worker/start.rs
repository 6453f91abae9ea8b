//! Starting workers: the settings that each is told, its hello, and patience where starting fails.
//!
//! A worker is of use once it has said which measures hold. What does not hold is logged once for the life of the pool; with
//! `sandbox.require` it is an error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::channel::{Broken, Channel};
use super::measure::MeasureName;
use super::process::{Living, Process};
use super::protocol::{self, FromWorker, Setup, ToWorker};
use super::warm::Worker;
use super::{Executable, Trouble, WorkerError, probe};
use crate::config;
use crate::report::printable;
use crate::scan::rules::Rules;

/// How long a new worker may take to say hello. It takes milliseconds; a machine that swaps takes longer.
pub(super) const HELLO_WAIT: Duration = Duration::from_secs(20);
/// The wait after a first failed start; it doubles with each further one.
const MIN_BACK_OFF: Duration = Duration::from_millis(100);
/// The longest wait between two starts.
const MAX_BACK_OFF: Duration = Duration::from_secs(10);

/// What every worker is started with.
#[derive(Debug)]
pub(super) struct Starter {
    executable: Executable,
    /// The messages that come before a worker's hello.
    greeting: Vec<Vec<u8>>,
    require: bool,
    most_work: Duration,
    living: Arc<Living>,
    has_logged: AtomicBool,
    failures: Mutex<Failures>,
}

/// Starts that failed, since the last that did not.
#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    not_before: Option<Instant>,
}

impl Starter {
    /// A starter for workers under this configuration.
    ///
    /// # Errors
    /// When an allow entry is none, or too long.
    pub(super) fn new(
        executable: Executable,
        scan: &config::Scan,
        sandbox: &config::Sandbox,
        allowed: &[String],
        living: Arc<Living>,
    ) -> Result<Self, WorkerError> {
        Ok(Self {
            executable,
            greeting: greeting(scan, sandbox, allowed)?,
            require: sandbox.require,
            most_work: Duration::from_secs(scan.time_limit_s.saturating_mul(4)),
            living,
            has_logged: AtomicBool::new(false),
            failures: Mutex::default(),
        })
    }

    /// Asks a worker what holds, where all of it is required.
    ///
    /// # Errors
    /// When something does not hold, or no worker comes up.
    pub(super) fn check_requirement(&self) -> Result<(), WorkerError> {
        if !self.require {
            return Ok(());
        }
        let missing = probe::ask(&self.executable, &self.greeting)?;
        if missing.is_empty() { Ok(()) } else { Err(unconfined(&missing)) }
    }

    /// Starts a worker, after a wait where the last start failed.
    ///
    /// # Errors
    /// When it does not come up, or is not confined as `sandbox.require` wants it.
    pub(super) async fn start(&self) -> Result<Worker, Trouble> {
        let not_before = self.failures.lock().unwrap_or_else(PoisonError::into_inner).not_before;
        if let Some(moment) = not_before {
            sleep_until(moment).await;
        }
        let started = self.try_to_start().await;
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).note(started.is_ok());
        started.map_err(|error| {
            tracing::error!(%error, "no worker could be started");
            Trouble::NotStarted(printable(&error, 1024))
        })
    }

    async fn try_to_start(&self) -> Result<Worker, String> {
        let (mut process, channel) = Process::start(&self.executable, &self.living).map_err(|e| e.to_string())?;
        let hello = match timeout(HELLO_WAIT, self.greet(&channel)).await {
            Err(_) => return Err(format!("it said nothing for {} s", HELLO_WAIT.as_secs())),
            Ok(Ok(hello)) => hello,
            Ok(Err(Broken::Nonsense(nonsense))) => return Err(nonsense.to_string()),
            Ok(Err(Broken::Closed)) => {
                let end = process.how_it_ended(Duration::from_secs(1)).await;
                return Err(end.map_or_else(|| "it closed its socket".to_owned(), |end| format!("it {end}")));
            }
        };
        self.check(&missing(hello)?)?;
        Ok(Worker::new(process, channel, self.most_work))
    }

    async fn greet(&self, channel: &Channel) -> Result<FromWorker, Broken> {
        for message in &self.greeting {
            channel.send(message, None).await.map_err(|_| Broken::Closed)?;
        }
        channel.receive().await
    }

    /// Logs what does not hold, once, or refuses it.
    fn check(&self, missing: &[(MeasureName, String)]) -> Result<(), String> {
        if missing.is_empty() {
            return Ok(());
        }
        if self.require {
            return Err(unconfined(missing).to_string());
        }
        if !self.has_logged.swap(true, Ordering::Relaxed) {
            for (name, reason) in missing {
                let to_do = name.what_to_do();
                tracing::warn!(measure = %name, %reason, %to_do, "workers are confined without one of the measures");
            }
        }
        Ok(())
    }
}

impl Failures {
    fn note(&mut self, is_started: bool) {
        if is_started {
            *self = Self::default();
        } else {
            let wait = MIN_BACK_OFF.saturating_mul(1 << self.in_a_row.min(10)).min(MAX_BACK_OFF);
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.not_before = Some(Instant::now() + wait);
        }
    }
}

/// The messages that tell a worker its settings.
///
/// # Errors
/// When an allow entry is none, or too long.
pub(super) fn greeting(
    scan: &config::Scan,
    sandbox: &config::Sandbox,
    allowed: &[String],
) -> Result<Vec<Vec<u8>>, WorkerError> {
    Rules::builtin().with_allowed(allowed.to_vec()).map_err(|error| WorkerError::Allow(error.to_string()))?;
    let mut messages = protocol::allow_messages(allowed).map_err(|error| WorkerError::Allow(error.to_string()))?;
    messages.push(ToWorker::Setup(Setup {
        version: protocol::VERSION,
        limits: scan.limits.clone(),
        max_memory_bytes: sandbox.memory_mb.saturating_mul(1 << 20),
        // A worker is replaced after four times the time limit, and its last scan may take one more.
        max_cpu_s: scan.time_limit_s.saturating_mul(6).saturating_add(60),
    }));
    let encoded: Result<_, _> = messages.iter().map(protocol::encode).collect();
    encoded.map_err(|error| WorkerError::Start(error.to_string()))
}

/// The measures that do not hold, of a hello, with their reasons made printable.
///
/// # Errors
/// When it is no hello, or of another version.
pub(super) fn missing(hello: FromWorker) -> Result<Vec<(MeasureName, String)>, String> {
    match hello {
        FromWorker::Hello { version: protocol::VERSION, missing } => {
            Ok(missing.into_iter().map(|(name, reason)| (name, printable(&reason, 256))).collect())
        }
        FromWorker::Hello { version, .. } => Err(format!("it speaks version {version} of the protocol")),
        _ => Err("its first message was no hello".to_owned()),
    }
}

/// The error of `sandbox.require`.
pub(super) fn unconfined(missing: &[(MeasureName, String)]) -> WorkerError {
    let each: Vec<_> = missing.iter().map(|(name, why)| format!("{name} ({why}: {})", name.what_to_do())).collect();
    WorkerError::Unconfined { missing: each.join(", ") }
}
