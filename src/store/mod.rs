//! What modelscand remembers: every scan, what was done about it, and what lies in the vault.
//!
//! One SQLite file in WAL mode. A [`Writer`] changes it (the daemon has one; commands that act open another for a moment), any
//! number of [`Reader`]s ask it questions, also while it is written and when nothing runs. Nothing here opens, judges or touches a
//! scanned file. Paths are kept as the bytes that the kernel gave; what is printed of them is escaped.

mod allow;
mod connection;
mod error;
mod holds;
mod incidents;
mod known;
mod pending;
mod prune;
mod reader;
mod records;
mod rows;
mod schema;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use connection::Repaired;
pub use error::StoreError;
pub use reader::{Filter, Reader};
pub use records::{
    ActionRecord, AllowEntry, AllowSubject, Attributes, Counts, Hold, HoldId, HoldKind, HoldState, Incident, Known,
    Name, NewAllow, NewHold, NewScan, Outcome, Recorded, ScanDetail, ScanId, ScanSummary, Sha256,
};
pub use writer::Writer;

/// The longest printable form of a path that is kept or printed, in bytes. The bytes of the path itself are kept whole.
pub const MAX_PATH_TEXT_BYTES: usize = 16 * 1024;
