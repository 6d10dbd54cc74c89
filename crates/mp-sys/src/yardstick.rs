//! The least that a process costs, for who measures what ours cost more.
//!
//! Does **not** serve any other purpose.
#![expect(unsafe_code, reason = "a bare fork")]

use std::io;

use nix::unistd::ForkResult;

/// Forks, has the child exit at once, and waits for it.
///
/// # Errors
/// When the system has no process to spare.
pub fn fork_exit_wait() -> io::Result<()> {
    // SAFETY: the child makes one system call, whatever other threads hold.
    match unsafe { nix::unistd::fork()? } {
        // SAFETY: as above; it ends here.
        ForkResult::Child => unsafe { nix::libc::_exit(0) },
        ForkResult::Parent { child } => Ok(nix::sys::wait::waitpid(child, None).map(drop)?),
    }
}
