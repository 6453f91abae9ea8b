//! A worker that is ready: its process, its channel, and what it may still be used for.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::Trouble;
use super::answer::Answer;
use super::channel::{Broken, Channel};
use super::process::Process;
use super::protocol::{self, MAX_NAME_BYTES, ToWorker};
use crate::scan::Hints;

/// Scans after which a worker is replaced, so that nothing that one file has left behind lasts for ever.
const MAX_SCANS: u64 = 1000;
/// How long a worker that has closed its socket may take to end by itself before it is killed.
const END_WAIT: Duration = Duration::from_secs(1);

/// A worker that has said hello.
#[derive(Debug)]
pub(super) struct Worker {
    process: Process,
    channel: Channel,
    scans: u64,
    /// Makes a number that cannot be guessed of each scan, so that a worker cannot answer for a file that it has not been given.
    secret: RandomState,
    worked: Duration,
    /// Time at work after which it is replaced; its limit of processor time lies above.
    most_work: Duration,
}

impl Worker {
    /// A worker that has done nothing yet.
    pub(super) fn new(process: Process, channel: Channel, most_work: Duration) -> Self {
        Self { process, channel, scans: 0, secret: RandomState::new(), worked: Duration::ZERO, most_work }
    }

    /// The number of its next scan.
    pub(super) fn next_id(&self) -> u64 {
        self.secret.hash_one(self.scans)
    }

    /// Whether it can take a file now.
    pub(super) fn is_ready(&self) -> bool {
        self.scans < MAX_SCANS && self.worked < self.most_work && self.channel.is_quiet()
    }

    /// Has one file scanned and collects what is said about it in `answer`.
    ///
    /// # Errors
    /// When the worker fails; it must then be dropped.
    pub(super) async fn scan(&mut self, file: &OwnedFd, hints: &Hints, answer: &mut Answer) -> Result<(), Trouble> {
        let start = Instant::now();
        let outcome = self.exchange(file, hints, answer).await;
        self.scans += 1;
        self.worked = self.worked.saturating_add(start.elapsed());
        match outcome {
            Ok(()) => Ok(()),
            Err(Broken::Nonsense(nonsense)) => Err(Trouble::Nonsense(nonsense.to_string())),
            Err(Broken::Closed) => {
                let end = self.process.how_it_ended(END_WAIT).await;
                Err(Trouble::Died(end.unwrap_or_else(|| "closed its socket in the middle of a scan".to_owned())))
            }
        }
    }

    async fn exchange(&mut self, file: &OwnedFd, hints: &Hints, answer: &mut Answer) -> Result<(), Broken> {
        let request = protocol::encode(&ToWorker::Scan { id: self.next_id(), hints: bounded(hints) })?;
        self.channel.send(&request, Some(file.as_fd())).await.map_err(|_: io::Error| Broken::Closed)?;
        while !answer.take(self.channel.receive().await?)? {}
        Ok(())
    }
}

/// Hints whose texts surely fit into a message.
fn bounded(hints: &Hints) -> Hints {
    let mut hints = hints.clone();
    let end = hints.name.floor_char_boundary(MAX_NAME_BYTES);
    hints.name.truncate(end);
    hints
}
