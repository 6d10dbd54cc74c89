//! `RLock`: a lock that its thread can take again.
//!
//! Does **not** know what it protects. The lock of the innermost guard to go is given back.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mp_sys::latch::Held;

use crate::Result;
use crate::block::{Block, Kind, Size};
use crate::error::SyncError;
use crate::lock::{HeldLock, Lock};
use crate::patience::Patience;

const KIND: Kind = Kind("reentrant lock");

/// How many guards the holder has. Only the holder reads or writes it.
const DEPTH_AT: usize = 128;

/// A lock that the thread which has it can take again. Python's `multiprocessing.RLock`.
///
/// It is free when the last of the thread's guards is dropped, in whatever order. Everything else is as with [`Lock`].
///
/// # Examples
/// ```
/// let lock = mp_sync::RLock::new()?;
/// let outer = lock.lock()?;
/// let inner = lock.lock()?;
/// drop(outer);
/// assert!(lock.is_locked());
/// drop(inner);
/// assert!(!lock.is_locked());
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct RLock {
    lock: Lock,
}

impl RLock {
    /// A free one.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new() -> Result<Self> {
        Ok(Self { lock: Lock::of(KIND, Size::pages(1))? })
    }

    /// Takes it, once more if this thread has it; else waits until it is free. Python's `acquire()`.
    ///
    /// # Errors
    /// [`SyncError::Abandoned`].
    pub fn lock(&self) -> Result<RLockGuard<'_>> {
        self.enter(|lock| lock.lock().map(Some))?.ok_or(SyncError::NotHeld { what: "lock" })
    }

    /// As [`RLock::lock`], at most for `timeout`.
    ///
    /// # Errors
    /// [`SyncError::TimedOut`], and as [`RLock::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<RLockGuard<'_>> {
        let patience = Patience::timeout(timeout);
        self.enter(|lock| lock.lock_within(patience).map(Some))?.ok_or(SyncError::NotHeld { what: "lock" })
    }

    /// Takes it if it is free, or this thread's.
    ///
    /// # Errors
    /// As [`RLock::lock`].
    pub fn try_lock(&self) -> Result<Option<RLockGuard<'_>>> {
        self.enter(Lock::try_lock)
    }

    /// As [`Lock::recover`].
    ///
    /// # Errors
    /// [`SyncError::Reentered`] when this thread has it.
    pub fn recover(&self) -> Result<RLockGuard<'_>> {
        let guard = self.lock.recover()?;
        // While this one is there, more can be taken; the lock is as new when it is dropped, and they count as well.
        self.depth().store(1, Relaxed);
        drop(guard);
        self.lock()
    }

    /// Whether some thread has it at the moment.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_locked()
    }

    fn enter<'a>(
        &'a self,
        first: impl FnOnce(&'a Lock) -> Result<Option<HeldLock<'a>>>,
    ) -> Result<Option<RLockGuard<'a>>> {
        let held = self.lock.latch().held().map_err(SyncError::os("looking at a lock"))?;
        let depth = if held == Held::Here {
            self.depth().load(Relaxed).checked_add(1).ok_or(SyncError::Corrupted { what: "lock" })?
        } else {
            let Some(guard) = first(&self.lock)? else { return Ok(None) };
            // Given back by the last of our guards.
            std::mem::forget(guard);
            1
        };
        self.depth().store(depth, Relaxed);
        Ok(Some(RLockGuard { lock: self, stays: PhantomData }))
    }

    fn depth(&self) -> &std::sync::atomic::AtomicU32 {
        self.lock.block.plate().u32_at(0, DEPTH_AT)
    }
}

/// As an argument of a task or a process only.
impl serde::Serialize for RLock {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock.block.pack(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for RLock {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { lock: Lock { block: Block::unpack(deserializer, KIND, 0)? } })
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = if self.is_locked() { self.depth().load(Relaxed) } else { 0 };
        out.debug_struct("RLock").field("lock", &self.lock).field("depth", &depth).finish()
    }
}

/// One of this thread's holds on an [`RLock`].
#[derive(Debug)]
#[must_use = "the lock is given back when the guard is dropped"]
pub struct RLockGuard<'a> {
    lock: &'a RLock,
    stays: PhantomData<*const ()>,
}

impl Drop for RLockGuard<'_> {
    fn drop(&mut self) {
        let depth = self.lock.depth().load(Relaxed);
        if depth > 1 {
            self.lock.depth().store(depth - 1, Relaxed);
        } else {
            self.lock.lock.latch().release();
        }
    }
}
