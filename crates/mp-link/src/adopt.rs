//! Makes ipc-channel speak over a socket that we made.
//!
//! Does **not** know frames.
//!
//! ipc-channel hands a channel to another process by a socket in the file system: a name that outlives a crash, an
//! `accept` without a time limit, a directory that anybody may look into. A worker inherits its socket instead. What
//! is missing is a way to tell ipc-channel of it, so we let it make a channel of its own and redirect that channel's
//! two descriptors (`dup3(2)`) to our socket. To find them without knowing its private fields, a cookie is sent each
//! way, and the descriptors are looked at until one shows it at its front:
//!
//! ```text
//!   (tx, rx) = bytes_channel()      tx.send(cookie)       the one that shows it is rx's
//!                                   send on rx's: cookie  the one that shows it is tx's
//! ```
//!
//! Looking (`MSG_PEEK`) changes nothing in a descriptor that is not ours.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, bytes_channel};
use mp_sys::socket;
use parking_lot::Mutex;

/// ipc-channel puts the packet's length and the message's length before the data.
pub(crate) const HEADER: usize = 16;

/// A sender and a receiver that both speak over `socket`.
pub(crate) fn adopt(socket: &OwnedFd) -> io::Result<(IpcBytesSender, IpcBytesReceiver)> {
    let kept = KEPT.lock().take();
    let channel = kept.map_or_else(Channel::new, Ok)?;
    socket::redirect(socket, channel.sending)?;
    socket::redirect(socket, channel.receiving)?;
    Ok((channel.sender, channel.receiver))
}

/// Has a channel ready for the next socket, here or in a copy of this process.
pub(crate) fn prepare() -> io::Result<()> {
    let channel = Channel::new()?;
    KEPT.lock().replace(channel);
    Ok(())
}

static KEPT: Mutex<Option<Channel>> = Mutex::new(None);

/// One that ipc-channel has made for itself, and the numbers of its descriptors.
struct Channel {
    sender: IpcBytesSender,
    receiver: IpcBytesReceiver,
    sending: RawFd,
    receiving: RawFd,
}

impl Channel {
    fn new() -> io::Result<Self> {
        let guess = next_two()?;
        let (sender, receiver) = bytes_channel()?;
        let cookie = cookie();
        sender.send(&cookie)?;
        let receiving = find(guess, HEADER, &cookie)?;
        send_back(receiving, &cookie)?;
        let sending = find(guess, 0, &cookie)?;
        Ok(Self { sender, receiver, sending, receiving })
    }
}

/// The numbers that the next two descriptors will have, if no other thread opens or closes one first.
fn next_two() -> io::Result<[RawFd; 2]> {
    let (one, other) = io::pipe()?;
    Ok([one.as_raw_fd(), other.as_raw_fd()])
}

/// 16 bytes that no other socket of this process has at the front of its queue.
fn cookie() -> [u8; 16] {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut cookie = *b"mp-line\0--------";
    let unique = COUNT.fetch_add(1, Ordering::Relaxed) ^ mp_sys::clock::monotonic_ns().rotate_left(24);
    cookie[8..].copy_from_slice(&unique.to_ne_bytes());
    cookie
}

fn find(guess: [RawFd; 2], skip: usize, cookie: &[u8]) -> io::Result<RawFd> {
    if let Some(fd) = guess.into_iter().find(|fd| shows(*fd, skip, cookie)) {
        return Ok(fd);
    }
    let missing = || io::Error::other("the descriptors of a new channel were not found");
    socket::open_descriptors()?.into_iter().find(|fd| shows(*fd, skip, cookie)).ok_or_else(missing)
}

fn shows(fd: RawFd, skip: usize, cookie: &[u8]) -> bool {
    let mut front = [0; HEADER + 16];
    socket::peek(fd, &mut front).is_ok_and(|len| len == skip + cookie.len()) && front[skip..].starts_with(cookie)
}

fn send_back(receiving: RawFd, cookie: &[u8]) -> io::Result<()> {
    socket::send_on(receiving, cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adopted_socket_carries_frames_both_ways() {
        let (a, b) = socket::packet_pair().expect("a pair");
        let (a_send, a_recv) = adopt(&a).expect("adopted");
        let (b_send, b_recv) = adopt(&b).expect("adopted");
        a_send.send(b"there").expect("sent");
        b_send.send(b"and back").expect("sent");
        assert_eq!(b_recv.recv().expect("received"), b"there");
        assert_eq!(a_recv.recv().expect("received"), b"and back");
    }

    #[test]
    fn what_was_prepared_is_used_once() {
        prepare().expect("prepared");
        an_adopted_socket_carries_frames_both_ways();
        assert!(KEPT.lock().is_none());
    }

    #[test]
    fn threads_that_open_descriptors_do_not_confuse_it() {
        let open = || (0..200).map(|_| std::fs::File::open("/dev/null").map(drop)).all(|done| done.is_ok());
        std::thread::scope(|scope| {
            let noise = scope.spawn(open);
            for _ in 0..50 {
                an_adopted_socket_carries_frames_both_ways();
            }
            assert!(noise.join().expect("no panic"));
        });
    }
}
