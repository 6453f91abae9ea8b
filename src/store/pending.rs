//! Files that are still to be scanned and do not fit into the daemon's memory, so that a flood of events or a restart loses none.

use std::path::{Path, PathBuf};

use super::rows::{bytes_of, to_path};
use super::{StoreError, Writer};

impl Writer {
    /// Remembers files to scan. One that is there already stays once.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn pending_add<'a>(&mut self, paths: impl IntoIterator<Item = &'a Path>) -> Result<(), StoreError> {
        self.transaction("remember files to scan", |t| {
            let mut insert = t.prepare_cached("INSERT OR IGNORE INTO pending (path) VALUES (?1)")?;
            paths.into_iter().try_for_each(|path| insert.execute([bytes_of(path)]).map(drop))
        })
    }

    /// Up to `limit` files to scan. They stay remembered until [`Writer::pending_done`].
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Sqlite`.
    pub fn pending(&self, limit: usize) -> Result<Vec<PathBuf>, StoreError> {
        let list = || {
            self.connection
                .prepare_cached("SELECT path FROM pending LIMIT ?1")?
                .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| Ok(to_path(&row.get::<_, Vec<u8>>(0)?)))?
                .collect::<rusqlite::Result<_>>()
        };
        list().map_err(StoreError::during(&self.path, "list files to scan"))
    }

    /// Forgets files that were scanned, or that are gone.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn pending_done<'a>(&mut self, paths: impl IntoIterator<Item = &'a Path>) -> Result<(), StoreError> {
        self.transaction("forget scanned files", |t| {
            let mut delete = t.prepare_cached("DELETE FROM pending WHERE path = ?1")?;
            paths.into_iter().try_for_each(|path| delete.execute([bytes_of(path)]).map(drop))
        })
    }
}
