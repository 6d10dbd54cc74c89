//! Connecting to a Unix socket that has a name, in bounded time.
//!
//! Does **not** know who listens there, nor what is said.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

/// Nobody waits longer.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Connects to the abstract socket of that `name`. Where as many knock already as can, and nobody opens, `connect` would wait for
/// ever: here it waits for at most `limit`.
///
/// # Errors
/// `TimedOut`; `ConnectionRefused` when nobody listens there; when there are no descriptors left.
pub fn local(name: &str, limit: Duration) -> io::Result<UnixStream> {
    let address = UnixAddr::new_abstract(name.as_bytes())?;
    let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let deadline = Instant::now() + limit.min(LONGEST);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // No time at all would mean for ever.
        let left = TimeVal::microseconds(left.as_micros().max(1) as i64);
        setsockopt(&fd, sockopt::SendTimeout, &left)?;
        match connect(fd.as_raw_fd(), &address) {
            Ok(()) => return Ok(UnixStream::from(fd)),
            Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};

    use nix::sys::socket::{Backlog, listen};

    use super::*;

    #[test]
    fn a_door_at_which_others_stand_is_not_waited_at_for_ever() {
        let name = format!("mp-dial-{}", std::process::id());
        let missing = local(&name, Duration::from_secs(9)).expect_err("nobody listens");
        assert_eq!(missing.kind(), io::ErrorKind::ConnectionRefused);

        let door = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).expect("a name")).expect("bound");
        listen(&door, Backlog::new(0).expect("a number")).expect("listens");
        let _first = local(&name, Duration::from_secs(9)).expect("there is room for one");
        let late = local(&name, Duration::from_millis(30)).expect_err("nobody opens");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        door.accept().expect("the first");
        local(&name, Duration::MAX).expect("there is room again");
    }
}
