//! The way of one file: opened through a descriptor, looked up, scanned by a worker, judged, recorded, acted upon, told.
//!
//! Everything after the opening goes by the descriptor and by the identity that it had before the first byte was read. A file that
//! changes on the way is recorded for what it was and comes again.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256 as Hasher};

use crate::action::{self, OpenError, Opened, open_for_scan};
use crate::alert::{Alert, Channels, Outcome};
use crate::caches::Origin;
use crate::config::{Config, Decision};
use crate::identity::Identity;
use crate::policy::{self, Judgement, Subject};
use crate::report::{PartialCause, Report, printable};
use crate::scan::Hints;
use crate::store::{AllowSubject, NewScan, Sha256};
use crate::worker::Pool;

use super::recorder::{Finished, Recorder, RecorderError};

/// What all files share, replaced as a whole on reload.
pub(super) struct Context {
    pub(super) config: Config,
    pub(super) pool: Pool,
    pub(super) recorder: Recorder,
    pub(super) channels: Channels,
    /// Versions that a known file must have been scanned with.
    pub(super) engine: String,
    pub(super) rules: String,
    /// Dangerous files that were told of although they are not on record.
    pub(super) told_unrecorded: RefCell<HashSet<PathBuf>>,
}

/// Such files that are told of one by one.
const MAX_TOLD_UNRECORDED: usize = 1000;

/// A file to be scanned.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) path: PathBuf,
    pub(super) origin: Origin,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Scanned and recorded.
    Scanned,
    /// Unchanged since an earlier scan.
    Known,
    /// Gone, or not a regular file: nothing to scan.
    Nothing,
    /// It changed on the way and is to be scanned again.
    Changed,
    /// It could not be recorded; it is to be tried again.
    Unrecorded,
}

impl Context {
    /// How many files may be on their way at once: enough that no worker waits.
    pub(super) fn places(&self) -> usize {
        self.pool.size().saturating_mul(2).saturating_add(2)
    }

    /// Takes one file its whole way.
    pub(super) async fn process(&self, job: &Job) -> End {
        if let Ok(metadata) = std::fs::symlink_metadata(&job.path)
            && matches!(self.known(&Identity::from(&metadata)).await, Ok(true))
        {
            return End::Known;
        }
        let path = job.path.clone();
        let opened = match tokio::task::spawn_blocking(move || open_for_scan(&path)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(OpenError::Vanished(_) | OpenError::Symlink(_) | OpenError::NotAFile { .. })) => {
                return End::Nothing;
            }
            Ok(Err(error)) => {
                let end = self.unreadable(job, &error).await;
                return end.unwrap_or_else(|error| unrecorded(job, &error));
            }
            Err(_) => return End::Nothing,
        };
        self.process_opened(job, opened).await.unwrap_or_else(|error| unrecorded(job, &error))
    }

    /// Whether the file with this identity is on record, by this engine with these rules. Asked of the name first, which spares the
    /// opening of what has not changed, and of the descriptor before a scan.
    async fn known(&self, identity: &Identity) -> Result<bool, RecorderError> {
        Ok(self.recorder.known(*identity, &self.engine, &self.rules).await?.is_some())
    }

    async fn process_opened(&self, job: &Job, opened: Opened) -> Result<End, RecorderError> {
        if action::may_be_ours(&job.path) && self.is_ours(job, &opened).await? {
            return Ok(End::Nothing);
        }
        if self.known(&opened.identity).await? {
            return Ok(End::Known);
        }
        let Ok(descriptor) = opened.file.try_clone() else { return Ok(End::Changed) };
        let started_at = Timestamp::now();
        let scanned = self.pool.scan(descriptor.into(), opened.identity.size, hints(&job.path)).await;
        if scanned.trouble.as_ref().is_some_and(|trouble| !trouble.is_of_the_file()) {
            return Ok(End::Unrecorded);
        }
        let changed = opened.file.metadata().map_or(true, |now| Identity::from(&now) != opened.identity);
        let (sha256, judgement) = self.judge(&scanned.report, job, &opened).await?;
        let scan = self.scan_of(job, opened.identity, scanned.report, judgement);
        let scan = NewScan { started_at, duration: scanned.duration, sha256, ..scan };
        self.finish(scan, Some(opened), changed).await
    }

    /// What policy says, with the hash of the content where an allow entry may know it.
    async fn judge(
        &self,
        report: &Report,
        job: &Job,
        opened: &Opened,
    ) -> Result<(Option<Sha256>, Judgement), RecorderError> {
        let policy = &self.config.policy;
        let owner = opened.file.metadata().map_or(0, |metadata| metadata.uid());
        let owner_name = if policy::needs_owner_name(policy) { name_of(owner).await } else { None };
        let (path, origin) = (job.path.as_path(), &job.origin);
        let subject = Subject { path, origin, owner, owner_name: owner_name.as_deref(), sha256: None, allowed: None };
        let judgement = policy::decide(report, &subject, policy);
        let needs_hash = policy::needs_hash(policy);
        if judgement.decision == Decision::Allow && !needs_hash {
            return Ok((None, judgement));
        }
        let allowed = self.allowed_files().await?;
        if allowed.is_empty() && !needs_hash {
            return Ok((None, judgement));
        }
        let Some(sha256) = hash(&opened.file).await else { return Ok((None, judgement)) };
        let reason = allowed.iter().find(|(known, _)| *known == sha256).map(|(_, reason)| reason.as_str());
        let hex = sha256.to_string();
        let subject = Subject { sha256: Some(&hex), allowed: reason, ..subject };
        Ok((Some(sha256), policy::decide(report, &subject, policy)))
    }

    /// Whether the file is a note or a passing file of our own.
    async fn is_ours(&self, job: &Job, opened: &Opened) -> Result<bool, RecorderError> {
        match opened.file.try_clone() {
            Ok(file) => self.recorder.is_ours(job.path.clone(), file).await,
            Err(_) => Ok(false),
        }
    }

    /// The files that are allowed by their content, in the configuration and in the history, each with the reason.
    async fn allowed_files(&self) -> Result<Vec<(Sha256, String)>, RecorderError> {
        let configured = self.config.allow.iter().filter_map(|allow| {
            let sha256 = allow.sha256.as_deref()?.parse().ok()?;
            Some((sha256, allow.reason.clone()))
        });
        let recorded = self.recorder.allowed().await?.into_iter().filter_map(|entry| match entry.subject {
            AllowSubject::Sha256(sha256) => Some((sha256, entry.reason)),
            AllowSubject::Callable(_) => None,
        });
        Ok(configured.chain(recorded).collect())
    }

    async fn finish(&self, scan: NewScan, opened: Option<Opened>, changed: bool) -> Result<End, RecorderError> {
        let policy = &self.config.policy;
        let (dry_run, lock_immutable) = (policy.dry_run, policy.lock_immutable);
        let alert = self.prepare_alert(&scan);
        let finished = Finished { scan, opened, changed, dry_run, lock_immutable };
        let done = match self.recorder.finish(finished).await {
            Ok(done) => done,
            Err(error) => {
                self.tell_unrecorded(alert, &error);
                return Err(error);
            }
        };
        let changed = changed || done.changed;
        if !changed && let Some(mut alert) = alert {
            alert.scan_id = done.scan.0;
            alert.outcome = done.outcome;
            self.channels.tell(&alert);
        }
        Ok(if changed { End::Changed } else { End::Scanned })
    }

    /// A dangerous file is told of also when the history cannot take it, once: nothing was done to it then.
    fn tell_unrecorded(&self, alert: Option<Alert>, error: &RecorderError) {
        let Some(mut alert) = alert else { return };
        let mut told = self.told_unrecorded.borrow_mut();
        if told.len() < MAX_TOLD_UNRECORDED && told.insert(alert.path.clone()) {
            alert.outcome = Outcome::Failed(error.to_string());
            self.channels.tell(&alert);
        }
    }

    fn prepare_alert(&self, scan: &NewScan) -> Option<Alert> {
        (scan.decision > Decision::Allow).then(|| Alert {
            scan_id: 0,
            path: scan.path.clone(),
            origin: scan.origin.clone(),
            report: scan.report.clone(),
            decision: scan.decision,
            outcome: Outcome::Told,
        })
    }

    /// A file that cannot be opened is on record as unscannable, so that it is told once and not at every walk.
    async fn unreadable(&self, job: &Job, error: &OpenError) -> Result<End, RecorderError> {
        let Ok(metadata) = std::fs::symlink_metadata(&job.path) else { return Ok(End::Nothing) };
        let report = Report::unscannable(PartialCause::Io, error.to_string());
        let subject = Subject {
            path: &job.path,
            origin: &job.origin,
            owner: metadata.uid(),
            owner_name: None,
            sha256: None,
            allowed: None,
        };
        let judgement = policy::decide(&report, &subject, &self.config.policy);
        let scan = self.scan_of(job, Identity::from(&metadata), report, judgement);
        self.finish(scan, None, false).await
    }

    fn scan_of(&self, job: &Job, identity: Identity, report: Report, judgement: Judgement) -> NewScan {
        NewScan {
            path: job.path.clone(),
            identity,
            origin: job.origin.clone(),
            report,
            started_at: Timestamp::now(),
            duration: Duration::ZERO,
            engine: self.engine.clone(),
            rules: self.rules.clone(),
            decision: judgement.decision,
            decided_by: judgement.reason,
            sha256: None,
        }
    }
}

/// The daemon tries again what it could not record.
fn unrecorded(job: &Job, error: &RecorderError) -> End {
    match error {
        RecorderError::Ended => End::Nothing,
        RecorderError::Store(error) => {
            let path = text(&job.path);
            tracing::error!(path, %error, "a scan could not be recorded; nothing was done to the file; it is tried again");
            End::Unrecorded
        }
    }
}

fn text(path: &Path) -> String {
    printable(&path.to_string_lossy(), 4096)
}

fn hints(path: &Path) -> Hints {
    Hints { name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default() }
}

/// The name of a user; asking for it may block on a directory service.
async fn name_of(uid: u32) -> Option<String> {
    let look_up = move || nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name);
    tokio::task::spawn_blocking(look_up).await.ok().flatten()
}

/// The SHA-256 of a file's content; `None` when it cannot be read.
async fn hash(file: &File) -> Option<Sha256> {
    let file = file.try_clone().ok()?;
    tokio::task::spawn_blocking(move || hash_blocking(&file).ok()).await.ok()?
}

fn hash_blocking(file: &File) -> io::Result<Sha256> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset) {
            Ok(0) => return Ok(Sha256(hasher.finalize().into())),
            Ok(n) => {
                hasher.update(buffer.get(..n).unwrap_or_default());
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
