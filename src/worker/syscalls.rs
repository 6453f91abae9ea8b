//! The system calls that a worker may make once it is locked down, each with its reason. Anything else ends the process.
//!
//! This file is data. To add a line, say what needs it and narrow its arguments as far as they go; docs/confinement.md says what is
//! behind the list. None of these opens a file, makes a process, a socket or an executable page, or reaches another process.

use std::ffi::c_long;

/// A system call that is allowed.
pub(super) struct Allowed {
    /// Its number on this machine.
    pub(super) number: c_long,
    /// What its arguments must be; all of them.
    pub(super) only: &'static [Only],
    /// What needs it.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people, and by the test that no reason is missing"))]
    pub(super) why: &'static str,
}

/// What one argument, counted from 0, must be.
pub(super) enum Only {
    /// This 32-bit number.
    Is(u8, u32),
    /// A null pointer.
    IsNull(u8),
    /// With these bits of its lower half set, and these clear.
    Bits {
        /// Which argument.
        argument: u8,
        /// Must be set.
        set: u32,
        /// Must be clear.
        clear: u32,
    },
    /// The worker's own process id.
    IsOwnPid(u8),
}

/// A system call that fails with an error in place of ending the process: harmless probes, whose callers have another way.
pub(super) struct Denied {
    /// Its number on this machine.
    pub(super) number: c_long,
    /// What it fails with.
    pub(super) errno: i32,
    /// What asks for it.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people, and by the test that no reason is missing"))]
    pub(super) why: &'static str,
}

/// The socket to the daemon is the worker's standard input.
const SOCKET: u32 = 0;
const STDERR: u32 = 2;
const PROT_EXEC: u32 = libc::PROT_EXEC.cast_unsigned();
const MAP_ANONYMOUS: u32 = libc::MAP_ANONYMOUS.cast_unsigned();
const NO_CODE: Only = Only::Bits { argument: 2, set: 0, clear: PROT_EXEC };

const fn any(number: c_long, why: &'static str) -> Allowed {
    Allowed { number, only: &[], why }
}

const fn only(number: c_long, only: &'static [Only], why: &'static str) -> Allowed {
    Allowed { number, only, why }
}

/// All that is allowed.
pub(super) const ALLOWED: &[Allowed] = &[
    // The file and the socket.
    any(libc::SYS_pread64, "reads the file; takes no path"),
    any(libc::SYS_fstat, "the size of the file"),
    only(
        libc::SYS_newfstatat,
        &[Only::Bits { argument: 3, set: libc::AT_EMPTY_PATH.cast_unsigned(), clear: 0 }],
        "how the C library does fstat; a path could be given and finds an empty root",
    ),
    any(libc::SYS_close, "closes the file after its scan"),
    only(libc::SYS_fcntl, &[Only::Is(1, libc::F_GETFD.cast_unsigned())], "std checks what it closes, in debug builds"),
    only(libc::SYS_recvmsg, &[Only::Is(0, SOCKET)], "the next file"),
    only(
        libc::SYS_sendto,
        &[Only::Is(0, SOCKET), Only::IsNull(4)],
        "findings; unlike sendmsg it cannot carry a descriptor, and without an address it reaches the daemon only",
    ),
    only(libc::SYS_write, &[Only::Is(0, STDERR)], "last words before a panic or an abort"),
    only(libc::SYS_writev, &[Only::Is(0, STDERR)], "last words before a panic or an abort"),
    // Memory, never executable, never of a file.
    any(libc::SYS_brk, "the allocator"),
    only(
        libc::SYS_mmap,
        &[NO_CODE, Only::Bits { argument: 3, set: MAP_ANONYMOUS, clear: 0 }],
        "the allocator; a file is read and not mapped, since one that is cut short meanwhile would be SIGBUS",
    ),
    any(libc::SYS_munmap, "the allocator"),
    any(libc::SYS_mremap, "the allocator"),
    any(libc::SYS_madvise, "the allocator"),
    only(libc::SYS_mprotect, &[NO_CODE], "the allocator"),
    // Time, randomness, threads of which there is one.
    any(libc::SYS_clock_gettime, "where the vDSO has no clock"),
    any(libc::SYS_getrandom, "the seeds of hash maps"),
    any(libc::SYS_futex, "locks of std"),
    any(libc::SYS_sched_yield, "spinning locks"),
    any(libc::SYS_getrusage, "a worker that has grown says so"),
    any(libc::SYS_restart_syscall, "the kernel's own, after a stop"),
    // Ending.
    any(libc::SYS_exit_group, "the end"),
    any(libc::SYS_exit, "the end of the thread"),
    any(libc::SYS_rt_sigreturn, "std's handler tells an overflow of the stack from other faults"),
    any(libc::SYS_rt_sigaction, "that handler, and abort"),
    any(libc::SYS_rt_sigprocmask, "abort"),
    any(libc::SYS_sigaltstack, "the stack of that handler"),
    any(libc::SYS_getpid, "abort"),
    any(libc::SYS_gettid, "abort, and the message of a panic"),
    only(
        libc::SYS_tgkill,
        &[Only::IsOwnPid(0), Only::Is(2, libc::SIGABRT.cast_unsigned())],
        "abort; to nobody else, as workers share a user",
    ),
];

/// All that fails quietly.
pub(super) const DENIED: &[Denied] = &[
    Denied {
        number: libc::SYS_statx,
        errno: libc::ENOSYS,
        why: "std's first way to the size of a file; it then takes fstat",
    },
    Denied {
        number: libc::SYS_sched_getaffinity,
        errno: libc::EPERM,
        why: "decoders that ask how many threads they could have; they then take one",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_reason_and_stands_once() {
        assert!(
            ALLOWED.iter().map(|call| call.why).chain(DENIED.iter().map(|call| call.why)).all(|why| why.len() >= 5)
        );
        let mut numbers: Vec<_> = ALLOWED.iter().map(|c| c.number).chain(DENIED.iter().map(|c| c.number)).collect();
        let lines = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), lines);
    }

    #[test]
    fn nothing_that_opens_runs_or_connects_is_on_the_list() {
        let never = [
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_clone,
            libc::SYS_clone3,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_sendmsg,
            libc::SYS_ptrace,
            libc::SYS_kill,
            libc::SYS_prctl,
            libc::SYS_seccomp,
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_io_uring_setup,
            libc::SYS_bpf,
            libc::SYS_userfaultfd,
            libc::SYS_process_vm_readv,
            libc::SYS_memfd_create,
            libc::SYS_ioctl,
            libc::SYS_prlimit64,
            libc::SYS_pidfd_getfd,
        ];
        assert!(ALLOWED.iter().all(|call| !never.contains(&call.number)));
    }
}
