//! What can go wrong between processes that synchronize.
//!
//! Does **not** know how anything works.

use std::io;
use std::time::Duration;

/// Why a lock, a semaphore, a barrier and so on did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// A process ended, or panicked where that counts, while it held this. What is protected may be half changed.
    #[error("{what} was held by {} when it ended", process(.pid))]
    Abandoned {
        /// What it held.
        what: &'static str,
        /// The process. `None` if it was killed in the very act of taking or giving back.
        pid: Option<u32>,
    },
    /// It did not come to be in time.
    #[error("{what} was waited for in vain for {after:?}")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The barrier was aborted or reset, one who waited at it was killed, or one waited too long. Python's `BrokenBarrierError`.
    #[error("barrier is broken")]
    Broken,
    /// This thread has it already, and would wait for itself.
    #[error("{what} is held by this thread already")]
    Reentered {
        /// What it holds.
        what: &'static str,
    },
    /// This thread does not hold it (any more).
    #[error("{what} is not held by this thread")]
    NotHeld {
        /// What it does not hold.
        what: &'static str,
    },
    /// A bounded semaphore was released more often than it was acquired.
    #[error("semaphore has {bound} permits, and all of them are there")]
    TooManyReleases {
        /// With how many it began.
        bound: u32,
    },
    /// More wait, or hold, at the same time than there are places for.
    #[error("{what} has places for {most} at the same time")]
    Crowded {
        /// What is crowded.
        what: &'static str,
        /// How many there can be.
        most: usize,
    },
    /// A number that makes no sense here.
    #[error("{0}")]
    Invalid(&'static str),
    /// There is no such element.
    #[error("there is no element {index} in an array of {len}")]
    OutOfBounds {
        /// What was asked for.
        index: usize,
        /// How many there are.
        len: usize,
    },
    /// Some process wrote to its memory what nobody writes.
    #[error("memory of the {what} was overwritten")]
    Corrupted {
        /// What is no longer usable.
        what: &'static str,
    },
    /// A thread keeps what is held for an instant only, or some process wrote that it does. Nothing was done; try again, or make a new one.
    #[error("the inner latch of the {what} is not given back by thread {thread}")]
    Stuck {
        /// What is not usable meanwhile.
        what: &'static str,
        /// Who is said to have it.
        thread: u32,
    },
    /// The descriptor that came with a value is that of something else.
    #[error("descriptor is not that of a {what}")]
    WrongKind {
        /// What was expected.
        what: &'static str,
    },
    /// Another process, or this one, has given memory this name.
    #[error("shared memory of the name {0:?} is there already")]
    NameTaken(String),
    /// No process that lives has given memory this name.
    #[error("there is no shared memory of the name {0:?}")]
    NotFound(String),
    /// The system refused.
    #[error("system refused while {doing}")]
    Os {
        /// What was going on.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl SyncError {
    pub(crate) fn os(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Os { doing, source }
    }

    /// Process 0 is none that is known.
    pub(crate) fn abandoned(what: &'static str, pid: u32) -> Self {
        Self::Abandoned { what, pid: (pid != 0).then_some(pid) }
    }
}

fn process(pid: &Option<u32>) -> String {
    pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"))
}
