//! `BoundedSemaphore`: one that notices a release too many. Does **not** know how permits are held.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::SyncError;
use crate::semaphore::{Permit, Semaphore};

/// A [`Semaphore`] that never has more permits than it began with. Python's `multiprocessing.BoundedSemaphore`.
///
/// # Examples
/// ```
/// let semaphore = mp_sync::BoundedSemaphore::new(1)?;
/// semaphore.acquire()?.forget();
/// semaphore.release()?;
/// assert!(matches!(semaphore.release(), Err(mp_sync::SyncError::TooManyReleases { bound: 1 })));
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    bound: u32,
}

impl BoundedSemaphore {
    /// One with so many permits, at the start and at the most.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(permits: u32) -> Result<Self> {
        Ok(Self { semaphore: Semaphore::new(permits)?, bound: permits })
    }

    /// As [`Semaphore::acquire`].
    ///
    /// # Errors
    /// As [`Semaphore::acquire`].
    pub fn acquire(&self) -> Result<Permit<'_>> {
        self.semaphore.acquire()
    }

    /// As [`Semaphore::acquire_timeout`].
    ///
    /// # Errors
    /// As [`Semaphore::acquire_timeout`].
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.semaphore.acquire_timeout(timeout)
    }

    /// As [`Semaphore::try_acquire`].
    ///
    /// # Errors
    /// As [`Semaphore::try_acquire`].
    pub fn try_acquire(&self) -> Result<Option<Permit<'_>>> {
        self.semaphore.try_acquire()
    }

    /// Gives back a permit that was [forgotten](Permit::forget).
    ///
    /// # Errors
    /// [`SyncError::TooManyReleases`] when none was.
    pub fn release(&self) -> Result<()> {
        let bound = self.bound;
        if self.semaphore.release_below(bound) { Ok(()) } else { Err(SyncError::TooManyReleases { bound }) }
    }

    /// As [`Semaphore::value`].
    #[must_use]
    pub fn value(&self) -> u32 {
        self.semaphore.value()
    }
}
