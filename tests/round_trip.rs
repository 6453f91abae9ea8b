//! Nothing is lost: real checkpoints that policy takes away come back bit for bit, with everything that belongs to them.

mod support;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};
use sha2::{Digest, Sha256};
use support::{Home, text};

/// The issue that asked for this wants so many.
const LEAST_FILES: usize = 100;

/// Everything that must come back.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    sha256: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
    times_ns: (i64, i64, i64, i64),
    xattr: Vec<u8>,
}

impl Look {
    fn of(path: &Path) -> Self {
        let metadata = fs::symlink_metadata(path).unwrap();
        let mut content = Vec::new();
        // As the restore must not, this look must not change the access time.
        let mut quietly = fs::OpenOptions::new();
        quietly.read(true).custom_flags(libc::O_NOATIME).open(path).unwrap().read_to_end(&mut content).unwrap();
        let mut value = [0_u8; 64];
        let length = lgetxattr(path, "user.origin", &mut value[..]).unwrap_or(0);
        Self {
            sha256: Sha256::digest(&content).to_vec(),
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            times_ns: (metadata.atime(), metadata.atime_nsec(), metadata.mtime(), metadata.mtime_nsec()),
            xattr: value[..length].to_vec(),
        }
    }
}

fn files_below(folder: &Path, to: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files_below(&path, to) } else { to.push(path) }
    }
}

/// Copies the honest corpus, each file with its own mode, times, attribute and, as root, owner.
fn import(home: &Home) -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/honest");
    let mut files = Vec::new();
    files_below(&corpus, &mut files);
    let is_root = rustix::process::geteuid().is_root();
    let copies = files.iter().filter(|file| file.metadata().unwrap().len() > 0).take(LEAST_FILES + 20).enumerate();
    let copies = copies.map(|(n, file)| {
        let n = u32::try_from(n).unwrap();
        let path = home.write(Path::new("models").join(file.strip_prefix(&corpus).unwrap()), fs::read(file).unwrap());
        let moment = SystemTime::UNIX_EPOCH + Duration::new(1_500_000_000 + u64::from(n), 123_456_789 + n);
        let times = fs::FileTimes::new().set_accessed(moment).set_modified(moment);
        let _ = lsetxattr(&path, "user.origin", format!("number {n}").as_bytes(), XattrFlags::empty());
        if is_root {
            std::os::unix::fs::chown(&path, Some(20_000 + n), Some(30_000 + n)).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400 | (n % 0o100))).unwrap();
        fs::File::open(&path).unwrap().set_times(times).unwrap();
        path
    });
    copies.collect()
}

#[test]
fn a_hundred_real_checkpoints_come_back_bit_for_bit() {
    let home = Home::new();
    let files = import(&home);
    let hashes: Vec<_> = files.iter().map(|file| hex(&Look::of(file).sha256)).collect();
    let before: BTreeMap<_, _> = files.iter().map(|file| (file.clone(), Look::of(file))).collect();
    home.configure(&format!("[[policy.rule]]\nsha256 = {hashes:?}\ndecision = \"quarantine\"\n"));
    let daemon = home.watch([home.path("models")]);
    let left: Vec<_> = files.iter().filter(|file| file.exists()).collect();
    assert!(left.is_empty(), "not taken: {left:?}\n{}", home.log());
    daemon.stop();

    let held = home.json(["quarantine", "list"])["quarantine"].as_array().unwrap().clone();
    assert!(held.len() >= LEAST_FILES, "only {} checkpoints", held.len());
    for hold in &held {
        let restored = home.modelscand(["quarantine", "restore", &hold["id"].to_string()]);
        assert!(restored.status.success(), "{}", text(&restored.stderr));
        assert_eq!(text(&restored.stdout).lines().count(), 1, "a remark: {}", text(&restored.stdout));
    }
    for (file, look) in &before {
        assert_eq!(&Look::of(file), look, "{}", file.display());
    }
    let mut left = Vec::new();
    files_below(&home.path("models"), &mut left);
    assert_eq!(left.len(), files.len(), "notes are gone too: {left:?}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
