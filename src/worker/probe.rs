//! What holds on this machine: starts one worker, asks, and ends it again. Needs no runtime.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{MsgFlags, send, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::channel::{self, Broken};
use super::measure::{Measure, MeasureName};
use super::process::{command, describe};
use super::protocol::FromWorker;
use super::start::{HELLO_WAIT, greeting, missing};
use super::{Executable, WorkerError};
use crate::config;

/// Which measures hold in a worker of this program on this machine, all of them, in the order in which they are taken.
///
/// # Errors
/// When no worker comes up at all.
pub fn confinement(executable: &Executable) -> Result<Vec<Measure>, WorkerError> {
    let greeting = greeting(&config::Scan::default(), &config::Sandbox::default(), &[])?;
    let missing = ask(executable, &greeting)?;
    let holds = |name| match missing.iter().find(|(missing, _)| *missing == name) {
        Some((_, why)) => Err(why.clone()),
        None => Ok(()),
    };
    Ok(MeasureName::ALL.map(|name| Measure { name, holds: holds(name) }).into())
}

/// The measures that do not hold.
///
/// # Errors
/// When no worker comes up.
pub(super) fn ask(executable: &Executable, greeting: &[Vec<u8>]) -> Result<Vec<(MeasureName, String)>, WorkerError> {
    let failed = |error: io::Error| WorkerError::Start(error.to_string());
    let (ours, theirs) = channel::pair().map_err(failed)?;
    let mut child = command(executable, theirs).spawn().map_err(failed)?;
    let hello = greet(&ours, greeting);
    drop((child.kill(), ours));
    let end = child.wait_with_output().map_err(failed)?;
    match hello {
        Ok(hello) => missing(hello).map_err(WorkerError::Start),
        Err(Broken::Nonsense(nonsense)) => Err(WorkerError::Start(nonsense.to_string())),
        Err(Broken::Closed) => {
            Err(WorkerError::Start(format!("it {}", describe(end.status, &String::from_utf8_lossy(&end.stderr)))))
        }
    }
}

fn greet(socket: &OwnedFd, greeting: &[Vec<u8>]) -> Result<FromWorker, Broken> {
    let wait = TimeVal::seconds(HELLO_WAIT.as_secs().cast_signed());
    setsockopt(socket, sockopt::ReceiveTimeout, &wait).map_err(|_| Broken::Closed)?;
    for message in greeting {
        send(socket.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL).map_err(|_| Broken::Closed)?;
    }
    channel::receive_one(socket)
}
