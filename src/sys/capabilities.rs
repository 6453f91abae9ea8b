//! Giving up every capability of the calling thread: capset(2) and the bounding and ambient sets of prctl(2).
//!
//! nix has neither. Only ever lowers; there is no way here to gain or to keep a capability.

use std::io;

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two 32-bit words a set.
const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Empties the effective, permitted, inheritable and ambient sets of this thread, and its bounding set where it may.
///
/// # Errors
/// What capset(2) or capget(2) says, or that something is still held. A bounding set that may not be lowered (no `CAP_SETPCAP`)
/// is no error: without new privileges it gives nothing.
pub(crate) fn drop_all() -> io::Result<()> {
    for capability in 0..64 {
        // SAFETY: PR_CAPBSET_DROP takes a number and no pointer; numbers that the kernel does not know give EINVAL.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    // SAFETY: PR_CAP_AMBIENT_CLEAR_ALL takes numbers and no pointer.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [Sets { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: both pointers are to live values with the layout of linux/capability.h; version 3 reads exactly two elements.
    let rc = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    if rc == 0 { check_none() } else { Err(io::Error::last_os_error()) }
}

fn check_none() -> io::Result<()> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut held = [Sets { effective: u32::MAX, permitted: u32::MAX, inheritable: u32::MAX }; 2];
    // SAFETY: both pointers are to live values with the layout of linux/capability.h; version 3 writes exactly two elements.
    let rc = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, held.as_mut_ptr()) };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
    let any = held.iter().any(|sets| sets.effective | sets.permitted | sets.inheritable != 0);
    if any { Err(io::Error::other("a capability is still held")) } else { Ok(()) }
}
