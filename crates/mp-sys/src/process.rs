//! What this process knows of itself.
//!
//! Does **not** know other processes.
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
