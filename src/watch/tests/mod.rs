//! What a watcher promises, each promise on every backend.

mod arrivals;
mod histories;
mod places;
mod rig;
mod storms;
