//! Where things lie: the configuration file, the state folder with history and vault, the runtime folder.
//!
//! Follows the XDG base directory specification for users and the file-system hierarchy for root; systemd's variables
//! (`STATE_DIRECTORY`, `RUNTIME_DIRECTORY`, systemd.exec(5)) and modelscand's own go first. Nothing here makes a folder.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::types::Config;

const NAME: &str = "modelscand";
const CONFIG_NAME: &str = "modelscand.toml";
const SYSTEM_CONFIG: &str = "/etc/modelscand/modelscand.toml";

/// There is no home folder to put things into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this user has no home folder: set HOME, or name the state folder by MODELSCAND_STATE")]
pub struct NoHome;

/// The folders and files of this process, all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// What must survive a restart.
    pub state: PathBuf,
    /// What must not: sockets.
    pub runtime: PathBuf,
    /// The history's database file.
    pub database: PathBuf,
    /// The folder of quarantined files.
    pub vault: PathBuf,
}

impl Paths {
    /// The paths that hold for `config` in this process.
    ///
    /// # Errors
    /// [`NoHome`] for a user without a home folder and without the variables that name another.
    pub fn of(config: &Config) -> Result<Self, NoHome> {
        Self::within(&Surroundings::of_process(), config)
    }

    /// The daemon's control socket.
    pub fn control_socket(&self) -> PathBuf {
        self.runtime.join("control.sock")
    }

    fn within(surroundings: &Surroundings, config: &Config) -> Result<Self, NoHome> {
        let state = surroundings.state()?;
        Ok(Self {
            runtime: surroundings.runtime()?,
            database: surroundings.own_or(&config.history.path, &state, "history.sqlite")?,
            vault: surroundings.own_or(&config.vault.path, &state, "vault")?,
            state,
        })
    }
}

/// `path` with a leading `~` replaced by this user's home folder.
///
/// # Errors
/// [`NoHome`] when there is none.
pub fn expand(path: &Path) -> Result<PathBuf, NoHome> {
    Surroundings::of_process().expand(path)
}

/// This user's home folder: `HOME`, else as the system's list of users has it.
pub fn home() -> Option<PathBuf> {
    Surroundings::of_process().home
}

/// The file that `modelscand config init` writes: where a new configuration would be found.
///
/// # Errors
/// [`NoHome`] for a user without a home folder.
pub fn own_config_file() -> Result<PathBuf, NoHome> {
    Surroundings::of_process().own_config()
}

/// A place where a configuration is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub file: PathBuf,
    /// Asked for by name: it must be there.
    must_exist: bool,
    /// The administrator's, read by a user: it may be forbidden.
    may_be_forbidden: bool,
}

impl Candidate {
    /// Whether the next place is looked at when this one cannot be read for this reason.
    pub(super) fn may_be_passed_over(&self, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => !self.must_exist,
            io::ErrorKind::PermissionDenied => self.may_be_forbidden,
            _ => false,
        }
    }
}

/// The places where the configuration is looked for when none is named on the command line, first to last.
pub fn config_candidates() -> Vec<Candidate> {
    Surroundings::of_process().config_candidates()
}

/// Finds an environment variable.
type Lookup = dyn Fn(&str) -> Option<OsString>;

/// What paths depend on, apart so that tests can make their own.
struct Surroundings {
    is_root: bool,
    home: Option<PathBuf>,
    var: Box<Lookup>,
}

impl Surroundings {
    fn of_process() -> Self {
        let uid = nix::unistd::geteuid();
        let from_passwd = || nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.dir);
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()).or_else(from_passwd);
        Self { is_root: uid.is_root(), home, var: Box::new(|name| std::env::var_os(name)) }
    }

    /// A folder that a variable names; relative ones are ignored, as the XDG specification wants it. systemd may give several,
    /// separated by colons: the first is ours.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let value = (self.var)(name)?;
        let first = match value.to_str() {
            Some(text) => PathBuf::from(text.split(':').next().unwrap_or_default()),
            None => PathBuf::from(value),
        };
        first.is_absolute().then_some(first)
    }

    fn under_home(&self, folder: &str) -> Result<PathBuf, NoHome> {
        self.home.as_ref().map(|home| home.join(folder)).ok_or(NoHome)
    }

    fn xdg(&self, variable: &str, default: &str) -> Result<PathBuf, NoHome> {
        self.folder(variable).map_or_else(|| self.under_home(default), Ok)
    }

    fn state(&self) -> Result<PathBuf, NoHome> {
        if let Some(given) = self.folder("MODELSCAND_STATE").or_else(|| self.folder("STATE_DIRECTORY")) {
            return Ok(given);
        }
        if self.is_root {
            return Ok(Path::new("/var/lib").join(NAME));
        }
        Ok(self.xdg("XDG_STATE_HOME", ".local/state")?.join(NAME))
    }

    fn runtime(&self) -> Result<PathBuf, NoHome> {
        if let Some(given) = self.folder("RUNTIME_DIRECTORY") {
            return Ok(given);
        }
        if self.is_root {
            return Ok(Path::new("/run").join(NAME));
        }
        self.folder("XDG_RUNTIME_DIR").map_or_else(|| self.state(), |folder| Ok(folder.join(NAME)))
    }

    fn own_config(&self) -> Result<PathBuf, NoHome> {
        if self.is_root {
            return Ok(PathBuf::from(SYSTEM_CONFIG));
        }
        Ok(self.xdg("XDG_CONFIG_HOME", ".config")?.join(NAME).join(CONFIG_NAME))
    }

    fn config_candidates(&self) -> Vec<Candidate> {
        let optional = |file| Candidate { file, must_exist: false, may_be_forbidden: false };
        if let Some(file) = (self.var)("MODELSCAND_CONFIG").filter(|file| !file.is_empty()) {
            return vec![Candidate { file: file.into(), must_exist: true, may_be_forbidden: false }];
        }
        let mut candidates: Vec<_> = self.own_config().ok().map(optional).into_iter().collect();
        if !self.is_root {
            candidates.push(Candidate { may_be_forbidden: true, ..optional(PathBuf::from(SYSTEM_CONFIG)) });
        }
        candidates
    }

    fn expand(&self, path: &Path) -> Result<PathBuf, NoHome> {
        match path.strip_prefix("~") {
            Ok(rest) => self.home.as_ref().map(|home| home.join(rest)).ok_or(NoHome),
            Err(_) => Ok(path.to_owned()),
        }
    }

    /// The configured path, or `name` in the state folder when it is empty.
    fn own_or(&self, configured: &Path, state: &Path, name: &str) -> Result<PathBuf, NoHome> {
        if configured.as_os_str().is_empty() { Ok(state.join(name)) } else { self.expand(configured) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(is_root: bool, vars: &'static [(&'static str, &'static str)]) -> Surroundings {
        let var = move |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Surroundings { is_root, home: Some("/home/ada".into()), var: Box::new(var) }
    }

    fn paths(is_root: bool, vars: &'static [(&'static str, &'static str)]) -> Paths {
        Paths::within(&surroundings(is_root, vars), &Config::default()).unwrap()
    }

    #[test]
    fn a_user_has_everything_under_home() {
        let paths = paths(false, &[("XDG_RUNTIME_DIR", "/run/user/1000")]);
        assert_eq!(paths.database, Path::new("/home/ada/.local/state/modelscand/history.sqlite"));
        assert_eq!(paths.vault, Path::new("/home/ada/.local/state/modelscand/vault"));
        assert_eq!(paths.runtime, Path::new("/run/user/1000/modelscand"));
    }

    #[test]
    fn root_has_the_systems_folders_and_systemd_may_name_others() {
        assert_eq!(paths(true, &[]).state, Path::new("/var/lib/modelscand"));
        assert_eq!(paths(true, &[]).runtime, Path::new("/run/modelscand"));
        assert_eq!(paths(true, &[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")]).state, Path::new("/var/lib/a"));
        assert_eq!(paths(true, &[("STATE_DIRECTORY", "/s"), ("MODELSCAND_STATE", "/m")]).state, Path::new("/m"));
    }

    #[test]
    fn relative_variables_are_ignored() {
        let paths = paths(false, &[("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")]);
        assert_eq!(paths.state, Path::new("/home/ada/.local/state/modelscand"));
        assert_eq!(paths.runtime, paths.state, "without a runtime folder sockets lie in the state folder");
    }

    #[test]
    fn a_user_reads_the_own_file_before_the_administrators() {
        let files = |s: Surroundings| s.config_candidates().into_iter().map(|c| c.file).collect::<Vec<_>>();
        let user = files(surroundings(false, &[("XDG_CONFIG_HOME", "/cfg")]));
        assert_eq!(user, [Path::new("/cfg/modelscand/modelscand.toml"), Path::new(SYSTEM_CONFIG)]);
        assert_eq!(files(surroundings(true, &[])), [Path::new(SYSTEM_CONFIG)]);
        assert_eq!(files(surroundings(true, &[("MODELSCAND_CONFIG", "mine.toml")])), [Path::new("mine.toml")]);
    }

    #[test]
    fn only_a_leading_tilde_of_its_own_is_home() {
        let here = surroundings(false, &[]);
        assert_eq!(here.expand(Path::new("~/models")).unwrap(), Path::new("/home/ada/models"));
        assert_eq!(here.expand(Path::new("/a/~/b")).unwrap(), Path::new("/a/~/b"));
        let homeless = Surroundings { home: None, ..surroundings(false, &[]) };
        assert_eq!(homeless.expand(Path::new("~/models")), Err(NoHome));
    }
}
