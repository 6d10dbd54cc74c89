//! One end of an authenticated connection: messages in a stream of bytes, each behind its length.
//!
//! Does **not** know types, nor keys: the handshake is over before. Never takes memory for bytes that have not come.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use mp_link::Spin;
use mp_sys::poll::Way;
use mp_sys::socket;
use parking_lot::Mutex;

use crate::error::CommError;
use crate::until::Until;

/// Bytes in front of each message: its length.
const HEAD: usize = 4;

/// Read at once.
const CHUNK: usize = 64 * 1024;

/// A connected socket that never waits.
#[derive(Debug)]
pub(crate) enum Socket {
    Local(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    pub(crate) fn prepare(self) -> io::Result<Self> {
        match &self {
            Self::Local(stream) => stream.set_nonblocking(true)?,
            Self::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
            }
        }
        Ok(self)
    }

    pub(crate) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Local(stream) => (&mut &*stream).read(bytes),
            Self::Tcp(stream) => (&mut &*stream).read(bytes),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(stream) => (&mut &*stream).write(bytes),
            Self::Tcp(stream) => (&mut &*stream).write(bytes),
        }
    }

    /// Writes all, or waits and then fails.
    pub(crate) fn write_all(&self, mut bytes: &[u8], until: Until) -> Result<(), CommError> {
        while !bytes.is_empty() {
            match self.write(bytes) {
                Ok(0) => return Err(CommError::Closed),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => until.wait(self, Way::Write)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CommError::os("writing to a connection")(error)),
            }
        }
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Local(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}

/// One end.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    max: u64,
    receiving: Mutex<Incoming>,
    sending: Mutex<()>,
}

/// What has come and was not taken: `bytes[start..]`.
#[derive(Debug, Default)]
struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    spin: Spin,
}

impl Stream {
    pub(crate) fn new(socket: Socket, max: u64) -> Self {
        Self { socket, max, receiving: Mutex::default(), sending: Mutex::default() }
    }

    /// Sends `record`, four bytes of room and the message. If it is sent in part when the time is over, the connection ends.
    pub(crate) fn send(&self, record: &mut [u8], until: Until) -> Result<(), CommError> {
        let len = (record.len() - HEAD) as u64;
        let head = u32::try_from(len).ok().filter(|_| len <= self.max);
        let head = head.ok_or(CommError::TooLarge { len, max: self.max.min(u32::MAX.into()) })?;
        record[..HEAD].copy_from_slice(&head.to_le_bytes());
        let _sending = until.lock(&self.sending)?;
        self.socket.write_all(record, until).inspect_err(|_| socket::hang_up(&self.socket))
    }

    /// Waits for a message and hands its bytes to `take`.
    pub(crate) fn recv<R>(&self, until: Until, take: impl FnOnce(&[u8]) -> R) -> Result<R, CommError> {
        let mut incoming = until.lock(&self.receiving)?;
        while !self.is_whole(&incoming)? {
            self.fill(&mut incoming, until)?;
        }
        let body = incoming.start + HEAD;
        let end = body + incoming.announced().unwrap_or(0) as usize;
        let taken = take(&incoming.bytes[body..end]);
        incoming.forget(end);
        Ok(taken)
    }

    /// Whether a message, or the end, can be received without waiting for its other end to begin with it.
    pub(crate) fn poll(&self, until: Until) -> Result<(), CommError> {
        let incoming = until.lock(&self.receiving)?;
        if self.is_whole(&incoming)? { Ok(()) } else { until.wait(&self.socket, Way::Read) }
    }

    fn is_whole(&self, incoming: &Incoming) -> Result<bool, CommError> {
        let Some(len) = incoming.announced() else { return Ok(false) };
        if u64::from(len) > self.max {
            socket::hang_up(&self.socket);
            return Err(CommError::TooLarge { len: len.into(), max: self.max });
        }
        Ok(incoming.bytes.len() - incoming.start - HEAD >= len as usize)
    }

    fn fill(&self, incoming: &mut Incoming, until: Until) -> Result<(), CommError> {
        let mut spin = incoming.spin;
        let got = match self.look(incoming) {
            Some(got) => got,
            None => {
                let found = std::cell::RefCell::new(&mut *incoming);
                spin.wait(|| self.look(&mut found.borrow_mut()), || self.sleep(&mut found.borrow_mut(), until))
            }
        };
        incoming.spin = spin;
        if got? == 0 { Err(CommError::Closed) } else { Ok(()) }
    }

    fn look(&self, incoming: &mut Incoming) -> Option<Result<usize, CommError>> {
        let filled = incoming.bytes.len();
        let room = if filled == incoming.start { 4096 } else { CHUNK };
        incoming.bytes.resize(filled + room, 0);
        let got = self.socket.read(&mut incoming.bytes[filled..]);
        incoming.bytes.truncate(filled + got.as_ref().copied().unwrap_or(0));
        match got {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
            got => Some(got.map_err(CommError::os("reading from a connection"))),
        }
    }

    fn sleep(&self, incoming: &mut Incoming, until: Until) -> Result<usize, CommError> {
        loop {
            until.wait(&self.socket, Way::Read)?;
            if let Some(got) = self.look(incoming) {
                return got;
            }
        }
    }
}

impl Incoming {
    fn announced(&self) -> Option<u32> {
        self.bytes[self.start..].first_chunk().map(|len| u32::from_le_bytes(*len))
    }

    /// What is before `end` was taken.
    fn forget(&mut self, end: usize) {
        if end == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(CHUNK);
            self.start = 0;
        } else if end > CHUNK {
            self.bytes.drain(..end);
            self.start = 0;
        } else {
            self.start = end;
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
