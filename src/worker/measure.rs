//! The measures of confinement, one by one: their names, and what a person can do where one does not hold.
//!
//! A worker tries each of them at its start, says in its first message which hold, and works with those. `modelscand doctor` shows
//! the list; `sandbox.require` makes every one of them a condition.

use serde::{Deserialize, Serialize};

/// A measure of confinement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasureName {
    /// When the machine runs out of memory, the kernel takes it before others.
    KilledFirst,
    /// No descriptor but the socket and the standard ones survives.
    ClosedDescriptors,
    /// Own network, IPC, UTS, cgroup and mount namespaces.
    Namespaces,
    /// The root folder is empty and nothing else can be reached.
    EmptyRoot,
    /// Another user and no groups, where started as root.
    UnprivilegedUser,
    /// No capability in any set.
    NoCapabilities,
    /// Other processes of the same user cannot trace it or read its memory; no core dump.
    NotDumpable,
    /// The kernel kills it when the process that started it ends.
    DiesWithParent,
    /// Limits on memory, processor time, file size, descriptors and processes.
    Limits,
    /// execve(2) gives nothing (`no_new_privs`).
    NoNewPrivileges,
    /// Landlock denies every path (Linux 5.13).
    LandlockFiles,
    /// Landlock denies TCP (Linux 6.7).
    LandlockNetwork,
    /// Landlock denies signals and abstract sockets of other processes (Linux 6.12).
    LandlockScope,
    /// System calls that are not on the list end the process.
    Seccomp,
}

impl MeasureName {
    /// All, in the order in which they are taken.
    pub const ALL: [Self; 14] = [
        Self::KilledFirst,
        Self::ClosedDescriptors,
        Self::Namespaces,
        Self::EmptyRoot,
        Self::UnprivilegedUser,
        Self::NoCapabilities,
        Self::NotDumpable,
        Self::DiesWithParent,
        Self::Limits,
        Self::NoNewPrivileges,
        Self::LandlockFiles,
        Self::LandlockNetwork,
        Self::LandlockScope,
        Self::Seccomp,
    ];

    /// The word for it, as in logs and in `modelscand doctor`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KilledFirst => "killed-first",
            Self::ClosedDescriptors => "closed-descriptors",
            Self::Namespaces => "namespaces",
            Self::EmptyRoot => "empty-root",
            Self::UnprivilegedUser => "unprivileged-user",
            Self::NoCapabilities => "no-capabilities",
            Self::NotDumpable => "not-dumpable",
            Self::DiesWithParent => "dies-with-parent",
            Self::Limits => "limits",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::LandlockFiles => "landlock-files",
            Self::LandlockNetwork => "landlock-network",
            Self::LandlockScope => "landlock-scope",
            Self::Seccomp => "seccomp",
        }
    }

    /// What a person can do when it does not hold.
    pub fn what_to_do(self) -> &'static str {
        match self {
            Self::KilledFirst => "mount /proc, with write access to a process's own oom_score_adj",
            Self::ClosedDescriptors => "use Linux 5.9 or newer (close_range)",
            Self::Namespaces | Self::EmptyRoot => {
                "allow user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns), or give the daemon CAP_SYS_ADMIN"
            }
            Self::UnprivilegedUser => "give the daemon CAP_SETUID and CAP_SETGID, or start it as an ordinary user",
            Self::NoCapabilities => "report it: every kernel lets a process give up its capabilities",
            Self::NotDumpable | Self::DiesWithParent | Self::NoNewPrivileges => {
                "report it: a filter around modelscand forbids prctl"
            }
            Self::Limits => "raise the hard limits of the daemon above sandbox.memory_mb (LimitAS= in its unit)",
            Self::LandlockFiles => "use Linux 5.13 or newer, with landlock in the kernel's lsm= list",
            Self::LandlockNetwork => "use Linux 6.7 or newer, with landlock in the kernel's lsm= list",
            Self::LandlockScope => "use Linux 6.12 or newer, with landlock in the kernel's lsm= list",
            Self::Seccomp => "use a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64",
        }
    }
}

impl std::fmt::Display for MeasureName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a measure holds in a worker on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Which.
    pub name: MeasureName,
    /// `Err` with what the system said when it does not hold. Printable.
    pub holds: Result<(), String>,
}

impl Measure {
    /// What a person can do; `None` when it holds.
    pub fn what_to_do(&self) -> Option<&'static str> {
        self.holds.is_err().then(|| self.name.what_to_do())
    }
}
