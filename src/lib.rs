//! modelscand guards a machine against machine-learning model files that run code when they are loaded.
//!
//! # The way of a file
//!
//! ```text
//! watch ──event──> daemon/queue ──descriptor──> worker ══ confined ══ scan ──> formats ──> rules
//!                                                 │ report
//!                                                 ▼
//!                                    policy ──> action ──> store ──> alert
//! ```
//!
//! A file travels this way once; no step calls back into an earlier one. `modelscand scan PATH` takes the same way with a walk in
//! place of [`watch`] and [`render`] in place of action, store and alert.
//!
//! # The rooms, upper ones use lower ones only
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`cli`] | the command line: reads arguments, calls below, prints through render |
//! | [`daemon`], [`render`] | wires the way together; forms of output |
//! | [`watch`], [`worker`], [`action`], [`alert`], [`store`] | where files come from; the process boundary; what is done; who is told; what is remembered |
//! | [`caches`], [`policy`], [`config`] | what a path in a cache means; what to do about a report; the configuration |
//! | [`scan`] | the engine: bytes in, findings out |
//! | [`report`], [`identity`], [`status`] | the words that everything else speaks |
//! | `sys` | the only unsafe code |

pub mod action;
pub mod alert;
pub mod caches;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod identity;
pub mod policy;
pub mod render;
pub mod report;
pub mod scan;
pub mod status;
pub mod store;
mod sys;
pub mod watch;
pub mod worker;
