//! `Connection`: typed messages to one other end, and pipes, which are two of them.
//!
//! Does **not** know how messages cross: `packets.rs` and `stream.rs` do.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use mp_link::baggage;
use mp_wire::CodecError;
use mp_wire::bulk::{decode_value, encode_value};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::CommError;
use crate::packets::Packets;
use crate::stream::Stream;
use crate::until::Until;

/// What can't be sent: the type of messages in the direction that a one-way pipe does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {}

/// One end of a pipe, or of a connection between a [`crate::Client`] and a [`crate::Listener`]: sends `S`, receives `R`. Python's
/// `multiprocessing.connection.Connection`.
///
/// - A message comes whole or not at all. Large ones are fine.
/// - When the other end is gone (dropped, or its process ended or was killed), what it had sent can still be received; then
///   every call is [`CommError::Closed`], at once.
/// - The ends of a [`pipe`] can be arguments of tasks and processes, and can be sent through other pipes; whoever receives one has
///   it, and who sent it has it no more. Messages through a pipe can carry queues, pipes and [`crate::Descriptor`]s.
/// - One thread may send while another receives.
pub struct Connection<S, R> {
    transport: Transport,
    types: PhantomData<fn(S) -> R>,
}

#[derive(Debug)]
enum Transport {
    Packets(Packets),
    Stream(Stream),
}

/// Both ends of a pipe: what the one sends the other receives.
pub type Pipe<A, B> = (Connection<A, B>, Connection<B, A>);

/// A pipe in both directions. Python's `Pipe()`.
///
/// # Errors
/// [`CommError::Os`] when the process has no descriptors left.
///
/// # Examples
/// ```
/// let (here, there) = mp_comm::pipe::<u32, String>()?;
/// here.send(7)?;
/// there.send(format!("got {}", there.recv()?))?;
/// assert_eq!(here.recv()?, "got 7");
/// drop(there);
/// assert!(matches!(here.recv(), Err(mp_comm::CommError::Closed)));
/// # Ok::<(), mp_comm::CommError>(())
/// ```
pub fn pipe<A, B>() -> Result<Pipe<A, B>, CommError> {
    let (a, b) = Packets::pair()?;
    Ok((Connection::over(Transport::Packets(a)), Connection::over(Transport::Packets(b))))
}

/// A pipe in one direction: who receives, and who sends. Python's `Pipe(duplex=False)`. To use it the wrong way does not compile.
///
/// # Errors
/// [`CommError::Os`] when the process has no descriptors left.
///
/// # Examples
/// ```
/// let (receiver, sender) = mp_comm::one_way_pipe::<u32>()?;
/// sender.send(7)?;
/// assert_eq!(receiver.recv()?, 7);
/// # Ok::<(), mp_comm::CommError>(())
/// ```
///
/// ```compile_fail
/// let (receiver, sender) = mp_comm::one_way_pipe::<u32>()?;
/// sender.recv()?;
/// # Ok::<(), mp_comm::CommError>(())
/// ```
pub fn one_way_pipe<T>() -> Result<Pipe<Nothing, T>, CommError> {
    pipe()
}

impl<S, R> Connection<S, R> {
    fn over(transport: Transport) -> Self {
        Self { transport, types: PhantomData }
    }

    pub(crate) fn over_stream(stream: Stream) -> Self {
        Self::over(Transport::Stream(stream))
    }

    /// Whether a message, or the other end's end, can be received within `timeout`. Python's `poll(timeout)`.
    ///
    /// # Errors
    /// [`CommError::Os`].
    pub fn poll(&self, timeout: Duration) -> Result<bool, CommError> {
        let until = Until::after(timeout);
        let found = match &self.transport {
            Transport::Packets(packets) => packets.poll(until),
            Transport::Stream(stream) => stream.poll(until),
        };
        match found {
            Ok(()) => Ok(true),
            Err(CommError::TimedOut { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends it, as dropping does. The other end receives what was sent, and then [`CommError::Closed`].
    pub fn close(self) {}
}

impl<S: Serialize + 'static, R> Connection<S, R> {
    /// Sends a message. Waits while the other end, alive, does not read and what was sent already fills the kernel's buffer.
    ///
    /// # Errors
    /// [`CommError::Closed`] when the other end is gone; [`CommError::Encode`]; [`CommError::TooLarge`]; [`CommError::Os`].
    pub fn send(&self, message: S) -> Result<(), CommError> {
        self.send_until(&message, Until::Forever)
    }

    /// As [`Self::send`], waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`CommError::TimedOut`], and as [`Self::send`].
    pub fn send_timeout(&self, message: S, timeout: Duration) -> Result<(), CommError> {
        self.send_until(&message, Until::after(timeout))
    }

    pub(crate) fn send_until(&self, message: &S, until: Until) -> Result<(), CommError> {
        match &self.transport {
            Transport::Packets(packets) => {
                let (record, carried) = baggage::pack_with(|| encode(message, 1));
                packets.send(&mut record?, &carried, until)
            }
            Transport::Stream(stream) => stream.send(&mut encode(message, 4)?, until),
        }
    }
}

impl<S, R: DeserializeOwned + 'static> Connection<S, R> {
    /// Receives a message; waits until there is one.
    ///
    /// # Errors
    /// [`CommError::Closed`] when the other end is gone and nothing of it is left; [`CommError::Decode`], which costs that message
    /// and no other; [`CommError::TooLarge`]; [`CommError::Os`].
    pub fn recv(&self) -> Result<R, CommError> {
        self.recv_until(Until::Forever)
    }

    /// As [`Self::recv`], waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`CommError::TimedOut`], and as [`Self::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<R, CommError> {
        self.recv_until(Until::after(timeout))
    }

    pub(crate) fn recv_until(&self, until: Until) -> Result<R, CommError> {
        match &self.transport {
            Transport::Packets(packets) => {
                let (bytes, carried) = packets.recv(until)?;
                baggage::unpack_with(carried, || decode(&bytes))
            }
            Transport::Stream(stream) => stream.recv(until, decode)?,
        }
    }
}

fn encode<T: Serialize + 'static>(message: &T, room: usize) -> Result<Vec<u8>, CommError> {
    let mut record = Vec::with_capacity(64);
    record.resize(room, 0);
    encode_value(message, &mut record).map_err(CommError::Encode)?;
    Ok(record)
}

pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, CommError> {
    decode_value(bytes).map_err(|source: CodecError| CommError::Decode { len: bytes.len(), source })
}

/// Readable when a message or the end can be received.
impl<S, R> AsFd for Connection<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.transport {
            Transport::Packets(packets) => packets.as_fd(),
            Transport::Stream(stream) => stream.as_fd(),
        }
    }
}

/// What was read ahead shows in no descriptor.
impl<S, R> mp_supervisor::Waitable for Connection<S, R> {
    fn source(&self) -> mp_supervisor::Source<'_> {
        mp_supervisor::Source::Fd(self.as_fd())
    }

    fn has_more(&self) -> bool {
        self.poll(Duration::ZERO).unwrap_or(true)
    }
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connection").field("fd", &self.as_fd()).finish_non_exhaustive()
    }
}

/// As an argument of a task or a process, or through a pipe, only. Who is given it has it; here it only remains to be dropped.
impl<S, R> Serialize for Connection<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        match &self.transport {
            Transport::Packets(packets) => {
                let number = baggage::pack(packets).map_err(Z::Error::custom)?;
                packets.hand_over();
                number.serialize(serializer)
            }
            Transport::Stream(_) => Err(Z::Error::custom("only the ends of a pipe can be sent")),
        }
    }
}

impl<'de, S, R> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fd = baggage::unpack(u32::deserialize(deserializer)?).map_err(D::Error::custom)?;
        Ok(Self::over(Transport::Packets(Packets::new(fd).map_err(D::Error::custom)?)))
    }
}
