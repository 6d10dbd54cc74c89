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
//!
//! What was found once is used again: workers come and go, and to let two sockets go while others are on their way through a
//! third has the kernel look for cycles among them, in a thread that it wakes for it.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, bytes_channel};
use mp_sys::socket;
use parking_lot::Mutex;

/// ipc-channel puts the packet's length and the message's length before the data.
pub(crate) const HEADER: usize = 16;

/// A channel that nobody uses just now, for the next socket. Where workers follow each other there is always one.
static KEPT: Mutex<Option<Channel>> = Mutex::new(None);

/// One that ipc-channel has made for itself, and the numbers of its descriptors.
pub(crate) struct Channel {
    pub(crate) sender: Mutex<IpcBytesSender>,
    pub(crate) receiver: Mutex<IpcBytesReceiver>,
    sending: RawFd,
    receiving: RawFd,
}

/// A channel that speaks over a socket of ours. Dropped, it lets go of that, and is kept for the next.
pub(crate) struct Adopted(Option<Channel>);

impl Adopted {
    /// A sender and a receiver that both speak over `socket`.
    pub(crate) fn over(socket: &OwnedFd) -> io::Result<Self> {
        let kept = KEPT.lock().take();
        let channel = kept.map_or_else(|| Channel::new(socket), Ok)?;
        channel.redirect(socket)?;
        Ok(Self(Some(channel)))
    }
}

impl Deref for Adopted {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        self.0.as_ref().unwrap_or_else(|| unreachable!("it has a channel until it is dropped"))
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        if let Some(channel) = self.0.take() {
            channel.keep();
        }
    }
}

impl Channel {
    /// `any` descriptor tells which are free.
    fn new(any: impl AsFd) -> io::Result<Self> {
        let guess = next_two(any)?;
        let (sender, receiver) = bytes_channel()?;
        let cookie = cookie();
        sender.send(&cookie)?;
        let receiving = find(guess, HEADER, &cookie)?;
        send_back(receiving, &cookie)?;
        let sending = find(guess, 0, &cookie)?;
        Ok(Self { sender: Mutex::new(sender), receiver: Mutex::new(receiver), sending, receiving })
    }

    fn redirect(&self, to: impl AsFd) -> io::Result<()> {
        socket::redirect(&to, self.sending)?;
        socket::redirect(&to, self.receiving)
    }

    /// Keeps it, if there is no other. Its socket is let go of either way: the peer has to see its end.
    fn keep(self) {
        let mut kept = KEPT.lock();
        if kept.is_none() && File::open(NOWHERE).is_ok_and(|nowhere| self.redirect(nowhere).is_ok()) {
            *kept = Some(self);
        }
    }
}

/// What a channel is redirected to that nobody uses.
const NOWHERE: &str = "/dev/null";

/// The numbers that the next two descriptors will have, if no other thread opens or closes one first.
fn next_two(any: impl AsFd) -> io::Result<[RawFd; 2]> {
    let (one, other) = (any.as_fd().try_clone_to_owned()?, any.as_fd().try_clone_to_owned()?);
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

    fn speaks(a: &Adopted, b: &Adopted) {
        a.sender.lock().send(b"there").expect("sent");
        b.sender.lock().send(b"and back").expect("sent");
        assert_eq!(b.receiver.lock().recv().expect("received"), b"there");
        assert_eq!(a.receiver.lock().recv().expect("received"), b"and back");
    }

    #[test]
    fn an_adopted_socket_carries_frames_both_ways() {
        let (a, b) = socket::packet_pair().expect("a pair");
        speaks(&Adopted::over(&a).expect("adopted"), &Adopted::over(&b).expect("adopted"));
    }

    #[test]
    fn a_channel_that_is_used_again_has_let_go_of_its_socket() {
        for _ in 0..4 {
            let (a, b) = socket::packet_pair().expect("a pair");
            let adopted = Adopted::over(&a).expect("adopted");
            adopted.sender.lock().send(b"unread").expect("sent");
            drop((adopted, a));
            let mut front = [0; HEADER];
            assert_eq!(socket::peek(b.as_raw_fd(), &mut front).expect("a packet"), HEADER + 6);
            let b = Adopted::over(&b).expect("adopted");
            assert_eq!(b.receiver.lock().recv().expect("received"), b"unread");
            assert!(b.receiver.lock().recv().is_err(), "the other end is gone, for this one as well");
        }
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
