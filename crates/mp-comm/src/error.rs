//! What can go wrong with a connection, and whose fault it is.
//!
//! Does **not** know how a connection works.

use std::io;
use std::time::Duration;

use mp_wire::CodecError;

/// Why a pipe or a connection did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommError {
    /// The other end is closed: by who had it, or with the process that had it. Python's `EOFError`, `BrokenPipeError`.
    #[error("the other end of the connection is closed")]
    Closed,
    /// Nothing came, or the other end did not read, in time.
    #[error("nothing happened on the connection for {after:?}")]
    TimedOut {
        /// How long the call waited.
        after: Duration,
    },
    /// The message could not be encoded; nothing was sent.
    #[error("message cannot be encoded")]
    Encode(#[source] CodecError),
    /// The message was received, but is not one of this type. Those behind it are unharmed.
    #[error("message of {len} bytes cannot be decoded")]
    Decode {
        /// How long the message is.
        len: usize,
        /// What was wrong with it.
        source: CodecError,
    },
    /// The message is longer than the connection allows. If it was to be sent, nothing was; if it came, the connection is closed.
    #[error("message of {len} bytes is above the maximum of {max}")]
    TooLarge {
        /// Its length in bytes.
        len: u64,
        /// The maximum.
        max: u64,
    },
    /// The other end sent what no connection sends. It is closed.
    #[error("the other end of the connection does not speak its language: {0}")]
    Malformed(&'static str),
    /// The two ends do not have the same key.
    #[error("{0}")]
    Authentication(&'static str),
    /// A key so short can be guessed.
    #[error("a key of {len} bytes is too short: it needs {least}")]
    ShortKey {
        /// Its length in bytes.
        len: usize,
        /// The least.
        least: usize,
    },
    /// Nobody listens there.
    #[error("nobody listens at {address}")]
    NobodyThere {
        /// Where.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no address.
    #[error("`{0}` is no address: write local:NAME or IP:PORT")]
    NoAddress(String),
    /// The system refused: no memory, no descriptor.
    #[error("system refused while {doing}")]
    Os {
        /// What was going on.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl CommError {
    /// For `map_err`: the system refused while `doing` this, or the other end is gone.
    pub(crate) fn os(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected => Self::Closed,
            _ => Self::Os { doing, source },
        }
    }
}

impl From<CommError> for mp_supervisor::Error {
    fn from(error: CommError) -> Self {
        Self::Other(Box::new(error))
    }
}
