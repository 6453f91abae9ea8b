//! What the tools' own rules for finding their caches look at: variables, the home folder, the working folder.
//!
//! A value of its own, so that the rules can be tested with made-up environments and so that a daemon can answer for another user.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

/// The surroundings in which caches are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Environment variables.
    pub vars: BTreeMap<OsString, OsString>,
    /// The home folder, if there is one: a system service may have none.
    pub home: Option<PathBuf>,
    /// The working folder, which relative paths start from.
    pub cwd: PathBuf,
}

impl Environment {
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        let vars: BTreeMap<_, _> = std::env::vars_os().collect();
        let home = vars.get("HOME".as_ref() as &std::ffi::OsStr).map(PathBuf::from).filter(|home| home.is_absolute());
        Self {
            home: home.or_else(|| User::from_uid(Uid::effective()).ok().flatten().map(|user| user.dir)),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            vars,
        }
    }

    /// A variable that is set and not empty.
    pub(super) fn var(&self, name: &str) -> Option<&Path> {
        self.vars.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty()).map(Path::new)
    }

    /// The path that a variable holds, as its tool would read it: `~` and relative paths resolved.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(|path| self.absolute(path))
    }

    /// The folder for caches: `XDG_CACHE_HOME`, else `~/.cache`.
    pub(super) fn cache_home(&self) -> Option<PathBuf> {
        self.path("XDG_CACHE_HOME").or_else(|| self.home.as_ref().map(|home| home.join(".cache")))
    }

    /// A path with a leading `~` replaced by the home folder, `.` taken away, and relative ones put below the working folder.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        let expanded = match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.cwd.join(path),
        };
        expanded.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
    }
}
