//! One daemon a state folder: a lock that the kernel drops when its holder ends, however it ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// The lock; released when dropped.
#[derive(Debug)]
pub(super) struct Instance {
    _lock: Flock<File>,
}

/// Why the lock was not to be had.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another daemon holds it.
    #[error("a daemon (process {pid}) is already running on {state}; `modelscand status` shows it")]
    Running {
        /// The other's process id, as it wrote it, or `?`.
        pid: String,
        /// The state folder.
        state: PathBuf,
    },
    /// The folder or the file cannot be made.
    #[error("cannot make {path}: {source}; check the owner of the folder, or name another one by MODELSCAND_STATE")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Instance {
    /// Takes the lock of the state folder, which is made (mode 0700) when it is not there.
    ///
    /// # Errors
    /// When another daemon holds it, or the folder cannot be made.
    pub(super) fn lock(state: &Path) -> Result<Self, InstanceError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| InstanceError::Io { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(io(state))?;
        let path = state.join("daemon.lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&path)
            .map_err(io(&path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                write_pid(&mut lock).map_err(io(&path))?;
                Ok(Self { _lock: lock })
            }
            Err((mut file, _)) => {
                let mut pid = String::new();
                let _ = (&mut file).take(16).read_to_string(&mut pid);
                let pid = pid.trim();
                let pid = if pid.is_empty() { "?" } else { pid }.to_owned();
                Err(InstanceError::Running { pid, state: state.to_owned() })
            }
        }
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_on_the_same_state_is_refused_and_told_the_first_ones_pid() {
        let state = tempfile::tempdir().unwrap();
        let first = Instance::lock(state.path()).unwrap();
        let error = Instance::lock(state.path()).unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Instance::lock(state.path()).unwrap();
    }
}
