//! A line to another process: ipc-channel's `bytes_channel` over an inherited socket.
//!
//! Does **not** know what the frames say.
//!
//! The receiving side of a supervisor trusts nothing (I9). ipc-channel takes the lengths in a packet at their word: a
//! packet that claims to be one of several makes `recv` wait for the others, one that claims a second socket makes it
//! panic. So [`IpcLine::try_recv`] looks at the lengths first, and passes on only what cannot wait.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, io};

use ipc_channel::IpcError;
use mp_sys::socket;
use mp_wire::frame::FRAME_MAX;

use crate::LinkError;
use crate::adopt::{Adopted, HEADER};

pub(crate) struct IpcLine {
    socket: OwnedFd,
    channel: Adopted,
    descriptors: OwnedFd,
}

impl IpcLine {
    pub(crate) fn new(socket: OwnedFd, descriptors: OwnedFd) -> io::Result<Self> {
        Ok(Self { channel: Adopted::over(&socket)?, socket, descriptors })
    }

    pub(crate) fn send(&self, frame: &[u8], descriptors: Vec<OwnedFd>) -> Result<(), LinkError> {
        let sender = self.channel.sender.lock();
        if !descriptors.is_empty() {
            socket::send_fds(&self.descriptors, &descriptors).map_err(LinkError::of_io)?;
        }
        sender.send(frame).map_err(LinkError::of_io)
    }

    pub(crate) fn recv(&self) -> Result<Vec<u8>, LinkError> {
        let receiver = self.channel.receiver.lock();
        loop {
            match receiver.recv() {
                Ok(frame) => return Ok(right_sized(frame)),
                Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(IpcError::Disconnected) => return Err(LinkError::Gone),
                Err(IpcError::Io(error)) => return Err(LinkError::of_io(error)),
                Err(error) => return Err(LinkError::Rubbish(error.to_string())),
            }
        }
    }

    pub(crate) fn try_recv(&self) -> Result<Option<Vec<u8>>, LinkError> {
        let receiver = self.channel.receiver.lock();
        if !self.look()? {
            return Ok(None);
        }
        match catch_unwind(AssertUnwindSafe(|| receiver.recv())) {
            Ok(Ok(frame)) => Ok(Some(right_sized(frame))),
            Ok(Err(IpcError::Disconnected)) => Err(LinkError::Gone),
            Ok(Err(error)) => Err(LinkError::Rubbish(error.to_string())),
            Err(_) => Err(LinkError::Rubbish("a packet that ipc-channel cannot read".to_owned())),
        }
    }

    /// Whether the next packet is there, and whole.
    fn look(&self) -> Result<bool, LinkError> {
        let mut header = [0; HEADER];
        let len = match socket::peek(self.socket.as_raw_fd(), &mut header) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            other => other.map_err(LinkError::of_io)?,
        };
        let (packet, message) = header.split_at(8);
        let announced = |bytes: &[u8]| bytes.try_into().map_or(0, usize::from_ne_bytes);
        let (packet, message) = (announced(packet), announced(message));
        match len {
            0 => Err(LinkError::Gone),
            _ if len == packet && len.checked_sub(HEADER) == Some(message) && message <= FRAME_MAX => Ok(true),
            _ => Err(LinkError::Rubbish(format!("a packet of {len} bytes that says {packet} and {message}"))),
        }
    }

    pub(crate) fn descriptors(&self) -> Result<Vec<OwnedFd>, LinkError> {
        socket::recv_fds(&self.descriptors).map_err(LinkError::of_io)
    }

    pub(crate) fn beside(&self) -> BorrowedFd<'_> {
        self.descriptors.as_fd()
    }

    pub(crate) fn hang_up(&self) {
        socket::hang_up(&self.socket);
    }
}

/// ipc-channel's buffer keeps the 212,448 bytes that any packet could have needed.
fn right_sized(frame: Vec<u8>) -> Vec<u8> {
    frame.as_slice().to_vec()
}

impl AsFd for IpcLine {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Debug for IpcLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpcLine").field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (IpcLine, OwnedFd) {
        let (ours, theirs) = socket::packet_pair().expect("a pair");
        let (descriptors, _) = socket::packet_pair().expect("a pair");
        (IpcLine::new(ours, descriptors).expect("a line"), theirs)
    }

    fn packet(packet: usize, message: usize, data: &[u8]) -> Vec<u8> {
        [&packet.to_ne_bytes(), &message.to_ne_bytes(), data].concat()
    }

    #[test]
    fn nothing_is_there_until_it_is() {
        let (line, theirs) = pair();
        assert!(matches!(line.try_recv(), Ok(None)));
        socket::send_now(&theirs, &packet(19, 3, b"abc")).expect("sent");
        assert_eq!(line.try_recv().expect("whole"), Some(b"abc".to_vec()));
        drop(theirs);
        assert!(matches!(line.try_recv(), Err(LinkError::Gone)));
    }

    #[test]
    fn rubbish_is_named_and_never_waited_for() {
        let half = packet(usize::MAX, 3, b"abc");
        let fragment = packet(19, 1 << 40, b"abc");
        for rubbish in [&b"x"[..], &[0; 16], &half, &fragment, &[255; 300]] {
            let (line, theirs) = pair();
            socket::send_now(&theirs, rubbish).expect("sent");
            assert!(matches!(line.try_recv(), Err(LinkError::Rubbish(_))), "{rubbish:?}");
        }
    }

    #[test]
    fn two_full_frames_and_a_stop_fit_without_waiting() {
        // I3: what two credits allow, and the small frames beside them, never fills the kernel's buffer.
        let (a, b) = socket::packet_pair().expect("a pair");
        let (descriptors, _) = socket::packet_pair().expect("a pair");
        let line = IpcLine::new(a, descriptors).expect("a line");
        let mut free = 0;
        for frame in [vec![1; FRAME_MAX], vec![2; FRAME_MAX], vec![3; 64], vec![4; 64]] {
            line.send(&frame, Vec::new()).expect("sent without a reader");
            free += 1;
        }
        assert_eq!((free, b.as_raw_fd() > 0), (4, true));
    }
}
