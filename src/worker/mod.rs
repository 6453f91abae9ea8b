//! The process boundary: files are parsed in confined processes, and what those say is not believed further than it can be checked.
//!
//! A [`Pool`] runs this same program as `modelscand worker`, a few processes at most, and passes each file to one of them as a
//! read-only descriptor. A worker has locked itself down (see [`confinement`]) before it sees the first byte of a file. It answers
//! with findings, one a message; the report and its verdict are made on this side. A worker that dies, hangs, grows or talks
//! nonsense is killed: its file becomes `unscannable` and the next one gets a new worker.
//!
//! Nothing here decides what to do about a file, and nothing here opens one: not even the worker can.

mod answer;
mod channel;
mod executable;
mod lockdown;
mod measure;
#[cfg(feature = "misbehave")]
mod misbehave;
mod pool;
mod probe;
mod process;
mod protocol;
mod schedule;
mod seccomp;
mod serve;
mod start;
mod syscalls;
mod warm;

use std::time::Duration;

pub use executable::Executable;
pub use measure::{Measure, MeasureName};
pub use pool::Pool;
pub use probe::confinement;
pub use serve::main;

use crate::report::Report;

/// The hidden subcommand, and the argument that keeps people and other programs from starting it by accident.
const ARGUMENTS: [&str; 2] = ["worker", "--socket-on-stdin"];

/// What came of one file.
#[derive(Debug)]
pub struct Scanned {
    /// What was found. Where the worker failed: what it had said until then, and a coverage that says why there is no more.
    pub report: Report,
    /// From the moment that a worker was free for it to the report.
    pub duration: Duration,
    /// What went wrong with the worker, when that is why the report is not complete.
    pub trouble: Option<Trouble>,
}

/// Why a worker gave no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The process ended in the middle of a scan.
    #[error("the worker {0}")]
    Died(String),
    /// The scan took longer than `scan.time_limit_s`.
    #[error("the scan took longer than {} s (scan.time_limit_s) and was ended", .0.as_secs())]
    TooSlow(Duration),
    /// The worker said something that it must not say.
    #[error("the worker answered nonsense: {0}")]
    Nonsense(String),
    /// No worker could be started; says nothing about the file.
    #[error("no worker could be started: {0}")]
    NotStarted(String),
    /// The pool was shut down before the scan was done; says nothing about the file.
    #[error("the scan was ended because modelscand is shutting down")]
    ShutDown,
    /// The descriptor handed to the pool is not one that a worker may have.
    #[error("the file was opened for more than reading, and is not given to a worker")]
    NotReadOnly,
}

impl Trouble {
    /// Whether it is the file that this happened to, so that scanning the same bytes again is of no use.
    pub fn is_of_the_file(&self) -> bool {
        matches!(self, Self::Died(_) | Self::TooSlow(_) | Self::Nonsense(_))
    }
}

/// Why there can be no workers.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// This program's own file cannot be opened.
    #[error("cannot open the program itself ({path}) to run it as a worker: {source}; is /proc mounted?")]
    Executable {
        /// What was opened.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A worker could not be started or did not come up.
    #[error("a worker could not be started: {0}")]
    Start(String),
    /// `sandbox.require` is set and a part of the confinement does not hold.
    #[error(
        "sandbox.require is set, and this machine does not give: {missing}; see `modelscand doctor`, or set sandbox.require = false"
    )]
    Unconfined {
        /// The measures that do not hold, with what to do about each.
        missing: String,
    },
    /// An allow entry is not one.
    #[error("cannot use an allow entry of the configuration: {0}")]
    Allow(String),
}
