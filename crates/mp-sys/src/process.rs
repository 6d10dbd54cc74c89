//! What this process knows of threads, its own and others'.
//!
//! Does **not** know what they do.
#![expect(unsafe_code, reason = "a system call that nix does not have")]

/// The kernel's mark of a thread that ends, in `/proc/PID/task/TID/stat`.
const PF_EXITING: u64 = 0x4;

/// Whether a thread of this process ends, and will run nothing more of the program.
pub(crate) fn has_ending_thread(tid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{tid}/stat")).unwrap_or_default();
    // Behind the name, which can hold anything: state, ppid, pgrp, session, tty_nr, tpgid, flags (proc_pid_stat(5)).
    let flags = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6)?.parse().ok());
    flags.is_some_and(|flags: u64| flags & PF_EXITING != 0)
}

/// Whether a thread of this process has the number `tid`.
pub(crate) fn has_thread(tid: u32) -> bool {
    // SAFETY: signal 0 is none: it only asks.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), tid, 0) };
    result == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether a thread of whatever process has the number `tid`.
pub(crate) fn is_some_thread(tid: u32) -> bool {
    // SAFETY: signal 0 is none: it only asks.
    let result = unsafe { libc::syscall(libc::SYS_tkill, tid, 0) };
    result == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether a thread of whatever process is stopped, by a signal or by a debugger.
pub(crate) fn is_stopped(tid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{tid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| matches!(rest.trim_start().as_bytes().first(), Some(b'T' | b't')))
}
