//! Which descriptors are nobody's, and what to say when they run out.
//!
//! Does **not** count those of others: a system that is out of files says so itself.

#![expect(unsafe_code, reason = "asks for numbers that may be nobody's")]

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode;

/// So many descriptors are free wherever a worker can be started. While it lives it keeps three.
pub const TO_START: usize = 16;

/// `error`, with what is needed and what there is where this process may have no more descriptors.
#[must_use]
pub fn explain(error: io::Error) -> io::Error {
    if error.raw_os_error() != Some(Errno::EMFILE as i32) {
        return error;
    }
    let open = std::fs::read_dir("/proc/self/fd").map(Iterator::count);
    let (Ok((limit, _)), open) = (getrlimit(Resource::RLIMIT_NOFILE), open) else { return error };
    // To count them takes one as well.
    let open = open.map_or_else(|_| "all".to_owned(), |open| open.to_string());
    io::Error::other(format!(
        "{open} of {limit} descriptors are in use, and to start a worker takes {TO_START} more, of which it keeps 3 \
         (ulimit -n)"
    ))
}

/// Where a standard stream has been closed, `/dev/null` is from now on, as at the start of any Rust program: what is opened next
/// would have its number, and would get what the program still writes to it, or means to hand to a child.
///
/// # Errors
/// When `/dev/null` cannot be opened.
pub fn occupy_standard_streams() -> io::Result<()> {
    while [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO].into_iter().any(is_free) {
        // It gets the lowest number that is free.
        // For children as well, as any standard stream.
        let null = nix::fcntl::open("/dev/null", OFlag::O_RDWR, Mode::empty())?;
        // Unless another thread has just done the same.
        if null.as_raw_fd() <= libc::STDERR_FILENO {
            std::mem::forget(null);
        }
    }
    Ok(())
}

fn is_free(fd: RawFd) -> bool {
    // SAFETY: F_GETFD has no effects.
    unsafe { libc::fcntl(fd, libc::F_GETFD) < 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_want_of_descriptors_is_explained() {
        let text = explain(Errno::EMFILE.into()).to_string();
        assert!(text.contains("descriptors are in use") && text.contains("ulimit -n"), "{text}");
        assert_eq!(explain(Errno::EACCES.into()).raw_os_error(), Some(Errno::EACCES as i32));
    }
}
