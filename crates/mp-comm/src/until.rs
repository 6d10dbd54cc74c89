//! How long a call may wait, and waiting for one descriptor so long.
//!
//! Does **not** know what it waits for.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use mp_sys::poll::{Way, wait_one};
use parking_lot::{Mutex, MutexGuard};

use crate::error::CommError;

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Forever,
    Deadline { deadline: Instant, after: Duration },
}

impl Until {
    /// From now on. A time beyond what the clock can say is forever.
    pub(crate) fn after(after: Duration) -> Self {
        Instant::now().checked_add(after).map_or(Self::Forever, |deadline| Self::Deadline { deadline, after })
    }

    /// What is left; `None` is forever.
    pub(crate) fn left(self) -> Option<Duration> {
        match self {
            Self::Forever => None,
            Self::Deadline { deadline, .. } => Some(deadline.saturating_duration_since(Instant::now())),
        }
    }

    pub(crate) fn late(self) -> CommError {
        match self {
            Self::Forever => CommError::TimedOut { after: Duration::MAX },
            Self::Deadline { after, .. } => CommError::TimedOut { after },
        }
    }

    /// Waits until `fd` can be read or written, or is at its end.
    pub(crate) fn wait(self, fd: impl AsFd, way: Way) -> Result<(), CommError> {
        match wait_one(fd, way, self.left()).map_err(CommError::os("waiting for a connection"))? {
            true => Ok(()),
            false => Err(self.late()),
        }
    }

    /// Another thread may be waiting under the lock.
    pub(crate) fn lock<T>(self, mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, CommError> {
        match self {
            Self::Forever => Ok(mutex.lock()),
            Self::Deadline { deadline, .. } => mutex.try_lock_until(deadline).ok_or_else(|| self.late()),
        }
    }
}
