//! Packet sockets between two processes, and file descriptors sent through them.
//!
//! Does **not** know what the packets mean.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType, recv, recvmsg, send,
    sendmsg, shutdown, socketpair,
};

/// Descriptors made here lie at or above this number, so that a child's own (3, 4, ..) never collide with them.
const LOWEST: RawFd = 16;

/// Two ends of a SEQPACKET line: packets keep their bounds, both directions. Close-on-exec.
///
/// # Errors
/// When there are no descriptors left.
pub fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((raise(&a)?, raise(&b)?))
}

/// A duplicate of `fd` out of the way of a child's numbers, close-on-exec.
///
/// # Errors
/// When there are no descriptors left.
#[expect(unsafe_code, reason = "fcntl gives a number that is ours to own")]
pub fn raise(fd: impl AsFd) -> io::Result<OwnedFd> {
    let raw = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(LOWEST))?;
    // SAFETY: F_DUPFD_CLOEXEC just made this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Makes the open descriptor `target` another name of `fd`, close-on-exec. Whoever owns `target` goes on owning it.
///
/// # Errors
/// When `target` is out of range.
#[expect(unsafe_code, reason = "a descriptor owned elsewhere is redirected")]
pub fn redirect(fd: impl AsFd, target: RawFd) -> io::Result<()> {
    // SAFETY: dup3 has no memory effects. It is not safe in the sense of I/O safety for arbitrary targets;
    // the one caller (mp-link's adoption) has just proven `target` to be that of a channel it owns.
    match unsafe { nix::libc::dup3(fd.as_fd().as_raw_fd(), target, nix::libc::O_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Makes standard input read from `file`.
///
/// # Errors
/// None for an open descriptor.
pub(crate) fn redirect_stdin(file: impl AsFd) -> io::Result<()> {
    Ok(nix::unistd::dup2_stdin(file)?)
}

/// Looks at the front of the next packet of `fd` without taking it, and without waiting. Gives the length of the whole
/// packet, which may be more than `buffer` holds; 0 means end of file.
///
/// # Errors
/// `WouldBlock` when there is none; `ENOTSOCK` and its like when `fd` is no socket.
pub fn peek(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(retry(|| recv(fd, buffer, MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT))?)
}

/// Sends one packet without waiting.
///
/// # Errors
/// `WouldBlock` when the buffer is full; `BrokenPipe` when the other end is gone.
pub fn send_now(fd: impl AsFd, packet: &[u8]) -> io::Result<()> {
    send_on(fd.as_fd().as_raw_fd(), packet)
}

/// As [`send_now`], for a descriptor of which only the number is known.
///
/// # Errors
/// As [`send_now`].
pub fn send_on(fd: RawFd, packet: &[u8]) -> io::Result<()> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    retry(|| send(fd, packet, flags))?;
    Ok(())
}

/// Makes sending to and receiving from `fd` fail with `WouldBlock` where it would wait. The other end is not concerned.
///
/// # Errors
/// None for an open descriptor.
pub fn never_wait(fd: impl AsFd) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
    Ok(())
}

/// No more packets: the reader gets what is queued, then end of file; a writer at the other end gets `BrokenPipe`.
pub fn hang_up(fd: impl AsFd) {
    // It fails only where the other end is gone already, which is what was wanted.
    let _ = shutdown(fd.as_fd().as_raw_fd(), Shutdown::Both);
}

/// Sends descriptors (at most 64) in one packet, without waiting.
///
/// # Errors
/// `WouldBlock` when the buffer is full; `BrokenPipe` when the other end is gone.
pub fn send_fds(fd: impl AsFd, fds: &[OwnedFd]) -> io::Result<()> {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    retry(|| sendmsg::<()>(fd.as_fd().as_raw_fd(), &[IoSlice::new(&[1])], &rights, flags, None))?;
    Ok(())
}

/// Receives the descriptors of one packet, close-on-exec, without waiting.
///
/// # Errors
/// `WouldBlock` when there is no packet; `UnexpectedEof` at the end.
#[expect(unsafe_code, reason = "descriptors that arrive are ours to own")]
pub fn recv_fds(fd: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut byte = [0];
    let mut space = nix::cmsg_space!([RawFd; 64]);
    let mut slices = [IoSliceMut::new(&mut byte)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(fd.as_fd().as_raw_fd(), &mut slices, Some(&mut space), flags)?;
    let mut fds = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel has just made these descriptors for us.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(fds)
}

/// The numbers of all open descriptors.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(nix::errno::Errno::EINTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_cross() {
        let (a, b) = packet_pair().expect("a pair");
        let (c, d) = packet_pair().expect("another");
        send_fds(&a, &[c]).expect("sent");
        let arrived = recv_fds(&b).expect("received");
        send_now(&arrived[0], b"hello").expect("sent through what arrived");
        let mut buffer = [0; 8];
        assert_eq!(peek(d.as_raw_fd(), &mut buffer).expect("a packet"), 5);
        assert_eq!(recv_fds(&b).expect_err("no more").kind(), io::ErrorKind::WouldBlock);
        drop(a);
        assert_eq!(recv_fds(&b).expect_err("the end").kind(), io::ErrorKind::UnexpectedEof);
    }
}
