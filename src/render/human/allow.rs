//! `modelscand allow list` for people.

use std::io::{self, Write};

use comfy_table::Cell;

use super::{moment, table};
use crate::config::Allow;
use crate::report::printable;
use crate::store::{AllowEntry, AllowSubject};

/// The longest reason that is printed, in bytes.
const MAX_REASON_BYTES: usize = 400;

/// Prints the entries of the history, then those of the configuration.
///
/// # Errors
/// When `to` cannot be written.
pub fn list(to: &mut dyn Write, entries: &[AllowEntry], configured: &[Allow]) -> io::Result<()> {
    if entries.is_empty() && configured.is_empty() {
        return writeln!(to, "Nothing is allowed by hash or by name.");
    }
    let mut rows = table::new(&["ID", "Allowed", "Reason", "By", "Since", "Until"]);
    for entry in entries {
        let subject = match &entry.subject {
            AllowSubject::Sha256(hash) => hash.to_string(),
            AllowSubject::Callable(name) => printable(name, MAX_REASON_BYTES),
        };
        rows.add_row([
            entry.id.to_string(),
            subject,
            printable(&entry.reason, MAX_REASON_BYTES),
            printable(&entry.author, MAX_REASON_BYTES),
            moment(entry.at),
            until(entry),
        ]);
    }
    for entry in configured {
        let subject = entry.callable.as_ref().or(entry.sha256.as_ref()).map(String::as_str).unwrap_or_default();
        let (subject, reason) = (printable(subject, MAX_REASON_BYTES), printable(&entry.reason, MAX_REASON_BYTES));
        rows.add_row(["-", &subject, &reason, "configuration", "-", "-"].map(Cell::new));
    }
    table::write(to, &rows)
}

fn until(entry: &AllowEntry) -> String {
    match (entry.removed_at, entry.expires_at) {
        (Some(at), _) => format!("removed {}", moment(at)),
        (None, Some(at)) => moment(at),
        (None, None) => "-".to_owned(),
    }
}
