//! How a worker gives up everything but its socket, step by step, before it sees the first byte of a file.
//!
//! The order matters: namespaces need capabilities, another user clears the signal of the parent's death, seccomp forbids the steps
//! before it. A step that fails is noted and the others still follow: less confinement is better than none, and whether it is
//! enough is not decided here.

use std::{fs, io};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, chdir, geteuid, pivot_root, setgroups, setresgid, setresuid};

use super::measure::MeasureName as Name;
use super::protocol::Setup;
use super::seccomp;
use crate::sys;

/// `nobody` and `nogroup`: the kernel's overflow ids, which own nothing.
const NOBODY: u32 = 65534;
/// Descriptors of a worker: the socket, two standard ones, the file and some room.
const MAX_DESCRIPTORS: u64 = 8;
/// A folder that every root has, to put the empty root over.
const MOUNT_POINTS: [&str; 5] = ["/proc", "/tmp", "/dev", "/run", "/usr"];

/// What could not be had, with what the system said.
#[derive(Default)]
struct Missing(Vec<(Name, String)>);

impl Missing {
    fn note<E: std::fmt::Display>(&mut self, name: Name, outcome: Result<(), E>) {
        if let Err(error) = outcome {
            self.0.push((name, error.to_string()));
        }
    }
}

/// Takes every measure that this machine gives; returns those that it does not. Call it in a process with one thread, once.
pub(super) fn lock_down(setup: &Setup) -> Vec<(Name, String)> {
    let mut missing = Missing::default();
    // While there still is a /proc to write to, and the right to.
    missing.note(Name::KilledFirst, fs::write("/proc/self/oom_score_adj", "1000"));
    missing.note(Name::ClosedDescriptors, sys::descriptors::close_from(3));
    leave_the_machine(&mut missing);
    missing.note(Name::NoCapabilities, sys::capabilities::drop_all());
    // Both after the last change of user, which resets them.
    missing.note(Name::NotDumpable, prctl::set_dumpable(false));
    missing.note(Name::DiesWithParent, prctl::set_pdeathsig(Signal::SIGKILL));
    missing.note(Name::Limits, limit(setup));
    missing.note(Name::NoNewPrivileges, prctl::set_no_new_privs());
    deny_paths_and_ports(&mut missing);
    missing.note(Name::Seccomp, seccomp::install());
    missing.0
}

/// Namespaces of its own and another user. Where started as root the namespaces come first, as they need no user namespace then;
/// where root lacks `CAP_SYS_ADMIN`, and for everybody else, they come with a user namespace.
fn leave_the_machine(missing: &mut Missing) {
    let is_root = geteuid().is_root();
    let mut separated = if is_root { separate(CloneFlags::empty()) } else { Err(nix::Error::EPERM) };
    if is_root {
        missing.note(Name::UnprivilegedUser, become_nobody());
    }
    if separated.is_err() {
        separated = separate(CloneFlags::CLONE_NEWUSER);
    }
    match separated {
        Ok(emptied) => missing.note(Name::EmptyRoot, emptied),
        Err(error) => {
            missing.note(Name::Namespaces, Err(error));
            missing.note(Name::EmptyRoot, Err("there is no mount namespace for it"));
        }
    }
}

/// Enters new namespaces; inside, whether the root could be emptied. There is no PID namespace: it would hold for children only,
/// and there are none.
fn separate(with: CloneFlags) -> nix::Result<nix::Result<()>> {
    unshare(
        with | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWCGROUP,
    )?;
    Ok(empty_root())
}

/// Changes the root folder to an empty, read-only one, and lets go of the old.
fn empty_root() -> nix::Result<()> {
    const NONE: Option<&str> = None;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    let mut tried = Err(nix::Error::ENOENT);
    for folder in MOUNT_POINTS {
        tried =
            mount(Some("none"), folder, Some("tmpfs"), flags, Some("size=0,nr_inodes=2")).and_then(|()| chdir(folder));
        if tried.is_ok() {
            break;
        }
    }
    tried?;
    // The old root goes on top of the new one, and is taken off again: no folder is needed to hold it.
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")
}

fn become_nobody() -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}

/// Lowers every limit, never raises one: what the daemon itself was given stays the most.
fn limit(setup: &Setup) -> nix::Result<()> {
    let limits = [
        (Resource::RLIMIT_AS, setup.max_memory_bytes),
        (Resource::RLIMIT_CPU, setup.max_cpu_s),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, MAX_DESCRIPTORS),
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_MSGQUEUE, 0),
    ];
    for (resource, most) in limits {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, most.min(hard), most.min(hard))?;
    }
    Ok(())
}

/// Landlock: everything that it can deny is denied, nothing is granted.
fn deny_paths_and_ports(missing: &mut Missing) {
    let abi = deny_all().unwrap_or_else(|error| Err(error.to_string()));
    let since = |least: ABI| match &abi {
        Ok(abi) if *abi >= least => Ok(()),
        Ok(_) => Err("this kernel's Landlock does not have it".to_owned()),
        Err(error) => Err(error.clone()),
    };
    missing.note(Name::LandlockFiles, since(ABI::V1));
    missing.note(Name::LandlockNetwork, since(ABI::V4));
    missing.note(Name::LandlockScope, since(ABI::V6));
}

/// The Landlock ABI that is in force; inside, why there is none.
fn deny_all() -> Result<Result<ABI, String>, landlock::RulesetError> {
    const NEWEST: ABI = ABI::V10;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP).to_string()),
        (_, LandlockStatus::Available { effective_abi, .. }) => Ok(effective_abi),
        (_, other) => Err(format!("{other:?}")),
    })
}
