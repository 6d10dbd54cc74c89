//! `Lock`: one thread of all processes at a time.
//!
//! Does **not** know what it protects.
//!
//! ```text
//!  free ── lock ──▶ held ── guard dropped ──▶ free
//!                    └ holder dies: the kernel marks the latch ─▶ abandoned: every lock() is an error
//!                                                                     └── recover() ─▶ held
//! ```
//!
//! - K1 Abandoned is stored by who takes the latch after the dead, before he gives it back. If he dies before that, the
//!   latch is marked again, by his own death.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mp_sys::latch::{Held, Latch, Left};

use crate::Result;
use crate::block::{Block, Kind, Size, travels};
use crate::error::SyncError;
use crate::patience::Patience;

pub(crate) const KIND: Kind = Kind("lock");

/// 1 while it is abandoned.
const ABANDONED_AT: usize = 64;
/// Who did that.
const BY_AT: usize = 68;

/// A lock between threads and processes. Python's `multiprocessing.Lock`.
///
/// Clones, and what arrives as an argument in another process, are the same lock. When a holder ends, in whatever way, the
/// next calls say so: [`SyncError::Abandoned`], until somebody [recovers](Lock::recover) it. Nobody waits for the dead.
///
/// `acquire` is [`lock`](Lock::lock); `release` is dropping the guard.
///
/// # Examples
/// ```
/// let lock = mp_sync::Lock::new()?;
/// let guard = lock.lock()?;
/// assert!(lock.is_locked());
/// drop(guard);
/// assert!(lock.try_lock()?.is_some());
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct Lock {
    pub(crate) block: Block,
}

travels!(Lock, KIND);

impl Lock {
    /// A free one.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new() -> Result<Self> {
        Self::of(KIND, Size::pages(1))
    }

    pub(crate) fn of(kind: Kind, size: Size) -> Result<Self> {
        Ok(Self { block: Block::create(kind, size)? })
    }

    /// Waits until it is free, and takes it. Python's `acquire()`.
    ///
    /// # Errors
    /// [`SyncError::Abandoned`]; [`SyncError::Reentered`] when this thread has it.
    #[inline]
    pub fn lock(&self) -> Result<HeldLock<'_>> {
        if self.latch().take_at_once() {
            return self.unless_abandoned();
        }
        self.lock_within(Patience::Forever)
    }

    /// As [`Lock::lock`], at most for `timeout`. Python's `acquire(timeout=…)`.
    ///
    /// # Errors
    /// [`SyncError::TimedOut`], and as [`Lock::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<HeldLock<'_>> {
        self.lock_within(Patience::timeout(timeout))
    }

    /// Takes it if it is free. Python's `acquire(block=False)`.
    ///
    /// # Errors
    /// [`SyncError::Abandoned`]. That this thread has it is no error here: it is not free.
    pub fn try_lock(&self) -> Result<Option<HeldLock<'_>>> {
        match self.latch().try_take() {
            Ok(None) => Ok(None),
            Ok(Some(left)) => self.taken(left).map(Some),
            Err(error) if error.kind() == io::ErrorKind::Deadlock => Ok(None),
            Err(error) => Err(failed(error, "lock", Patience::Forever)),
        }
    }

    /// Takes it also when it was abandoned; from then on it is as new. To be called by who has made sure that
    /// what it protects is whole.
    ///
    /// # Errors
    /// [`SyncError::Reentered`] when this thread has it.
    pub fn recover(&self) -> Result<HeldLock<'_>> {
        self.latch().take(None).map_err(|error| failed(error, "lock", Patience::Forever))?;
        // If this process dies before it gives the lock back, its own death marks the latch again.
        self.word(ABANDONED_AT).store(0, Relaxed);
        Ok(HeldLock { lock: self, stays: PhantomData })
    }

    /// Whether some thread has it at the moment. Python's `locked()`.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.latch().held(), Ok(Held::Here | Held::By(_)))
    }

    #[cold]
    pub(crate) fn lock_within(&self, patience: Patience) -> Result<HeldLock<'_>> {
        let left = self.latch().take(patience.deadline()).map_err(|error| failed(error, "lock", patience))?;
        self.taken(left)
    }

    #[inline]
    fn taken(&self, left: Left) -> Result<HeldLock<'_>> {
        self.note(left);
        self.unless_abandoned()
    }

    /// For who has taken the latch.
    #[inline]
    fn unless_abandoned(&self) -> Result<HeldLock<'_>> {
        let guard = HeldLock { lock: self, stays: PhantomData };
        if self.word(ABANDONED_AT).load(Relaxed) == 0 {
            return Ok(guard);
        }
        Err(SyncError::abandoned("lock", self.word(BY_AT).load(Relaxed)))
    }

    #[inline]
    fn note(&self, left: Left) {
        if let Left::Died(pid) = left {
            self.abandon(pid);
        }
    }

    /// By who has it.
    pub(crate) fn abandon(&self, pid: u32) {
        self.word(BY_AT).store(pid, Relaxed);
        self.word(ABANDONED_AT).store(1, Relaxed);
    }

    #[inline]
    pub(crate) fn latch(&self) -> Latch<'_> {
        self.block.plate().latch(0, 0)
    }

    #[inline]
    fn word(&self, at: usize) -> &std::sync::atomic::AtomicU32 {
        self.block.plate().u32_at(0, at)
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match self.latch().held() {
            Ok(Held::Here | Held::By(_)) => Some(self.latch().pid()),
            Ok(Held::Free | Held::Died) | Err(_) => None,
        };
        out.debug_struct("Lock").field("owner", &owner).finish_non_exhaustive()
    }
}

/// The lock, held by this thread; given back when dropped, also by a panic.
#[derive(Debug)]
#[must_use = "the lock is given back when the guard is dropped"]
pub struct HeldLock<'a> {
    lock: &'a Lock,
    /// It is this thread that holds the lock.
    stays: PhantomData<*const ()>,
}

impl Drop for HeldLock<'_> {
    #[inline]
    fn drop(&mut self) {
        self.lock.latch().release();
    }
}

/// What a latch's error means.
pub(crate) fn failed(error: io::Error, what: &'static str, patience: Patience) -> SyncError {
    match error.kind() {
        io::ErrorKind::TimedOut => patience.timed_out(what),
        io::ErrorKind::Deadlock => SyncError::Reentered { what },
        io::ErrorKind::InvalidData => SyncError::Corrupted { what },
        _ => SyncError::Os { doing: "locking", source: error },
    }
}
