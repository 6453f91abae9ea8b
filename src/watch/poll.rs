//! Looking again and again, for what gives no events: network file systems, parts beyond the limit of watches, `backend = "poll"`.
//!
//! Of every file a fingerprint of eight bytes is kept, so that a round tells only of what is new or has changed; a file that is
//! still being written is told of in each round. The interval grows with the time that a round takes.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::FileStat;
use tokio::time::Instant;

use super::Watcher;
use super::event::WalkReason;
use super::roots::RootId;
use crate::config::Backend;

/// A file that changed this recently may change again without another timestamp, so it is not taken for known yet. Two seconds is
/// the coarsest timestamp in use (FAT).
const RECENT: Duration = Duration::from_secs(2);
/// A round may take this part of the time at most.
const MAX_SHARE: u32 = 10;

/// How a root is polled.
#[derive(Debug)]
pub(super) struct Polling {
    interval: Duration,
    due: Instant,
    started: Option<Instant>,
    known: HashSet<u64>,
    hasher: RandomState,
}

/// A round under way: what was known before it, and what it has seen.
#[derive(Debug)]
pub(super) struct Round {
    before: HashSet<u64>,
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Polling {
    pub fn new(interval: Duration) -> Self {
        let due = Instant::now() + interval;
        Self { interval, due, started: None, known: HashSet::new(), hasher: RandomState::new() }
    }

    pub fn start_round(&mut self) -> Round {
        self.started = Some(Instant::now());
        Round { before: std::mem::take(&mut self.known), seen: HashSet::new(), hasher: self.hasher.clone() }
    }

    fn finish_round(&mut self, round: Option<Round>) {
        let took = self.started.take().map_or(Duration::ZERO, |started| started.elapsed());
        self.due = Instant::now() + self.interval.max(took * MAX_SHARE);
        if let Some(round) = round {
            self.known = round.seen;
        }
    }

    /// The round under way was given up: its root is another folder now.
    pub fn restart(&mut self) {
        self.started = None;
        self.due = Instant::now() + self.interval;
    }
}

impl Round {
    /// True when the file is not as the round before saw it, or may have changed since unnoticed.
    pub fn is_news(&mut self, path: &Path, stat: &FileStat) -> bool {
        let times = (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        let fingerprint = self.hasher.hash_one((path, stat.st_dev, stat.st_ino, stat.st_size, times));
        if is_settled(stat, SystemTime::now()) {
            self.seen.insert(fingerprint);
        }
        !self.before.contains(&fingerprint)
    }
}

fn is_settled(stat: &FileStat, now: SystemTime) -> bool {
    let newest = stat.st_ctime.max(stat.st_mtime);
    let limit = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(RECENT);
    u64::try_from(newest).is_ok_and(|newest| newest < limit.as_secs()) || newest < 0
}

/// Waits until then; for ever when there is no then, so that an idle watcher sets no timer.
pub(super) async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Watcher {
    /// When the next round is due, of those roots that are not in one.
    pub(super) fn next_poll(&self) -> Option<Instant> {
        let idle =
            self.roots.values().filter_map(|root| root.polling.as_ref()).filter(|polling| polling.started.is_none());
        idle.map(|polling| polling.due).min()
    }

    pub(super) fn start_due_polls(&mut self) {
        let now = Instant::now();
        self.start_polls(|polling| polling.started.is_none() && polling.due <= now);
    }

    /// Starts a round of every polled root now.
    pub(super) fn start_all_polls(&mut self) {
        self.start_polls(|_| true);
    }

    fn start_polls(&mut self, is_due: impl Fn(&Polling) -> bool) {
        let due = self.roots.iter().filter(|(_, root)| root.polling.as_ref().is_some_and(&is_due));
        let due: Vec<RootId> = due.map(|(&id, _)| id).collect();
        for id in due {
            self.place_root(id);
            if let Some(polling) = self.roots.get_mut(&id).and_then(|root| root.polling.as_mut()) {
                polling.due = Instant::now() + polling.interval;
            }
            self.walk_root(id, WalkReason::Poll);
        }
    }

    /// Makes sure that a root is looked at again and again.
    pub(super) fn poll_root(&mut self, id: RootId) {
        let interval = self.settings.poll_interval;
        if let Some(root) = self.roots.get_mut(&id) {
            root.polling.get_or_insert_with(|| Polling::new(interval));
        }
    }

    pub(super) fn start_round(&mut self, id: RootId) -> Option<Round> {
        let root = self.roots.get_mut(&id)?;
        root.limit_was_hit = false;
        root.polling.as_mut().map(Polling::start_round)
    }

    pub(super) fn finish_round(&mut self, id: RootId, round: Option<Round>) {
        let is_optional = self.settings.backend != Backend::Poll && self.kernel.is_some();
        let Some(root) = self.roots.get_mut(&id) else { return };
        if let Some(polling) = &mut root.polling {
            polling.finish_round(round);
        }
        if is_optional && root.is_told_by_events() && root.polling.take().is_some() {
            root.is_limited = false;
            let path = root.path().to_owned();
            self.degraded.clear(&path, &mut self.outbox);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(ctime: i64) -> FileStat {
        let mut stat = nix::sys::stat::stat("/").unwrap();
        (stat.st_ctime, stat.st_mtime, stat.st_size) = (ctime, ctime, 1);
        stat
    }

    #[test]
    fn a_round_tells_of_what_is_new_or_changed_or_too_recent_to_know() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let (old, recent) = (stat(now - 100), stat(now));
        let mut polling = Polling::new(Duration::from_secs(1));
        let mut round = polling.start_round();
        assert!(round.is_news(Path::new("/old"), &old) && round.is_news(Path::new("/recent"), &recent));
        polling.finish_round(Some(round));
        let mut round = polling.start_round();
        assert!(!round.is_news(Path::new("/old"), &old), "known");
        assert!(round.is_news(Path::new("/other"), &old), "another name");
        assert!(round.is_news(Path::new("/recent"), &recent), "may have changed within its timestamp");
        let mut larger = old;
        larger.st_size = 2;
        assert!(round.is_news(Path::new("/old"), &larger), "another size");
    }
}
