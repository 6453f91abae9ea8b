//! One worker process: started, greeted, watched until it ends, killed when dropped.
//!
//! A task of its own waits for each process, so that none stays behind as a zombie, whoever loses interest in it first. What a worker
//! wrote to standard error becomes part of the reason for its end, made printable and cut.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::timeout;

use super::channel::{self, Channel};
use super::{ARGUMENTS, Executable};
use crate::report::printable;

/// Bytes of standard error that are read of a worker that has ended.
const MAX_LAST_WORDS_BYTES: usize = 2048;
/// How long the pipe of an ended process is read; only a process that it left behind could keep it open.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(200);

/// The processes that are there now, for people to see and for shutdown to wait for.
#[derive(Debug, Default)]
pub(super) struct Living {
    pids: Mutex<BTreeSet<u32>>,
    changed: Notify,
}

impl Living {
    /// The process ids.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.lock().iter().copied().collect()
    }

    /// Waits until none is left.
    pub(super) async fn none_left(&self) {
        loop {
            let changed = self.changed.notified();
            if self.lock().is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<u32>> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    /// Never sent on: its end is the order to kill.
    _kill: oneshot::Sender<()>,
    ended: watch::Receiver<Option<String>>,
}

impl Process {
    /// Starts `executable` as a worker, with nothing but one end of a socket, whose other end is returned.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn start(executable: &Executable, living: &Arc<Living>) -> io::Result<(Self, Channel)> {
        let (ours, theirs) = channel::pair()?;
        let channel = Channel::new(ours)?;
        let mut child = Command::from(command(executable, theirs)).kill_on_drop(true).spawn()?;
        let pid = child.id().unwrap_or_default();
        let last_words = child.stderr.take();
        let (kill, killed) = oneshot::channel();
        let (end, ended) = watch::channel(None);
        living.lock().insert(pid);
        let living = Arc::clone(living);
        tokio::spawn(async move {
            let how = attend(child, last_words, killed).await;
            living.lock().remove(&pid);
            living.changed.notify_waiters();
            drop(end.send(Some(how)));
        });
        Ok((Self { _kill: kill, ended }, channel))
    }

    /// How the process ended, for a sentence that begins with "the worker"; `None` when it has not ended within `patience`.
    pub(super) async fn how_it_ended(&mut self, patience: Duration) -> Option<String> {
        let ended = timeout(patience, self.ended.wait_for(Option::is_some)).await.ok()?;
        ended.ok()?.clone()
    }
}

/// The command for a worker: nothing inherited but the socket as standard input and a pipe as standard error.
pub(super) fn command(executable: &Executable, socket: std::os::fd::OwnedFd) -> std::process::Command {
    let mut command = std::process::Command::new(executable.path());
    command.args(ARGUMENTS).env_clear().current_dir("/").process_group(0);
    command.stdin(socket).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Waits for the end of a process, or for the order to kill it; either way it is reaped here.
async fn attend(mut child: Child, last_words: Option<ChildStderr>, killed: oneshot::Receiver<()>) -> String {
    let status = tokio::select! {
        status = child.wait() => status,
        _ = killed => {
            if let Err(error) = child.start_kill() {
                tracing::warn!(%error, "a worker could not be killed; does the daemon have CAP_KILL?");
            }
            child.wait().await
        }
    };
    let words = match last_words {
        Some(pipe) => read(pipe).await,
        None => String::new(),
    };
    match status {
        Ok(status) => describe(status, &words),
        Err(error) => format!("cannot be waited for: {error}"),
    }
}

async fn read(pipe: ChildStderr) -> String {
    let mut bytes = Vec::new();
    drop(timeout(LAST_WORDS_WAIT, pipe.take(MAX_LAST_WORDS_BYTES as u64).read_to_end(&mut bytes)).await);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `was killed by SIGSYS: last words`.
pub(super) fn describe(status: ExitStatus, last_words: &str) -> String {
    let end = match (status.signal().map(Signal::try_from), status.code()) {
        (Some(Ok(signal)), _) => format!("was killed by {signal}{}", meaning(signal)),
        (Some(Err(_)), _) => format!("was killed ({status})"),
        (None, Some(code)) => format!("exited with status {code}"),
        (None, None) => status.to_string(),
    };
    let words = printable(last_words.trim(), MAX_LAST_WORDS_BYTES).replace("\\n", " ");
    if words.is_empty() { end } else { format!("{end}: {words}") }
}

/// What the signals mean that confinement sends.
fn meaning(signal: Signal) -> &'static str {
    match signal {
        Signal::SIGSYS => " (it made a forbidden system call)",
        Signal::SIGXCPU => " (it used up its processor time)",
        Signal::SIGKILL => " (by the kernel or by an administrator; perhaps memory ran out)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_described_for_people_and_last_words_cannot_forge_a_line() {
        assert_eq!(describe(ExitStatus::from_raw(6), ""), "was killed by SIGABRT");
        assert_eq!(describe(ExitStatus::from_raw(101 << 8), "a\nb\u{1b}[0m"), "exited with status 101: a b\\u{1b}[0m");
        assert!(describe(ExitStatus::from_raw(31), "").contains("SIGSYS"));
        assert!(describe(ExitStatus::from_raw(6), &"x".repeat(9000)).len() < 3000);
    }
}
