//! The daemon's loop.

use std::collections::HashMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use jiff::Timestamp;
use sd_notify::NotifyState;
use tokio::sync::mpsc;

use crate::caches::{self, Root};
use crate::config::{self, Config, LogFormat, paths::Paths};
use crate::report::printable;
use crate::status::{Degraded, Scanning, Status, Watched};
use crate::watch::{Cause, Event, RootState, WalkReason, Watcher};

use super::control::{Answer, Call, Request, Server};
use super::instance::Instance;
use super::pipeline::{Context, End, Job};
use super::queue::{Queue, Turn, Urgency};
use super::recorder::Keep;
use super::signals::{Signals, Told};
use super::sync::{Syncs, Waiter};
use super::{log, notify, progress, setup};

/// How long the files that are being scanned may take to end when the daemon is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest pause before a file that keeps changing, or could not be recorded, is tried again.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(30);
/// How often what is old is forgotten.
const PRUNE_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// How often it is asked whether an allow entry has come to its end.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);

/// What `modelscand watch` was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration file that was named, if one was; read again on reload.
    pub config_file: Option<PathBuf>,
    /// Folders besides those of the configuration.
    pub paths: Vec<PathBuf>,
    /// In place of `log.format`.
    pub log_format: Option<LogFormat>,
    /// Only what is named, and no known cache.
    pub no_default_caches: bool,
}

impl Options {
    /// The configuration as it is now, with the changes that the command line makes to it.
    fn config(&self) -> Result<Config, config::Error> {
        let mut config = config::load(self.config_file.as_deref())?.config;
        if let Some(format) = self.log_format {
            config.log.format = format;
        }
        if self.no_default_caches {
            config.watch.caches.clear();
        }
        Ok(config)
    }
}

/// Watches until it is told to stop.
///
/// # Errors
/// When it cannot start: another daemon runs, the history or vault cannot be opened, nothing can be watched.
pub fn watch(options: Options) -> anyhow::Result<()> {
    let config = options.config()?;
    let bar = progress::bar(config.log.format);
    log::init(&config.log, bar.clone())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    tokio::task::LocalSet::new().block_on(&runtime, run(options, config, bar))
}

async fn run(options: Options, config: Config, bar: Option<ProgressBar>) -> anyhow::Result<()> {
    let paths = Paths::of(&config)?;
    let _instance = Instance::lock(&paths.state)?;
    let (recorder, recorder_thread) = setup::open_records(&paths, &config)?;
    let context = Rc::new(setup::context(config, recorder).await?);
    let (calls_in, calls) = mpsc::channel(16);
    make_runtime_folder(&paths.runtime)?;
    let server = Server::bind(paths.control_socket()).context("cannot open the control socket")?;
    let serving = tokio::task::spawn_local(server.serve(calls_in));
    let mut service = Service::start(options, context, bar)?;
    service.run(calls).await?;
    serving.abort();
    drop(service);
    tokio::task::spawn_blocking(|| recorder_thread.join()).await.ok();
    Ok(())
}

fn make_runtime_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// A file on its way.
struct InFlight {
    turn: Turn,
    since: Timestamp,
}

/// The state of the loop.
struct Service {
    options: Options,
    context: Rc<Context>,
    roots: Vec<Root>,
    watcher: Watcher,
    queue: Queue,
    in_flight: HashMap<PathBuf, InFlight>,
    /// Files that arrived again while they were on their way, with the turn of the second arrival.
    again: HashMap<PathBuf, Turn>,
    /// How often a file was tried again, for those that keep changing.
    retries: HashMap<PathBuf, u32>,
    ended: mpsc::UnboundedSender<(PathBuf, End)>,
    ends: mpsc::UnboundedReceiver<(PathBuf, End)>,
    retry: mpsc::UnboundedSender<PathBuf>,
    retried: mpsc::UnboundedReceiver<PathBuf>,
    syncs: Syncs,
    degraded: Vec<Degraded>,
    bar: Option<ProgressBar>,
    started_at: Timestamp,
    scanned: u64,
    caught_up: bool,
}

impl Service {
    fn start(options: Options, context: Rc<Context>, bar: Option<ProgressBar>) -> anyhow::Result<Self> {
        let roots = setup::roots(&context.config, &options.paths);
        let mut watcher = Watcher::start(roots.clone(), &context.config.watch)?;
        let mut syncs = Syncs::default();
        syncs.add(watcher.sync(), Waiter::Start);
        let (ended, ends) = mpsc::unbounded_channel();
        let (retry, retried) = mpsc::unbounded_channel();
        Ok(Self {
            options,
            context,
            roots,
            watcher,
            queue: Queue::default(),
            in_flight: HashMap::new(),
            again: HashMap::new(),
            retries: HashMap::new(),
            ended,
            ends,
            retry,
            retried,
            syncs,
            degraded: Vec::new(),
            bar,
            started_at: Timestamp::now(),
            scanned: 0,
            caught_up: false,
        })
    }

    /// Takes events, requests, signals and finished files in turn until a signal says stop.
    async fn run(&mut self, mut calls: mpsc::Receiver<Call>) -> anyhow::Result<()> {
        let mut signals = Signals::new()?;
        let mut prune = tokio::time::interval_at(tokio::time::Instant::now() + PRUNE_INTERVAL, PRUNE_INTERVAL);
        let mut expiry = tokio::time::interval(EXPIRY_INTERVAL);
        let mut reconcile = reconcile_timer(&self.context.config);
        let mut watchdog = notify::watchdog_interval().map(tokio::time::interval);
        notify::tell(NotifyState::Ready);
        loop {
            self.start_scans();
            tokio::select! {
                // Requests and signals first: a storm of files must not keep anybody waiting who asks or stops.
                biased;
                signal = signals.next() => match signal {
                    Told::Stop => break,
                    Told::Reload => drop(self.reload().await),
                },
                Some(call) = calls.recv() => self.answer(call).await,
                () = tick(&mut watchdog) => self.tell_systemd(),
                Some((path, end)) = self.ends.recv() => self.ended(path, &end),
                Some(path) = self.retried.recv() => self.queue.push(path, 0, Urgency::Arrived),
                _ = prune.tick() => self.prune(),
                _ = expiry.tick() => self.end_expired().await,
                () = tick(&mut reconcile) => self.watch_again("the daily reconciling walk"),
                event = self.watcher.next() => self.event(event),
            }
        }
        self.stop().await;
        Ok(())
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Arrived { path, cause: Cause::Symlink } => self.link(&path),
            Event::Arrived { path, cause } => self.arrived(path, cause),
            Event::Gone { path } => self.gone(path),
            Event::Walked { root, files, .. } => {
                tracing::debug!(path = %root.display(), files, "a walk is complete");
            }
            Event::Degraded { path, reason, remedy } => self.degrade(&path, reason, remedy),
            Event::Recovered { path } => self.recover(&path),
            Event::Synced { cookie } => {
                self.syncs.told(cookie, self.queue.last_turn());
                self.check_syncs();
            }
        }
    }

    fn arrived(&mut self, path: PathBuf, cause: Cause) {
        let Some(root) = caches::root_of(&self.roots, &path) else { return };
        if caches::is_passed_over(root, &path) {
            return;
        }
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => self.link(&path),
            Ok(metadata) if metadata.is_file() => self.queue.push(path, metadata.len(), urgency(cause)),
            _ => {}
        }
    }

    /// A link in a snapshot: a name of the blob that it leads to, which is scanned whatever it is called.
    fn link(&mut self, link: &Path) {
        let Some(root) = caches::root_of(&self.roots, link) else { return };
        let Ok(target) = std::fs::read_link(link) else { return };
        let Some(blob) = caches::link_target(root, link, &target) else { return };
        self.context.recorder.add_name(blob.clone(), link.to_owned(), caches::origin(root, link));
        if let Ok(metadata) = std::fs::symlink_metadata(&blob)
            && metadata.is_file()
        {
            self.queue.push(blob, metadata.len(), Urgency::Arrived);
        }
    }

    /// A name is gone, unless something has it again: an exchange tells of the file that came before it tells of the one that went.
    fn gone(&mut self, path: PathBuf) {
        if std::fs::symlink_metadata(&path).is_ok() {
            self.arrived(path, Cause::MovedIn);
            return;
        }
        self.queue.forget(&path);
        self.context.recorder.gone(path);
        self.check_syncs();
    }

    /// Starts as many scans as there are places.
    fn start_scans(&mut self) {
        while self.in_flight.len() < self.context.places() {
            let Some((path, turn)) = self.queue.pop() else { break };
            if self.in_flight.contains_key(&path) {
                self.again.entry(path).or_insert(turn);
                continue;
            }
            self.start_scan(path, turn);
        }
        if self.queue.is_empty() && self.queue.take_overflowed() {
            self.watch_again("more files were waiting than the queue holds");
        }
    }

    fn start_scan(&mut self, path: PathBuf, turn: Turn) {
        let origin = match caches::root_of(&self.roots, &path) {
            Some(root) => caches::origin(root, &path),
            None => caches::Origin::folder(),
        };
        self.in_flight.insert(path.clone(), InFlight { turn, since: Timestamp::now() });
        let (context, ended) = (Rc::clone(&self.context), self.ended.clone());
        tokio::task::spawn_local(async move {
            let job = Job { path, origin };
            let end = context.process(&job).await;
            let _ = ended.send((job.path, end));
        });
    }

    fn ended(&mut self, path: PathBuf, end: &End) {
        self.in_flight.remove(&path);
        if let Some(turn) = self.again.remove(&path) {
            self.start_scan(path, turn);
        } else if matches!(end, End::Changed | End::Unrecorded) {
            self.try_again(path);
        } else {
            self.retries.remove(&path);
        }
        self.scanned += u64::from(*end == End::Scanned);
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(format!("{} scanned, {} waiting", self.scanned, self.queue.len()));
        }
        self.check_syncs();
    }

    /// Once at once, then after pauses that grow: a file that is written without end is scanned at a bounded interval.
    fn try_again(&mut self, path: PathBuf) {
        let tries = self.retries.entry(path.clone()).or_insert(0);
        *tries += 1;
        if *tries == 1 {
            self.queue.push(path, 0, Urgency::Arrived);
            return;
        }
        let pause = Duration::from_millis(100).saturating_mul(1 << (*tries).min(10)).min(MAX_RETRY_PAUSE);
        let retry = self.retry.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(pause).await;
            let _ = retry.send(path);
        });
    }

    /// The walk at the start is over, and what it found is on record.
    fn caught_up(&mut self) {
        self.caught_up = true;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        tracing::info!("{}", self.status().line());
        self.tell_systemd();
        self.prune();
    }

    fn watch_again(&mut self, reason: &str) {
        tracing::info!("walking all watched folders: {reason}");
        for root in &self.roots {
            self.watcher.walk(&root.path, WalkReason::Reconcile);
        }
    }

    /// What an allow entry let through is scanned and judged again when the entry has come to its end.
    async fn end_expired(&mut self) {
        match self.context.recorder.end_expired().await {
            Ok(0) => {}
            Ok(ended) => {
                tracing::info!("{ended} allow entries have come to their end");
                self.reload().await;
                self.watch_again("an allow entry has come to its end");
            }
            Err(error) => tracing::warn!(%error, "it could not be seen whether an allow entry has come to its end"),
        }
    }

    fn prune(&self) {
        self.context.recorder.prune(Keep::of(&self.context.config));
    }

    fn degrade(&mut self, path: &Path, reason: String, remedy: String) {
        let what = text(path);
        tracing::warn!("DEGRADED: {what}: {reason}; {remedy}");
        self.degraded.retain(|degraded| degraded.what != what);
        self.degraded.push(Degraded { what, reason, remedy });
        self.tell_systemd();
    }

    fn recover(&mut self, path: &Path) {
        let what = text(path);
        tracing::info!("{what} is watched again as it should be");
        self.degraded.retain(|degraded| degraded.what != what);
        self.tell_systemd();
    }

    async fn answer(&mut self, call: Call) {
        let answer = match call.request {
            Request::Status => Answer::Status(Box::new(self.status())),
            Request::Reload => self.reload().await,
            Request::Sync => {
                self.syncs.add(self.watcher.sync(), Waiter::Client(call.answer));
                return;
            }
        };
        let _ = call.answer.send(answer);
    }

    /// Answers those whose files are all on record.
    fn check_syncs(&mut self) {
        if self.syncs.is_empty() {
            return;
        }
        let on_their_way = self.in_flight.values().map(|in_flight| in_flight.turn).chain(self.again.values().copied());
        let oldest = on_their_way.chain(self.queue.oldest_turn()).min().unwrap_or(Turn::MAX);
        for waiter in self.syncs.take_done(oldest) {
            match waiter {
                Waiter::Client(answer) => drop(answer.send(Answer::Done)),
                Waiter::Start => self.caught_up(),
            }
        }
    }

    /// Reads the configuration again; a bad one is refused and the old one stays in force.
    async fn reload(&mut self) -> Answer {
        notify::reloading();
        let answer = match self.try_reload().await {
            Ok(()) => Answer::Done,
            Err(error) => {
                tracing::error!("the new configuration is refused, the old one stays in force: {error:#}");
                Answer::Refused(format!("{error:#}"))
            }
        };
        notify::tell(NotifyState::Ready);
        answer
    }

    async fn try_reload(&mut self) -> anyhow::Result<()> {
        let config = self.options.config()?;
        let context = setup::context(config, self.context.recorder.clone()).await?;
        let rules_changed = context.rules != self.context.rules;
        let old = std::mem::replace(&mut self.context, Rc::new(context));
        self.roots = setup::roots(&self.context.config, &self.options.paths);
        self.watcher.set_roots(self.roots.clone());
        tokio::task::spawn_local(async move { old.pool.shutdown().await });
        if rules_changed {
            self.watch_again("the rules have changed");
        }
        self.prune();
        tracing::info!("the configuration was read again");
        Ok(())
    }

    /// Lets what is on its way end, for a moment, and ends.
    async fn stop(&mut self) {
        notify::tell(NotifyState::Stopping);
        tracing::info!("stopping: {} files are being scanned", self.in_flight.len());
        let finish = async {
            while !self.in_flight.is_empty() {
                let Some((path, _)) = self.ends.recv().await else { break };
                self.in_flight.remove(&path);
            }
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, finish).await.is_err() {
            tracing::info!("{} files are scanned again at the next start", self.in_flight.len());
        }
        self.context.pool.shutdown().await;
    }

    fn tell_systemd(&self) {
        notify::tell(NotifyState::Status(&self.status().line()));
        notify::tell(NotifyState::Watchdog);
    }

    fn status(&self) -> Status {
        let watch = self.watcher.status();
        let watching = watch.roots.iter().map(|root| Watched {
            path: text(&root.path),
            cache: root.cache.as_str().to_owned(),
            state: state_word(root.state).to_owned(),
        });
        let scanning = self.in_flight.iter().map(|(path, file)| Scanning { path: text(path), since: file.since });
        Status {
            pid: std::process::id(),
            started_at: self.started_at,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            engine: self.context.engine.clone(),
            rules: self.context.rules.clone(),
            degraded: self.degraded.clone(),
            watching: watching.collect(),
            backlog: self.queue.len() as u64,
            scanning: scanning.collect(),
            scanned: self.scanned,
            watches: watch.watches,
            watch_limit: watch.watch_limit,
            overflows: watch.overflows,
            walks: watch.walks,
            caught_up: self.caught_up,
        }
    }
}

/// Waits for the next tick of a timer; for ever without one.
async fn tick(timer: &mut Option<tokio::time::Interval>) {
    match timer {
        Some(timer) => drop(timer.tick().await),
        None => std::future::pending().await,
    }
}

fn reconcile_timer(config: &Config) -> Option<tokio::time::Interval> {
    let hours = config.watch.reconcile_interval_h;
    let period = Duration::from_secs(hours.checked_mul(3600).filter(|&seconds| seconds > 0)?);
    Some(tokio::time::interval_at(tokio::time::Instant::now() + period, period))
}

fn urgency(cause: Cause) -> Urgency {
    if cause == Cause::Found { Urgency::Backlog } else { Urgency::Arrived }
}

fn state_word(state: RootState) -> &'static str {
    match state {
        RootState::Watching => "watching",
        RootState::Waiting => "waiting",
        RootState::Polled => "polling",
        RootState::Degraded => "degraded",
    }
}

fn text(path: &Path) -> String {
    printable(&path.to_string_lossy(), 4096)
}
