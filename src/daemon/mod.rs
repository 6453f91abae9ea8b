//! The daemon: wires the way of a file together and keeps it going.
//!
//! One loop on one thread takes events, requests, signals and finished files in turn; scanning happens in the workers, records and
//! acts in the recorder's thread. Nothing in the loop waits for a disk.

pub mod control;
mod instance;
pub mod log;
mod notify;
mod pipeline;
mod progress;
mod queue;
mod recorder;
mod service;
mod setup;
mod signals;
mod sync;

pub use service::{Options, watch};
