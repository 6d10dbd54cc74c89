//! A process that is not ours to wait for, held so that its number cannot come to mean another (I8).
//!
//! Does **not** know whose process it is: whoever opens one by its number must know that the number was still its own.
#![expect(unsafe_code, reason = "system calls that nix does not have")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub use nix::sys::signal::Signal;

/// A process, until this is dropped; also when it has ended.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// The process that has the number `pid` now.
    ///
    /// # Errors
    /// When there is none, or no descriptor is left.
    pub fn open(pid: u32) -> io::Result<Self> {
        // SAFETY: pidfd_open has no memory effects.
        let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(raw as i32) }))
    }

    /// Sends `signal` to it, and to nobody else.
    ///
    /// # Errors
    /// When it has ended and its status was taken, or it is not ours to signal.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let none = std::ptr::null::<libc::siginfo_t>();
        let (fd, number) = (self.0.as_raw_fd(), signal as i32);
        // SAFETY: no memory effects: the null siginfo asks for the default one.
        match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, none, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Readable once the process has ended.
impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_no_process_has_the_greatest_number() {
        // Signal 0 is no `Signal`; one that is ignored by default does as well.
        let own = Pidfd::open(std::process::id()).expect("it is there");
        own.signal(Signal::SIGWINCH).expect("sent");
        assert!(Pidfd::open(i32::MAX as u32).is_err());
    }
}
