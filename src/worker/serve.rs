//! The worker's side: take the settings, lock down, then scan one file after the other until the daemon closes the socket.
//!
//! This is the only place where the bytes of a file meet the engine. It runs as `modelscand worker`, with the socket as its
//! standard input. What it writes to standard error are last words, which the daemon shows as the reason of a worker's death.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::rc::Rc;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{MsgFlags, SockType, getsockopt, send, sockopt};

use super::protocol::{self, FromWorker, MAX_MESSAGE_BYTES, Nonsense, SaidCoverage, SaidFinding, Setup, ToWorker};
use super::{ARGUMENTS, lockdown};
use crate::report::Finding;
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints};
use crate::sys;

/// A worker whose peak of memory grew by this many KiB is not used again, so that an idle one stays small.
const MAX_GROWTH_KIB: i64 = 32 * 1024;
/// As the command line's exit code for wrong usage.
const WRONG_USAGE: u8 = 4;

/// Why a worker stops before its socket is closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("cannot talk to the daemon: {0}")]
    Socket(#[from] io::Error),
    #[error("the daemon and this worker do not understand each other: {0}")]
    Nonsense(#[from] Nonsense),
}

/// The hidden subcommand. Call it before anything else in `main`, while the process has one thread and no open file.
pub fn main() -> ExitCode {
    let is_asked_for = std::env::args_os().skip(1).eq(ARGUMENTS);
    let on_a_socket = getsockopt(&io::stdin(), sockopt::SockType).is_ok_and(|kind| kind == SockType::SeqPacket);
    if !is_asked_for || !on_a_socket {
        eprintln!(
            "modelscand worker: this is for modelscand itself, which starts workers when it scans. Try `modelscand scan`."
        );
        return ExitCode::from(WRONG_USAGE);
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("{stop}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Stop> {
    leave_endings_to_the_daemon()?;
    let Some((setup, allowed)) = receive_settings()? else { return Ok(()) };
    let engine = Engine::new(setup.limits.clone(), rules(allowed)?);
    // What the library asks of the machine, it asks now; where it does not start, HDF5 files are unscannable and say so.
    #[cfg(feature = "hdf5")]
    let _ = sys::hdf5::start();
    let missing = lockdown::lock_down(&setup);
    say(&FromWorker::Hello { version: protocol::VERSION, missing })?;
    let peak_at_start = peak_kib();
    while let Some((message, file)) = receive()? {
        let (ToWorker::Scan { id, hints }, Some(file)) = (message, file) else {
            return Err(Nonsense("not a file to scan".to_owned()).into());
        };
        let done = scan(&engine, id, &hints, file)?;
        // The peak at the start is that of the process that started this one, where that was larger: growth is what tells.
        if peak_kib() - peak_at_start > MAX_GROWTH_KIB {
            say(&FromWorker::Spent { id })?;
        }
        say(&done)?;
    }
    Ok(())
}

/// Holds off the signals that a terminal or a service manager sends to all processes of a service: the daemon, which gets them too,
/// ends its scans in order. A worker ends with its socket, or by SIGKILL.
fn leave_endings_to_the_daemon() -> io::Result<()> {
    let held_off: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect();
    Ok(held_off.thread_block()?)
}

/// Everything that comes before the lock-down; `None` when the daemon has gone again.
fn receive_settings() -> Result<Option<(Setup, Vec<String>)>, Stop> {
    let mut allowed = Vec::new();
    while let Some((message, _)) = receive()? {
        match message {
            ToWorker::Allow(some) => allowed.extend(some),
            ToWorker::Setup(setup) if setup.version == protocol::VERSION => return Ok(Some((setup, allowed))),
            _ => return Err(Nonsense("not the settings, or of another version".to_owned()).into()),
        }
    }
    Ok(None)
}

/// Scans one file. Findings are said as they come; what is returned is to be said last.
fn scan(engine: &Engine, id: u64, hints: &Hints, file: OwnedFd) -> Result<FromWorker, Stop> {
    #[cfg(feature = "misbehave")]
    super::misbehave::misbehave(id, hints);
    // C code that reads HDF5 may be taken over by a file: said before, as a worker that was could keep it to itself.
    #[cfg(feature = "hdf5")]
    sys::hdf5::before_use(move || drop(say(&FromWorker::Spent { id })));
    let mut said = Ok(());
    let mut observe = |finding: &Finding| {
        if said.is_ok() {
            said = say(&FromWorker::Finding { id, finding: SaidFinding::from(finding) });
        }
    };
    let report = engine.scan(Rc::new(File::from(file)), hints, &mut observe);
    said?;
    Ok(FromWorker::Done {
        id,
        formats: report.formats,
        coverage: SaidCoverage::from(&report.coverage),
        findings_dropped: report.findings_dropped,
        bytes_read: report.bytes_read,
    })
}

fn rules(allowed: Vec<String>) -> Result<Rules, Nonsense> {
    Rules::builtin().with_allowed(allowed).map_err(|error| Nonsense(error.to_string()))
}

/// Sends one message to the daemon.
pub(super) fn say(message: &FromWorker) -> Result<(), Stop> {
    let bytes = protocol::encode(message)?;
    send(io::stdin().as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL).map_err(io::Error::from)?;
    Ok(())
}

/// The daemon's next message and the file with it; `None` when it has closed the socket.
fn receive() -> Result<Option<(ToWorker, Option<OwnedFd>)>, Stop> {
    let mut buffer = vec![0; MAX_MESSAGE_BYTES];
    let message = sys::descriptors::receive(io::stdin().as_fd(), &mut buffer)?;
    match buffer.get(..message.bytes).unwrap_or_default() {
        [] => Ok(None),
        bytes => Ok(Some((protocol::decode(bytes)?, message.descriptors.into_iter().next()))),
    }
}

/// The most memory that this process has had at once, in KiB.
fn peak_kib() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss())
}
