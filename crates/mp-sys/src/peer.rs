//! Who is at the other end of a local socket, and whether somebody knocks.
//!
//! Does **not** know what is said over it.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

/// The user that this process acts for.
#[must_use]
pub fn user() -> u32 {
    geteuid().as_raw()
}

/// Whether the other end is, or was when it connected, of this process's user, or of root.
#[must_use]
pub fn is_same_user(socket: impl AsFd) -> bool {
    getsockopt(&socket, PeerCredentials).is_ok_and(|peer| peer.uid() == user() || peer.uid() == 0)
}

/// Waits until `fd` is readable: true; or `stop` is, or has ended: false, if both are.
///
/// # Errors
/// When the system refuses.
pub fn readable_before(fd: impl AsFd, stop: impl AsFd) -> io::Result<bool> {
    let mut both = [PollFd::new(fd.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut both, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(both[1].revents().is_none_or(|events| events.is_empty())),
        }
    }
}
