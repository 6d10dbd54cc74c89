//! What can go wrong with a queue, and whose fault it is.
//!
//! Does **not** know how a queue works.

use std::fmt;
use std::io;
use std::time::Duration;

use mp_wire::codec::CodecError;

/// Why a queue did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// There was no item, and the call does not wait.
    #[error("the queue is empty")]
    Empty,
    /// There was no room, and the call does not wait.
    #[error("the queue is full: it holds {capacity} items, the most it may")]
    Full {
        /// What [`Queue::bounded`](crate::Queue::bounded) was given.
        capacity: u64,
    },
    /// Nothing came, or no room was made, in time. Also: some process held the queue's lock all that time (it is
    /// stopped, or being debugged).
    #[error("the queue stayed as it was for {after:?}")]
    TimedOut {
        /// How long the call waited.
        after: Duration,
    },
    /// The queue was closed: nothing can be put any more, and nothing is left to be got.
    #[error("the queue is closed")]
    Closed,
    /// `task_done` was called more often than this process has got items.
    #[error("task_done was called more often than this process got items")]
    NothingTaken,
    /// A process got items, and ended before it called `task_done` for them.
    #[error(
        "process {pid} ended before it was done with {items} of its items, of which the last was item {number} of the queue"
    )]
    Abandoned {
        /// The process that has ended.
        pid: u32,
        /// How many items it was not done with.
        items: u64,
        /// Which item it got last, counted from 1 in the order in which they were got.
        number: u64,
    },
    /// More processes than a queue can keep account of have items that are not done.
    #[error("more than {max} processes have items of the queue that are not done")]
    TooManyTakers {
        /// How many can.
        max: usize,
    },
    /// A queue of no items can pass none on.
    #[error("a bounded queue needs room for at least 1 item")]
    NoCapacity,
    /// The item could not be encoded; nothing was put.
    #[error("item for the queue cannot be encoded")]
    Encode(#[source] CodecError),
    /// The item is gone from the queue, but is not one of this type. Those behind it are unharmed.
    #[error("item of {len} bytes from the queue cannot be decoded")]
    Decode {
        /// How long the item is.
        len: usize,
        /// What was wrong with it.
        source: CodecError,
    },
    /// Some process wrote to the queue's memory what no queue writes. The queue stays unusable.
    #[error("the queue's memory was overwritten: {what} is {value}")]
    Corrupted {
        /// What does not hold any more.
        what: &'static str,
        /// What it is instead.
        value: u64,
    },
    /// The descriptor that came with a value is not that of a queue.
    #[error("descriptor is not that of a queue")]
    NotAQueue,
    /// The system refused: no memory, no descriptor.
    #[error("system refused while {doing}")]
    Os {
        /// What was going on.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl QueueError {
    /// For `map_err`: the system refused while `doing` this.
    pub(super) fn os(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Os { doing, source }
    }
}

/// Why an item was not put, and the item.
///
/// `?` turns it into [`crate::Error`] (or the [`QueueError`]) and drops the item.
pub struct PutError<T> {
    /// What was to be put.
    pub item: T,
    /// Why it was not.
    pub error: QueueError,
}

impl<T> From<PutError<T>> for QueueError {
    fn from(refused: PutError<T>) -> Self {
        refused.error
    }
}

impl<T> From<PutError<T>> for crate::Error {
    fn from(refused: PutError<T>) -> Self {
        refused.error.into()
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PutError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

impl<T> std::error::Error for PutError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}
