//! The one thread that writes the history and acts on files: SQLite and the vault block, the daemon's loop must not.
//!
//! A record is committed before the act that it describes, and the act's end before anybody is told. Requests are served in their
//! order; what is unchanged is answered from the narrow table of known files.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::action::{self, ActionError, Facts, Opened, Vault};
use crate::alert::Outcome;
use crate::caches::Origin;
use crate::config::{Config, Decision};
use crate::identity::Identity;
use crate::report::Report;
use crate::store::{AllowEntry, HoldId, Known, NewScan, ScanId, StoreError, Writer};

/// Requests that wait at most; senders then wait, which slows scanning down to what the disk takes.
const MAX_WAITING: usize = 1024;

/// The handle on the thread. Cheap to clone.
#[derive(Clone)]
pub(super) struct Recorder {
    requests: mpsc::SyncSender<Request>,
}

/// A finished scan, to be recorded and acted upon.
pub(super) struct Finished {
    pub(super) scan: NewScan,
    /// The file; `None` where it could not be opened, so that there is nothing to act upon.
    pub(super) opened: Option<Opened>,
    /// Only record: the file changed while it was scanned, and is scanned again.
    pub(super) changed: bool,
    pub(super) dry_run: bool,
    pub(super) lock_immutable: bool,
}

/// How long and how much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    pub(super) scans_days: u32,
    pub(super) vault_days: u32,
    /// 0 is no limit.
    pub(super) vault_bytes: u64,
}

impl Keep {
    pub(super) fn of(config: &Config) -> Self {
        let Config { history, vault, .. } = config;
        Self { scans_days: history.keep_days, vault_days: vault.keep_days, vault_bytes: vault.max_bytes }
    }
}

/// What became of a finished scan.
pub(super) struct Done {
    pub(super) scan: ScanId,
    pub(super) outcome: Outcome,
    /// The file was not what had been scanned any more: it must be scanned again.
    pub(super) changed: bool,
}

enum Request {
    Known {
        identity: Identity,
        engine: String,
        rules: String,
        reply: oneshot::Sender<Result<Option<Known>, StoreError>>,
    },
    Finish {
        finished: Box<Finished>,
        reply: oneshot::Sender<Result<Done, StoreError>>,
    },
    AddName {
        target: PathBuf,
        name: PathBuf,
        origin: Box<Origin>,
    },
    Gone {
        path: PathBuf,
    },
    Allowed {
        reply: oneshot::Sender<Result<Vec<AllowEntry>, StoreError>>,
    },
    IsOurs {
        path: PathBuf,
        file: File,
        reply: oneshot::Sender<Result<bool, StoreError>>,
    },
    EndExpired {
        reply: oneshot::Sender<Result<usize, StoreError>>,
    },
    Prune {
        keep: Keep,
    },
}

/// The recorder has ended: the daemon is shutting down.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecorderError {
    #[error("the history is closed: the daemon is ending")]
    Ended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Recorder {
    /// Starts the thread. It ends when the last handle is dropped, after it has served what waits.
    pub(super) fn start(writer: Writer, vault: Vault, keep: Keep) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (requests, waiting) = mpsc::sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let mut desk = Desk { writer, vault, keep, batch: Vec::new(), without_note: WithoutNote::default() };
            while let Ok(first) = waiting.recv() {
                desk.serve(first);
                while desk.batch.len() < MAX_BATCH {
                    let Ok(next) = waiting.try_recv() else { break };
                    desk.serve(next);
                }
                desk.write_batch();
            }
        })?;
        Ok((Self { requests }, thread))
    }

    /// What is known of an unchanged file.
    pub(super) async fn known(
        &self,
        identity: Identity,
        engine: &str,
        rules: &str,
    ) -> Result<Option<Known>, RecorderError> {
        let (engine, rules) = (engine.to_owned(), rules.to_owned());
        self.ask(|reply| Request::Known { identity, engine, rules, reply }).await
    }

    /// Records a finished scan and does what was decided about the file.
    pub(super) async fn finish(&self, finished: Finished) -> Result<Done, RecorderError> {
        self.ask(|reply| Request::Finish { finished: Box::new(finished), reply }).await
    }

    /// The allow entries of the history.
    pub(super) async fn allowed(&self) -> Result<Vec<AllowEntry>, RecorderError> {
        self.ask(|reply| Request::Allowed { reply }).await
    }

    /// Records that `name` leads to the file at `target`.
    pub(super) fn add_name(&self, target: PathBuf, name: PathBuf, origin: Origin) {
        self.tell(Request::AddName { target, name, origin: Box::new(origin) });
    }

    /// Records that there is no file at `path` any more.
    pub(super) fn gone(&self, path: PathBuf) {
        self.tell(Request::Gone { path });
    }

    /// Whether `file`, found at `path`, is our own and nothing to scan.
    pub(super) async fn is_ours(&self, path: PathBuf, file: File) -> Result<bool, RecorderError> {
        self.ask(|reply| Request::IsOurs { path, file, reply }).await
    }

    /// Ends the allow entries whose time has come, and answers how many.
    pub(super) async fn end_expired(&self) -> Result<usize, RecorderError> {
        self.ask(|reply| Request::EndExpired { reply }).await
    }

    /// Forgets what is older, or more, than is to be kept.
    pub(super) fn prune(&self, keep: Keep) {
        self.tell(Request::Prune { keep });
    }

    /// Sends a request that has no answer. A full queue makes the loop wait; that is rare and short, and nothing is lost.
    fn tell(&self, request: Request) {
        if self.requests.send(request).is_err() {
            tracing::debug!("a record came after the history was closed");
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, RecorderError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).map_err(|_| RecorderError::Ended)?;
        Ok(answer.await.map_err(|_| RecorderError::Ended)??)
    }
}

/// Scans written in one transaction at most.
const MAX_BATCH: usize = 200;

type Reply = oneshot::Sender<Result<Done, StoreError>>;

/// What the thread works with.
struct Desk {
    writer: Writer,
    vault: Vault,
    keep: Keep,
    /// Scans that only need to be recorded, to be written together.
    batch: Vec<(Box<Finished>, Reply)>,
    without_note: WithoutNote,
}

/// The last files that were quarantined under a name that people do not know, so that no note could be left yet.
#[derive(Default)]
struct WithoutNote(VecDeque<(PathBuf, HoldId, Report)>);

impl WithoutNote {
    /// Files that are kept; the tools make a name within moments.
    const MAX: usize = 64;

    fn push(&mut self, path: PathBuf, hold: HoldId, report: Report) {
        self.0.truncate(Self::MAX - 1);
        self.0.push_front((path, hold, report));
    }

    fn take(&mut self, path: &Path) -> Option<(HoldId, Report)> {
        let index = self.0.iter().position(|(known, ..)| known == path)?;
        self.0.remove(index).map(|(_, hold, report)| (hold, report))
    }
}

impl Desk {
    fn serve(&mut self, request: Request) {
        match request {
            Request::Known { identity, engine, rules, reply } => {
                let _ = reply.send(self.writer.known(&identity, &engine, &rules));
            }
            Request::Finish { finished, reply } if !finished.acts() => self.batch.push((finished, reply)),
            Request::Finish { finished, reply } => {
                self.write_batch();
                let done = self.finish(*finished);
                let _ = reply.send(done);
            }
            Request::AddName { target, name, origin } => {
                self.write_batch();
                self.add_name(&target, &name, &origin);
            }
            Request::Gone { path } => log_failure("a file's end could not be recorded", self.writer.file_gone(&path)),
            Request::Allowed { reply } => {
                let _ = reply.send(self.writer.allow_list());
            }
            Request::IsOurs { path, file, reply } => {
                let _ = reply.send(action::is_ours(&self.writer, &path, &file));
            }
            Request::EndExpired { reply } => {
                let _ = reply.send(self.writer.end_expired());
            }
            Request::Prune { keep } => {
                self.keep = keep;
                self.prune();
            }
        }
    }

    /// Writes what waits in one transaction, and each by itself when that fails.
    fn write_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return;
        }
        let (finished, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match self.writer.record_many(finished.iter().map(|finished| &finished.scan)) {
            Ok(recorded) => {
                for ((finished, reply), recorded) in finished.into_iter().zip(replies).zip(recorded) {
                    let _ = reply.send(Ok(Done::told(recorded.scan, finished.outcome_without_act(), finished.changed)));
                }
            }
            Err(_) => {
                for (finished, reply) in finished.into_iter().zip(replies) {
                    let _ = reply.send(self.finish(*finished));
                }
            }
        }
    }

    fn finish(&mut self, finished: Finished) -> Result<Done, StoreError> {
        let scan = self.writer.record(&finished.scan)?.scan;
        let Some(opened) = finished.opened.as_ref().filter(|_| finished.acts()) else {
            return Ok(Done::told(scan, finished.outcome_without_act(), finished.changed));
        };
        let acted = match finished.scan.decision {
            Decision::Quarantine => self.quarantine(scan, &finished, opened),
            _ => self.lock(scan, &finished, opened),
        };
        Ok(match acted {
            Ok(outcome) => Done::told(scan, outcome, false),
            Err(error @ ActionError::Changed { .. }) => Done::told(scan, Outcome::Failed(error.to_string()), true),
            Err(error) => Done::told(scan, Outcome::Failed(error.to_string()), false),
        })
    }

    /// Into the vault; where that fails, out of reach in its place.
    fn quarantine(&mut self, scan: ScanId, finished: &Finished, opened: &Opened) -> Result<Outcome, ActionError> {
        let Finished { scan: NewScan { report, origin, path, .. }, .. } = finished;
        let names = self.writer.names_of(path)?;
        let facts = Facts { scan, report, origin, names: &names };
        match self.vault.quarantine(&mut self.writer, opened, &facts) {
            Ok(taken) => {
                self.prune_to_size();
                if taken.note.is_none() {
                    self.without_note.push(path.clone(), taken.id, report.clone());
                }
                Ok(Outcome::Quarantined { id: taken.id.0 })
            }
            Err(error @ (ActionError::Changed { .. } | ActionError::Vanished { .. })) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "a file could not be moved into the vault; it is locked instead");
                self.lock(scan, finished, opened).map_err(|_| error)
            }
        }
    }

    fn lock(&mut self, scan: ScanId, finished: &Finished, opened: &Opened) -> Result<Outcome, ActionError> {
        action::lock(&mut self.writer, opened, scan, finished.lock_immutable)
            .map(|locked| Outcome::Locked { id: locked.id.0 })
    }

    /// Records another name of a file. The hub makes a blob's name only after the blob: when that is in the vault by then, the note
    /// that says so is left beside the name.
    fn add_name(&mut self, target: &Path, name: &Path, origin: &Origin) {
        log_failure("a name could not be recorded", self.writer.add_name(target, name, origin));
        if let Some((hold, report)) = self.without_note.take(target) {
            self.vault.leave_note(&mut self.writer, hold, name, &report);
        }
    }

    fn prune(&mut self) {
        log_failure("old scans could not be forgotten", self.writer.prune(self.keep.scans_days).map(drop));
        let deleted = self.vault.prune(&mut self.writer, self.keep.vault_days);
        tell_deleted("they were kept for as long as `vault.keep_days` says", deleted);
        self.prune_to_size();
    }

    fn prune_to_size(&mut self) {
        let deleted = self.vault.prune_to_size(&mut self.writer, self.keep.vault_bytes);
        tell_deleted("the vault had more than `vault.max_bytes`", deleted);
    }
}

impl Finished {
    /// Whether the file itself is to be touched.
    fn acts(&self) -> bool {
        self.opened.is_some() && !self.changed && !self.dry_run && self.scan.decision >= Decision::Lock
    }

    fn outcome_without_act(&self) -> Outcome {
        match &self.opened {
            Some(_) if self.dry_run && self.scan.decision >= Decision::Lock => Outcome::DryRun,
            _ => Outcome::Told,
        }
    }
}

impl Done {
    fn told(scan: ScanId, outcome: Outcome, changed: bool) -> Self {
        Self { scan, outcome, changed }
    }
}

/// Nothing leaves the vault for good without a word.
fn tell_deleted(why: &str, deleted: Result<Vec<HoldId>, ActionError>) {
    match deleted {
        Ok(ids) if ids.is_empty() => {}
        Ok(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            tracing::warn!(holds = ids.join(" "), "quarantined files were deleted for good: {why}");
        }
        Err(error) => tracing::warn!(%error, "old files could not be deleted from the vault"),
    }
}

fn log_failure(what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "{what}");
    }
}
