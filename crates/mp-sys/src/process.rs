//! What this process knows of itself.
//!
//! Does **not** know other processes.
#![expect(unsafe_code, reason = "a system call that nix does not have")]

/// Whether a thread of this process has the number `tid`.
pub(crate) fn has_thread(tid: u32) -> bool {
    // SAFETY: signal 0 is none: it only asks.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), tid, 0) };
    result == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
