//! A folder, a vault and a history to act in, and questions about them.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tempfile::TempDir;

use crate::action::{ActionError, Facts, Opened, Quarantined, Restore, Restored, To, Trust, Vault, open_for_scan};
use crate::caches::Origin;
use crate::config::Decision;
use crate::report::{Coverage, Finding, Report, Rule, Severity, Verdict};
use crate::store::{HoldId, HoldState, Name, NewScan, ScanId, Writer};

pub(super) const CONTENT: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";

/// Where the vault is, seen from the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    SameFileSystem,
    OtherFileSystem,
}

pub(super) struct World {
    _folders: Vec<TempDir>,
    /// Where the files are.
    pub files: PathBuf,
    pub vault_path: PathBuf,
    pub history: PathBuf,
}

impl World {
    pub(super) fn new(place: Where) -> Self {
        Self::of(tempfile::tempdir().unwrap(), place)
    }

    /// Files and history where `fsync(2)` costs nothing, for thousands of rounds.
    pub(super) fn in_memory(place: Where) -> Self {
        let mut world = Self::of(tempfile::tempdir_in("/dev/shm").unwrap(), place);
        world.history = world.files.with_file_name("history.sqlite");
        world
    }

    fn of(files: TempDir, place: Where) -> Self {
        let state = match place {
            Where::SameFileSystem => tempfile::tempdir_in(files.path()).unwrap(),
            Where::OtherFileSystem => tempfile::tempdir_in(other_file_system(files.path())).unwrap(),
        };
        let real = fs::canonicalize(files.path()).unwrap();
        let state_path = fs::canonicalize(state.path()).unwrap();
        let cache = real.join("cache");
        fs::create_dir(&cache).unwrap();
        Self {
            files: cache,
            vault_path: state_path.join("vault"),
            history: state_path.join("history.sqlite"),
            _folders: vec![state, files],
        }
    }

    /// One that another process made.
    pub(super) fn at(files: PathBuf, vault_path: PathBuf, history: PathBuf) -> Self {
        Self { _folders: Vec::new(), files, vault_path, history }
    }

    pub(super) fn vault(&self) -> Vault {
        Vault::open_or_create(&self.vault_path, true).unwrap()
    }

    pub(super) fn writer(&self) -> Writer {
        Writer::open(&self.history).unwrap()
    }

    /// A file with a mode, times and an attribute that must come back.
    pub(super) fn bad_file(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.files.join(name.as_ref());
        fs::write(&path, CONTENT).unwrap();
        let file = fs::File::open(&path).unwrap();
        let _ = rustix::fs::fsetxattr(&file, "user.origin", b"a hub", rustix::fs::XattrFlags::empty());
        let long_ago = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
        fs::File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_times(fs::FileTimes::new().set_accessed(long_ago).set_modified(long_ago))
            .unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        path
    }

    pub(super) fn quarantine(&self, path: &Path) -> Result<Quarantined, ActionError> {
        let opened = open_for_scan(path).unwrap();
        let mut writer = self.writer();
        let scan = record(&mut writer, &opened);
        self.quarantine_opened(&mut writer, &opened, scan)
    }

    pub(super) fn quarantine_opened(
        &self,
        writer: &mut Writer,
        opened: &Opened,
        scan: ScanId,
    ) -> Result<Quarantined, ActionError> {
        let facts = Facts { scan, report: &report(), origin: &Origin::folder(), names: &[] };
        self.vault().quarantine(writer, opened, &facts)
    }

    pub(super) fn quarantine_named(&self, path: &Path, names: &[Name], origin: &Origin) -> Quarantined {
        let opened = open_for_scan(path).unwrap();
        let mut writer = self.writer();
        let scan = record(&mut writer, &opened);
        let facts = Facts { scan, report: &report(), origin, names };
        self.vault().quarantine(&mut writer, &opened, &facts).unwrap()
    }

    pub(super) fn restore(&self, id: HoldId, to: To) -> Result<Restored, ActionError> {
        self.vault().restore(&mut self.writer(), id, &Restore { to, allow: None })
    }

    pub(super) fn state(&self, id: HoldId) -> HoldState {
        self.writer().hold(id).unwrap().state
    }

    /// The names in the vault.
    pub(super) fn kept(&self) -> Vec<String> {
        names_in(&self.vault_path)
    }
}

pub(super) fn trust() -> Trust {
    Trust { reason: "made by us".into(), author_uid: 1000, author: "ada".into(), expires_at: None }
}

pub(super) fn report() -> Report {
    let rule = Rule::new("pickle.dangerous-call");
    Report {
        verdict: Verdict::Malicious,
        formats: vec!["pickle".into()],
        coverage: Coverage::Complete,
        findings: vec![
            Finding::new(rule, Severity::Critical, "It runs a command when loaded").evidence("posix.system(\"true\")"),
        ],
        findings_dropped: 0,
        bytes_read: CONTENT.len() as u64,
    }
}

pub(super) fn record(writer: &mut Writer, opened: &Opened) -> ScanId {
    writer.record(&new_scan(opened)).unwrap().scan
}

pub(super) fn new_scan(opened: &Opened) -> NewScan {
    NewScan {
        path: opened.path.clone(),
        identity: opened.identity,
        origin: Origin::folder(),
        report: report(),
        started_at: Timestamp::now(),
        duration: Duration::from_micros(50),
        engine: "1".into(),
        rules: "1".into(),
        decision: Decision::Quarantine,
        decided_by: "policy.work.critical".into(),
        sha256: None,
    }
}

pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a restore must bring back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look {
    content: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
    times: (i64, i64, i64, i64),
    xattr: Option<Vec<u8>>,
}

pub(super) fn look_of(path: &Path) -> Look {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mut value = [0_u8; 64];
    let xattr = rustix::fs::lgetxattr(path, "user.origin", &mut value[..]).ok().map(|length| value[..length].to_vec());
    Look {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        times: (metadata.atime(), metadata.atime_nsec(), metadata.mtime(), metadata.mtime_nsec()),
        xattr,
        content: read_quietly(path),
    }
}

/// Reads without a change of the access time.
fn read_quietly(path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    let mut options = fs::OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOATIME).open(path).unwrap().read_to_end(&mut content).unwrap();
    content
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder on another file system than `folder`: /dev/shm is a tmpfs wherever Linux runs.
pub(super) fn other_file_system(folder: &Path) -> PathBuf {
    let device = fs::metadata(folder).unwrap().dev();
    [PathBuf::from("/dev/shm"), std::env::temp_dir()]
        .into_iter()
        .find(|other| fs::metadata(other).is_ok_and(|metadata| metadata.dev() != device))
        .expect("a second file system, such as /dev/shm")
}
