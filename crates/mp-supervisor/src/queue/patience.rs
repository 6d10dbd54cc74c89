//! How long a call may wait.
//!
//! Does **not** wait.

use std::io;
use std::time::{Duration, Instant};

use super::error::QueueError;

/// How long a call with little or no time of its own waits for the lock, which is held for microseconds by all but
/// a process that is stopped.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// How long a call may wait.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    None,
    Until { deadline: Instant, after: Duration },
    Forever,
}

impl Patience {
    /// From now on. A time beyond what the clock can say is forever.
    pub(super) fn timeout(after: Duration) -> Self {
        Instant::now().checked_add(after).map_or(Self::Forever, |deadline| Self::Until { deadline, after })
    }

    pub(super) fn is_none(self) -> bool {
        matches!(self, Self::None)
    }

    /// What is left of it; `Ok(None)` means forever.
    pub(super) fn left(self) -> Result<Option<Duration>, QueueError> {
        match self {
            Self::None => Ok(Some(Duration::ZERO)),
            Self::Forever => Ok(None),
            Self::Until { deadline, after } => match deadline.saturating_duration_since(Instant::now()) {
                Duration::ZERO => Err(QueueError::TimedOut { after }),
                left => Ok(Some(left)),
            },
        }
    }

    /// A call must not fail for the microsecond that another holds the lock, however short its own time.
    pub(super) fn lock_deadline(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            Self::None => Some(Instant::now() + LOCK_PATIENCE),
            Self::Until { deadline, .. } => Some(deadline.max(Instant::now() + LOCK_PATIENCE)),
        }
    }

    pub(super) fn lock_error(self, error: io::Error) -> QueueError {
        match (self, error.kind()) {
            (Self::None, io::ErrorKind::TimedOut) => QueueError::TimedOut { after: LOCK_PATIENCE },
            (Self::Until { after, .. }, io::ErrorKind::TimedOut) => QueueError::TimedOut { after },
            _ => QueueError::os("locking a queue")(error),
        }
    }
}
