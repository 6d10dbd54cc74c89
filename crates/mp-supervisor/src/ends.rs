//! What a process is born with, and our ends of it.
//!
//! Does **not** know how it is born.

use std::io;
use std::os::fd::OwnedFd;

use mp_link::{Line, Status};
use mp_sys::{birth, socket};
use mp_worker::Sockets;

/// What the credits count on (see `FRAME_MAX`), whatever the system's default is.
const ROOM: usize = 212_992;

/// Our ends.
pub(crate) struct Ours {
    frames: OwnedFd,
    descriptors: OwnedFd,
    status: Status,
}

impl Ours {
    /// Where a process is forked it is best called when that is on its way: it takes a third of the supervisor's part.
    pub(crate) fn line(self) -> io::Result<(Line, Status)> {
        Ok((Line::over_sockets(self.frames, self.descriptors)?, self.status))
    }
}

/// Both ends of all of it.
pub(crate) fn ends() -> io::Result<(Ours, Sockets)> {
    let (frames, their_frames) = socket::packet_pair()?;
    // I2, by the kernel: a worker that forges the return of its credits fills its line, and is ended for it.
    socket::never_wait(&frames)?;
    socket::make_room(&frames, ROOM)?;
    let (descriptors, their_descriptors) = socket::packet_pair()?;
    let (status, their_status) = Status::create()?;
    let theirs = Sockets {
        frames: their_frames,
        descriptors: their_descriptors,
        lifeline: birth::lifeline()?,
        status: their_status,
    };
    Ok((Ours { frames, descriptors, status }, theirs))
}
