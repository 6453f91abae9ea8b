//! Forgets old scans. The latest scan of a file that is there, and everything about a file that is held, is never forgotten.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::words::word;
use super::{HoldState, StoreError, Writer};

/// Scans forgotten in one transaction, so that others can write in between.
const BATCH: i64 = 5_000;

impl Writer {
    /// Forgets the scans that began more than `keep_days` days ago and are of files that are gone or were scanned anew; 0 forgets
    /// nothing. Answers how many.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn prune(&mut self, keep_days: u32) -> Result<usize, StoreError> {
        if keep_days == 0 {
            return Ok(0);
        }
        let age = SignedDuration::from_hours(24 * i64::from(keep_days));
        let before = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN).as_microsecond();
        let mut forgotten = 0;
        loop {
            let batch = self.transaction("forget old scans", |t| prune_batch(t, before))?;
            forgotten += batch;
            if batch == 0 {
                break;
            }
        }
        self.transaction("forget what belonged to old scans", sweep)?;
        Ok(forgotten)
    }
}

fn prune_batch(t: &Transaction<'_>, before: i64) -> rusqlite::Result<usize> {
    let ended = [HoldState::Restored, HoldState::Deleted, HoldState::Failed].map(|state| word(&state));
    t.execute("CREATE TEMP TABLE IF NOT EXISTS old (id INTEGER PRIMARY KEY)", [])?;
    t.execute("DELETE FROM old", [])?;
    let count = t.execute(
        "INSERT INTO old SELECT id FROM scan WHERE started_us < ?1
             AND NOT EXISTS (SELECT 1 FROM file WHERE file.scan = scan.id)
             AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.scan = scan.id AND hold.state NOT IN (?2, ?3, ?4))
         LIMIT ?5",
        params![before, ended[0], ended[1], ended[2], BATCH],
    )?;
    t.execute("DELETE FROM hold WHERE scan IN (SELECT id FROM old)", [])?;
    t.execute("DELETE FROM scan WHERE id IN (SELECT id FROM old)", [])?;
    Ok(count)
}

fn sweep(t: &Transaction<'_>) -> rusqlite::Result<()> {
    t.execute("DELETE FROM incident WHERE NOT EXISTS (SELECT 1 FROM scan WHERE scan.incident = incident.id)", [])?;
    t.execute("DELETE FROM name WHERE NOT EXISTS (SELECT 1 FROM scan WHERE scan.path = name.target)", [])?;
    let unused = "DELETE FROM version WHERE NOT EXISTS (SELECT 1 FROM scan WHERE scan.version = version.id)
        AND NOT EXISTS (SELECT 1 FROM known WHERE known.version = version.id)";
    t.execute(unused, []).map(drop)
}
