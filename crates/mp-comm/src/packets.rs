//! One end of a pipe: messages as packets of a socket pair, with descriptors beside the bytes.
//!
//! Does **not** know types.
//!
//! ```text
//!  small:  | 0 | bytes            |  + the descriptors that the message carries
//!  large:  | 1 | length (8 bytes) |  + a memory file with the bytes, then those
//! ```
//!
//! A message is one packet, so it comes whole or not at all, whenever its sender is killed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use mp_link::Spin;
use mp_sys::poll::Way;
use mp_sys::{memory, parcel, socket};
use parking_lot::Mutex;

use crate::error::CommError;
use crate::until::Until;

const SMALL: u8 = 0;
const LARGE: u8 = 1;

/// A message, and what it carries.
pub(crate) type Message = (Vec<u8>, Vec<OwnedFd>);

/// One end.
#[derive(Debug)]
pub(crate) struct Packets {
    fd: OwnedFd,
    /// Somebody else has it now: dropping it here must not end it there.
    handed_over: AtomicBool,
    receiving: Mutex<Spin>,
}

impl Packets {
    pub(crate) fn pair() -> Result<(Self, Self), CommError> {
        let (a, b) = socket::packet_pair().map_err(CommError::os("making a pipe"))?;
        Ok((Self::new(a)?, Self::new(b)?))
    }

    pub(crate) fn new(fd: OwnedFd) -> Result<Self, CommError> {
        socket::never_wait(&fd).map_err(CommError::os("taking a pipe"))?;
        Ok(Self { fd, handed_over: AtomicBool::new(false), receiving: Mutex::new(Spin::new()) })
    }

    /// It travels: what is here is a duplicate from now on.
    pub(crate) fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Relaxed);
    }

    /// Sends `record`, a byte of room and the message.
    pub(crate) fn send(&self, record: &mut [u8], carried: &[OwnedFd], until: Until) -> Result<(), CommError> {
        let mut head = [LARGE; 9];
        let (file, packet);
        if record.len() > parcel::LONGEST {
            let bytes = &record[1..];
            file = Some(memory::file_with(bytes).map_err(CommError::os("making memory for a large message"))?);
            head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            packet = &head[..];
        } else {
            record[0] = SMALL;
            (file, packet) = (None, &*record);
        }
        let fds: Vec<_> = file.iter().chain(carried).map(AsFd::as_fd).collect();
        loop {
            match parcel::send(&self.fd, packet, &fds) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => until.wait(&self.fd, Way::Write)?,
                sent => return sent.map_err(CommError::os("sending to a pipe")),
            }
        }
    }

    pub(crate) fn recv(&self, until: Until) -> Result<Message, CommError> {
        let mut spin = until.lock(&self.receiving)?;
        let parcel = match self.look() {
            Some(parcel) => parcel?,
            None => spin.wait(|| self.look(), || self.sleep(until))?,
        };
        let (mut bytes, mut fds) = parcel.ok_or(CommError::Closed)?;
        match bytes.first() {
            Some(&SMALL) => {
                bytes.remove(0);
                Ok((bytes, fds))
            }
            Some(&LARGE) if bytes.len() == 9 && !fds.is_empty() => {
                let len = bytes.last_chunk().map_or(0, |len| u64::from_le_bytes(*len));
                let read = memory::read_file(fds.remove(0), len);
                Ok((read.map_err(CommError::os("reading a large message"))?, fds))
            }
            Some(_) | None => Err(CommError::Malformed("a packet of another kind")),
        }
    }

    pub(crate) fn poll(&self, until: Until) -> Result<(), CommError> {
        until.wait(&self.fd, Way::Read)
    }

    /// What is there now; `None` where nothing is.
    fn look(&self) -> Option<Result<Option<Message>, CommError>> {
        match parcel::take(&self.fd) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            taken => Some(taken.map_err(CommError::os("receiving from a pipe"))),
        }
    }

    fn sleep(&self, until: Until) -> Result<Option<Message>, CommError> {
        loop {
            until.wait(&self.fd, Way::Read)?;
            if let Some(found) = self.look() {
                return found;
            }
        }
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Also where a supervisor still holds a duplicate, the other end hears of it.
impl Drop for Packets {
    fn drop(&mut self) {
        if !*self.handed_over.get_mut() {
            socket::hang_up(&self.fd);
        }
    }
}
