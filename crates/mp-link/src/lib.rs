//! A two-way line to one worker: over ipc-channel, or between threads.
//!
//! Does **not** know tasks: it carries frames, and file descriptors beside them. It alone names ipc-channel.
//!
//! ```text
//!  supervisor                                             worker
//!   Line ──── frames, bytes_channel over one socket pair ──── Line
//!     └────── descriptors, over a second socket pair ───────────┘
//!   Status ── claims, started, mailbox, outbox: shared ───── Status
//! ```
//!
//! One line per worker and nothing shared between workers: a dying worker takes down only its own. The supervisor's
//! side never waits: a send is covered by a credit (I3), a receive looks before it takes (I2).

mod adopt;
pub mod baggage;
pub mod births;
mod error;
mod ipc;
mod loopback;
mod mailbox;
mod note;
mod spin;
mod status;
mod stint;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub use error::LinkError;
pub use mailbox::{FEW, Heard};
pub use note::{NOTE_MAX, Note};
pub use spin::Spin;
pub use status::{Begun, Status};
pub use stint::{Claims, Shelf};

use ipc::IpcLine;
use loopback::Loopback;

/// One end of a line.
#[derive(Debug)]
pub struct Line(Kind);

#[derive(Debug)]
enum Kind {
    Ipc(IpcLine),
    Loopback(Loopback),
}

impl Line {
    /// A line over two packet sockets whose other ends are, or will be, with the peer.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn over_sockets(frames: OwnedFd, descriptors: OwnedFd) -> io::Result<Self> {
        Ok(Self(Kind::Ipc(IpcLine::new(frames, descriptors)?)))
    }

    /// Both ends of a line between two threads: the supervisor's, which can be polled, and the worker's.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn between_threads() -> io::Result<(Self, Self)> {
        let (supervisor, worker) = Loopback::pair()?;
        Ok((Self(Kind::Loopback(supervisor)), Self(Kind::Loopback(worker))))
    }

    /// Sends one frame, after the descriptors that belong to it (at most 64).
    ///
    /// The supervisor sends only under a credit, so that the kernel's buffer has room; a worker may wait here
    /// until its supervisor reads.
    ///
    /// # Errors
    /// When the peer is gone, or the frame is above [`mp_wire::frame::FRAME_MAX`] (I4).
    pub fn send(&self, frame: &[u8], descriptors: Vec<OwnedFd>) -> Result<(), LinkError> {
        if frame.len() > mp_wire::frame::FRAME_MAX {
            return Err(LinkError::TooLong(frame.len()));
        }
        match &self.0 {
            Kind::Ipc(line) => line.send(frame, descriptors),
            Kind::Loopback(line) => line.send(frame, descriptors),
        }
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    /// When the peer is gone.
    pub fn recv(&self) -> Result<Vec<u8>, LinkError> {
        match &self.0 {
            Kind::Ipc(line) => line.recv(),
            Kind::Loopback(line) => line.recv(),
        }
    }

    /// As [`Line::recv`], but awake for a moment, where `spin` has hope.
    ///
    /// # Errors
    /// As [`Line::recv`].
    pub fn recv_soon(&self, spin: &mut Spin) -> Result<Vec<u8>, LinkError> {
        spin.wait(|| self.try_recv().transpose(), || self.recv())
    }

    /// The next frame, if it is there. Never waits, whatever the peer has written (I9).
    ///
    /// # Errors
    /// When the peer is gone and all it sent has been read, or when it has written rubbish.
    pub fn try_recv(&self) -> Result<Option<Vec<u8>>, LinkError> {
        match &self.0 {
            Kind::Ipc(line) => line.try_recv(),
            Kind::Loopback(line) => line.try_recv(),
        }
    }

    /// The descriptors that were sent before a frame which announced some. Never waits.
    ///
    /// # Errors
    /// When there are none.
    pub fn descriptors(&self) -> Result<Vec<OwnedFd>, LinkError> {
        match &self.0 {
            Kind::Ipc(line) => line.descriptors(),
            Kind::Loopback(line) => line.descriptors(),
        }
    }

    /// The socket for descriptors, for who hears on it before the first frame who it is, or says it.
    ///
    /// # Errors
    /// Between threads there is none.
    pub fn beside(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Ipc(line) => Ok(line.beside()),
            Kind::Loopback(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Ends the line for both sides: the peer reads what is queued and then its end.
    pub fn hang_up(&self) {
        match &self.0 {
            Kind::Ipc(line) => line.hang_up(),
            Kind::Loopback(line) => line.hang_up(),
        }
    }
}

/// Readable when [`Line::try_recv`] has something to say.
impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Kind::Ipc(line) => line.as_fd(),
            Kind::Loopback(line) => line.as_fd(),
        }
    }
}
