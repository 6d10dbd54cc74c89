//! Packet sockets between two processes, and file descriptors sent through them.
//!
//! Does **not** know what the packets mean.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, Shutdown, SockFlag, SockType, recv, send, sendmsg, shutdown, socketpair,
};

/// What is to be given to a child is duplicated to a number at or above this one, where it is not overwritten by the child's own
/// (3, 4, ..) before its turn comes.
const LOWEST: RawFd = 8;

/// The most descriptors that one packet may bring.
const MOST: usize = 64;

/// Two ends of a SEQPACKET line: packets keep their bounds, both directions. Close-on-exec.
///
/// # Errors
/// When there are no descriptors left.
pub fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((raised(a)?, raised(b)?))
}

/// `fd` where no standard stream is: itself, if it is, else as [`raise`] gives it. A program may have closed its own, and what
/// it or another writes to them then must not come to us.
///
/// # Errors
/// As [`raise`].
pub fn raised(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO { Ok(fd) } else { raise(&fd) }
}

/// A duplicate of `fd` out of the way of a child's numbers, close-on-exec.
///
/// # Errors
/// When there are no descriptors left.
#[expect(unsafe_code, reason = "fcntl gives a number that is ours to own")]
pub fn raise(fd: impl AsFd) -> io::Result<OwnedFd> {
    // What is above the limit is said to be invalid; it is that there are no more.
    let none_left = |error| if error == Errno::EINVAL { Errno::EMFILE } else { error };
    let raw = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(LOWEST)).map_err(none_left)?;
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
    match unsafe { libc::dup3(fd.as_fd().as_raw_fd(), target, libc::O_CLOEXEC) } {
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
    Ok(receive(|| recv(fd, buffer, MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT))?)
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

/// Asks for room for `bytes` of packets, as the kernel counts them, on the way from `fd`. What the system allows
/// (`net.core.wmem_max`) bounds it.
///
/// # Errors
/// None for an open socket.
pub fn make_room(fd: impl AsFd, bytes: usize) -> io::Result<()> {
    // The kernel doubles what it is asked for, to have room for its own.
    Ok(nix::sys::socket::setsockopt(&fd, nix::sys::socket::sockopt::SndBuf, &(bytes / 2))?)
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
/// `WouldBlock` when there is no packet; `UnexpectedEof` at the end; `InvalidData` when some of the descriptors could not
/// be taken, because there are more than 64 or this process can have no more: then none is.
#[expect(unsafe_code, reason = "nix gives no access to what came of a packet that was cut short, which would leak")]
pub fn recv_fds(fd: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut byte = [0_u8];
    let mut slice = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut space = nix::cmsg_space!([RawFd; MOST]);
    // SAFETY: a message header of zeros is one without any part.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&raw mut slice, 1);
    (header.msg_control, header.msg_controllen) = (space.as_mut_ptr().cast(), space.capacity() as _);
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the header speaks of the byte and of the space, which outlive the call, and of their lengths.
    let taken = receive(|| Errno::result(unsafe { libc::recvmsg(fd.as_fd().as_raw_fd(), &raw mut header, flags) }))?;
    // SAFETY: the kernel has just filled it.
    let fds = unsafe { arrived(&header) };
    match taken {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if header.msg_flags & libc::MSG_CTRUNC != 0 => Err(io::ErrorKind::InvalidData.into()),
        _ => Ok(fds),
    }
}

/// The descriptors that came with a message.
///
/// # Safety
/// `header` is as `recvmsg` left it, its control buffer is alive, and this is called once for it.
#[expect(unsafe_code, reason = "descriptors that arrive are ours to own")]
pub(crate) unsafe fn arrived(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: these walk the control messages within the length that the kernel wrote.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = control.as_ref() {
            if (message.cmsg_level, message.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let bytes = message.cmsg_len - libc::CMSG_LEN(0) as usize;
                let first = libc::CMSG_DATA(control).cast::<RawFd>();
                let own = |i| OwnedFd::from_raw_fd(first.add(i).read_unaligned());
                fds.extend((0..bytes / size_of::<RawFd>()).map(own));
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    fds
}

/// The numbers of all open descriptors.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// A peer that dies with unread packets leaves an error behind, which the kernel reports once and before the packets that
/// the peer had sent. They are what counts: their end says as well that it is gone.
pub(crate) fn receive<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    retry(|| match call() {
        Err(Errno::ECONNRESET) => call(),
        other => other,
    })
}

pub(crate) fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_before_a_death_is_read_after_it() {
        // A process that dies with unread packets leaves an error before those that it had sent.
        let (ours, theirs) = packet_pair().expect("a pair");
        send_now(&ours, b"never read").expect("sent");
        send_now(&theirs, b"the last word").expect("sent");
        drop(theirs);
        assert_eq!(peek(ours.as_raw_fd(), &mut [0; 4]).expect("no error"), 13);

        let (ours, theirs) = packet_pair().expect("a pair");
        send_fds(&ours, &[any()]).expect("sent");
        send_fds(&theirs, &[any()]).expect("sent");
        drop(theirs);
        assert_eq!(recv_fds(&ours).expect("no error").len(), 1);
    }

    fn any() -> OwnedFd {
        std::fs::File::open("/dev/null").expect("opened").into()
    }

    #[test]
    fn of_too_many_descriptors_none_is_kept() {
        let (ours, theirs) = packet_pair().expect("a pair");
        let (reading, writing) = nix::unistd::pipe().expect("a pipe");
        let many: Vec<OwnedFd> = (0..MOST + 9).map(|_| writing.try_clone().expect("duplicated")).collect();
        send_fds(&theirs, &many).expect("sent");
        drop((many, writing));
        assert!(recv_fds(&ours).is_err());
        never_wait(&reading).expect("set");
        assert_eq!(nix::unistd::read(&reading, &mut [0]), Ok(0), "no writing end is left open");
    }

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
