//! Carries out a decision: takes a file out of reach, and gives it back.
//!
//! A privileged process acts here in folders that other users can write. So nothing trusts a path twice: a file is the descriptor
//! that was scanned, a folder is the descriptor that it was opened in, and a name is taken away only after a look at the inode
//! that it led to. What is about to be done is on the disk (`store`) before it is done; [`Vault::recover`] repairs what a crash
//! cut short. No step overwrites anything, and nothing is deleted but by [`Vault::delete`] and [`Vault::prune`].
//!
//! The order of a quarantine: record the intent; mode 000 and our owner on the inode, which holds for all its names; pin the inode
//! into the vault by a link from the descriptor; take the name away; hash; record the result. Where the vault is on another file
//! system, a verified copy takes the place of the link.

mod attributes;
mod copy;
mod error;
mod export;
mod failpoint;
mod lock;
mod note;
mod open;
mod own;
mod quarantine;
mod recover;
mod restore;
mod take;
mod vault;

#[cfg(test)]
mod tests;

pub use error::ActionError;
pub use export::EXPORT_PASSWORD;
pub use lock::{Locked, lock, unlock};
pub use open::{OpenError, Opened, open_for_scan};
pub use own::{is_ours, may_be_ours};
pub use quarantine::{Facts, Quarantined};
pub use recover::Recovered;
pub use restore::{Restore, Restored, To, Trust};
pub use vault::Vault;

/// The beginning of the names of folders that an act makes in a watched folder for a moment. They hold nothing to scan.
pub const HOLDING_PREFIX: &str = ".modelscand-";
/// The end of the names of notes that say why a file is gone.
pub const NOTE_SUFFIX: &str = ".quarantined.txt";
