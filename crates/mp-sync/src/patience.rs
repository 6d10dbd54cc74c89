//! How long a call may wait, and in which pieces.
//!
//! Does **not** wait.

use std::time::{Duration, Instant};

use crate::error::SyncError;

/// Who sleeps on a word that the kernel does not mark at a death looks this often at those whom it waits for (S2).
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    Forever,
    Until { deadline: Instant, after: Duration },
}

impl Patience {
    /// From now on. A time beyond what the clock can say is forever.
    pub(crate) fn timeout(after: Duration) -> Self {
        Instant::now().checked_add(after).map_or(Self::Forever, |deadline| Self::Until { deadline, after })
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            Self::Until { deadline, .. } => Some(deadline),
        }
    }

    /// The next piece of it; `None` when nothing is left.
    pub(crate) fn slice(self) -> Option<Duration> {
        match self {
            Self::Forever => Some(SLICE),
            Self::Until { deadline, .. } => {
                let left = deadline.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(left.min(SLICE))
            }
        }
    }

    /// All that is left of it: for words that no death changes. `Some(None)` is forever, `None` nothing.
    pub(crate) fn left(self) -> Option<Option<Duration>> {
        match self {
            Self::Forever => Some(None),
            Self::Until { deadline, .. } => {
                let left = deadline.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(Some(left))
            }
        }
    }

    pub(crate) fn timed_out(self, what: &'static str) -> SyncError {
        let after = match self {
            Self::Forever => Duration::MAX,
            Self::Until { after, .. } => after,
        };
        SyncError::TimedOut { what, after }
    }
}
