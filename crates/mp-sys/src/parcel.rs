//! Packets that bring bytes and descriptors together.
//!
//! Does **not** know what they mean. Few and rare: each is received into memory of its own size.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use crate::socket::{arrived, receive, retry};

/// The most bytes of one packet.
pub const LONGEST: usize = 32 * 1024;

/// The most descriptors of one packet.
const MOST: usize = 64;

/// Sends one packet without waiting.
///
/// # Errors
/// `WouldBlock` when the buffer is full; `BrokenPipe` when the other end is gone.
pub fn send(fd: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let rights = if raw.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    retry(|| sendmsg::<()>(fd.as_fd().as_raw_fd(), &[IoSlice::new(bytes)], rights, flags, None))?;
    Ok(())
}

/// Waits for one packet, for as long as it takes. Its descriptors are close-on-exec. `None` at the end of file.
///
/// # Errors
/// `InvalidData` when it was too long, or some of its descriptors could not be taken: then none is.
pub fn recv(fd: impl AsFd) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let raw = fd.as_fd().as_raw_fd();
    let look = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
    let len = receive(|| nix::sys::socket::recv(raw, &mut [0], look))?;
    let mut bytes = vec![0; len.min(LONGEST)];
    let Some((_, fds)) = fill(raw, &mut bytes, 0)? else { return Ok(None) };
    if len > LONGEST { Err(io::ErrorKind::InvalidData.into()) } else { Ok(Some((bytes, fds))) }
}

/// As [`recv`], without waiting.
///
/// # Errors
/// As [`recv`], and `WouldBlock` when there is none.
pub fn take(fd: impl AsFd) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    thread_local! {
        static ROOM: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
    }
    let mut room = ROOM.take();
    room.resize(LONGEST, 0);
    let taken = fill(fd.as_fd().as_raw_fd(), &mut room, libc::MSG_DONTWAIT);
    let taken = taken.map(|taken| taken.map(|(len, fds)| (room[..len].to_vec(), fds)));
    ROOM.set(room);
    taken
}

/// Receives one packet into `bytes`.
#[expect(unsafe_code, reason = "as in socket: nix gives no access to what came of a packet that was cut short")]
fn fill(raw: RawFd, bytes: &mut [u8], flags: i32) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    let mut slice = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut space = nix::cmsg_space!([RawFd; MOST]);
    // SAFETY: a message header of zeros is one without any part.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&raw mut slice, 1);
    (header.msg_control, header.msg_controllen) = (space.as_mut_ptr().cast(), space.capacity() as _);
    // SAFETY: the header speaks of the bytes and of the space, which outlive the call, and of their lengths.
    let len =
        receive(|| Errno::result(unsafe { libc::recvmsg(raw, &raw mut header, flags | libc::MSG_CMSG_CLOEXEC) }))?;
    // SAFETY: the kernel has just filled it.
    let fds = unsafe { arrived(&header) };
    match len {
        0 => Ok(None),
        _ if header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 => Err(io::ErrorKind::InvalidData.into()),
        _ => Ok(Some((len as usize, fds))),
    }
}

/// As [`recv`], at most for `limit`.
///
/// # Errors
/// As [`recv`], and `TimedOut`.
pub fn recv_within(fd: impl AsFd, limit: Duration) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: a wait that ends early would spin.
        let millis = PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], millis) {
            Ok(0) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return recv(fd),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the other end is closed, whatever it has left to be read.
///
/// # Errors
/// None for an open descriptor.
pub fn is_hung_up(fd: impl AsFd) -> io::Result<bool> {
    let mut asked = [PollFd::new(fd.as_fd(), PollFlags::empty())];
    retry(|| poll(&mut asked, PollTimeout::ZERO))?;
    Ok(asked[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::packet_pair;

    #[test]
    fn bytes_and_descriptors_come_together_and_then_the_end() {
        let (a, b) = packet_pair().expect("a pair");
        let (c, d) = packet_pair().expect("another");
        send(&a, b"parcel", &[c.as_fd(), d.as_fd()]).expect("sent");
        send(&a, b"letter", &[]).expect("sent");
        drop(a);
        let (bytes, fds) = recv(&b).expect("received").expect("a packet");
        assert_eq!((&bytes[..], fds.len()), (&b"parcel"[..], 2));
        let (bytes, fds) = recv(&b).expect("received").expect("a packet");
        assert_eq!((&bytes[..], fds.len()), (&b"letter"[..], 0));
        assert!(recv(&b).expect("no error").is_none());
    }

    #[test]
    fn what_does_not_come_is_waited_for_in_bounds() {
        let (_a, b) = packet_pair().expect("a pair");
        let late = recv_within(&b, Duration::from_millis(5)).expect_err("nobody writes");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn too_long_a_packet_is_refused() {
        let (a, b) = packet_pair().expect("a pair");
        send(&a, &[1; LONGEST + 1], &[]).expect("sent");
        assert_eq!(recv(&b).expect_err("cut short").kind(), io::ErrorKind::InvalidData);
    }
}
