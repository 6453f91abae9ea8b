//! What acting promises, seen from outside: contents.
//!
//! - `quarantine`, `restore`, `locking`, `vault`: what each act does and refuses;
//! - `crash`: the process is killed at every step, and the next start repairs it;
//! - `full`: no space, no permission to write;
//! - `attacks`: somebody swaps files and folders while we act;
//! - `world`: a folder, a vault and a history to act in.

mod attacks;
mod crash;
mod export;
mod full;
mod locking;
mod own;
mod quarantine;
mod restore;
mod vault;
mod world;
