//! What can go wrong on a line.
//!
//! Does **not** know what follows from it.

use std::io;

/// Why a frame did not cross.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other end is gone.
    #[error("peer is gone")]
    Gone,
    /// The peer has sent what no peer sends.
    #[error("peer wrote rubbish on its line: {0}")]
    Rubbish(String),
    /// A frame above the limit.
    #[error("frame of {0} bytes is above the limit of {max}", max = mp_wire::frame::FRAME_MAX)]
    TooLong(usize),
    /// The system refused.
    #[error("line failed")]
    Io(#[from] io::Error),
}

impl LinkError {
    pub(crate) fn of_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Gone,
            _ => Self::Io(error),
        }
    }
}
