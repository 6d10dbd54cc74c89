//! `Condition`: wait, with the lock given back meanwhile, until somebody notifies.
//!
//! Does **not** know what is waited for.
//!
//! ```text
//!  seat: free ── wait, under the lock ──▶ WAITING ── notify, under the lock ──▶ NOTIFIED ── lock taken again ──▶ free
//!                                            └─ dies ─▶ reaped                     └─ dies ─▶ reaped, passed on to another
//! ```
//!
//! - C1 Seats change under the lock; each waiter sleeps on the state of his own. So `notify(n)` is heard by n, exactly.
//! - C2 Who was notified and died before he had the lock passes it on: those who still wait look for such at the end of
//!   each slice (S2), and so does whoever notifies.
//! - C3 Who dies with the lock has abandoned it; those who wait find that at the end of their slice, and say so.

use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use mp_sys::futex;
use mp_sys::latch::Held;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::block::{Block, Kind, Size, travels};
use crate::error::SyncError;
use crate::lock::{HeldLock, Lock};
use crate::patience::Patience;
use crate::seats::{Seat, Seats};

const KIND: Kind = Kind("condition");
const NEXT_AT: usize = 64;
const LOOKED_AT: usize = 72;

/// So many can wait at the same time.
const MOST: usize = 256;

const FREE: u32 = 0;
const WAITING: u32 = 1;
const NOTIFIED: u32 = 2;

/// Waiting for what others do, under a lock. Python's `multiprocessing.Condition`.
///
/// Up to 256 can wait at the same time. One that is notified and killed before it could act has passed the notification on;
/// one that is killed with the lock has abandoned it, and all who wait are told: [`SyncError::Abandoned`].
///
/// # Examples
/// ```
/// let condition = mp_sync::Condition::new()?;
/// let other = condition.clone();
/// let mut guard = condition.lock()?;
/// std::thread::spawn(move || other.lock().map(|guard| guard.notify_one()));
/// guard.wait()?;
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct Condition {
    lock: Lock,
    places: Places,
}

#[derive(Clone)]
struct Places {
    block: Block,
}

travels!(Places, KIND);

impl Condition {
    /// One with a lock of its own.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new() -> Result<Self> {
        Self::over(&Lock::new()?)
    }

    /// One under this lock, as others may be. Python's `Condition(lock)`.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn over(lock: &Lock) -> Result<Self> {
        let block = Block::create(KIND, Size::pages(Seats::pages(MOST)))?;
        Ok(Self { lock: lock.clone(), places: Places { block } })
    }

    /// As [`Lock::lock`]. Python's `acquire()`.
    ///
    /// # Errors
    /// As [`Lock::lock`].
    pub fn lock(&self) -> Result<ConditionGuard<'_>> {
        Ok(self.guarded(self.lock.lock()?))
    }

    /// As [`Lock::lock_timeout`].
    ///
    /// # Errors
    /// As [`Lock::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ConditionGuard<'_>> {
        Ok(self.guarded(self.lock.lock_timeout(timeout)?))
    }

    /// As [`Lock::try_lock`].
    ///
    /// # Errors
    /// As [`Lock::try_lock`].
    pub fn try_lock(&self) -> Result<Option<ConditionGuard<'_>>> {
        Ok(self.lock.try_lock()?.map(|guard| self.guarded(guard)))
    }

    /// As [`Lock::recover`].
    ///
    /// # Errors
    /// As [`Lock::recover`].
    pub fn recover(&self) -> Result<ConditionGuard<'_>> {
        Ok(self.guarded(self.lock.recover()?))
    }

    /// How many wait at the moment, and were not notified.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.seats().iter().filter(|seat| waits(*seat)).count()
    }

    fn guarded<'a>(&'a self, guard: HeldLock<'a>) -> ConditionGuard<'a> {
        ConditionGuard { condition: self, guard: Some(guard) }
    }

    fn seats(&self) -> Seats<'_> {
        Seats(&self.places.block)
    }

    /// Frees the seats of the dead, and passes on what they had been told. Under the lock.
    fn reap(&self) -> Result<()> {
        for seat in self.seats().iter() {
            if seat.held()? != Held::Died {
                continue;
            }
            if seat.state().swap(FREE, Relaxed) == NOTIFIED {
                self.notify(1)?;
            }
            seat.latch().bury();
        }
        Ok(())
    }

    /// Tells those who have waited longest. Under the lock.
    fn notify(&self, count: usize) -> Result<usize> {
        let mut waiting: Vec<_> = self.seats().iter().filter(|seat| waits(*seat)).collect();
        waiting.sort_by_key(|seat| seat.order().load(Relaxed));
        waiting.truncate(count);
        for seat in &waiting {
            seat.state().store(NOTIFIED, Release);
            futex::wake_all(seat.state());
        }
        Ok(waiting.len())
    }

    /// Takes a seat at the end. Under the lock.
    fn sit(&self) -> Result<Seat<'_>> {
        let next = self.places.block.plate().u64_at(0, NEXT_AT);
        let seat = match self.seats().sit("condition") {
            Err(SyncError::Crowded { .. }) => {
                self.reap()?;
                self.seats().sit("condition")?
            }
            sat => sat?,
        };
        seat.order().store(next.fetch_add(1, Relaxed), Relaxed);
        seat.state().store(WAITING, Release);
        Ok(seat)
    }

    /// Sleeps until notified, or nothing is left of the time. Without the lock.
    fn sleep(&self, seat: Seat<'_>, patience: Patience) -> Result<()> {
        while seat.state().load(Acquire) == WAITING {
            let Some(slice) = patience.slice() else { return Ok(()) };
            futex::wait(seat.state(), WAITING, Some(slice)).map_err(SyncError::os("waiting for a condition"))?;
            if seat.state().load(Acquire) == WAITING {
                // Busy is as good: somebody lives in there.
                if let Some(_guard) = self.lock.try_lock()? {
                    self.seats().look_at_one(self.places.block.plate().u32_at(0, LOOKED_AT));
                    self.reap()?;
                }
            }
        }
        Ok(())
    }
}

fn waits(seat: Seat<'_>) -> bool {
    seat.state().load(Acquire) == WAITING && seat.is_alive().unwrap_or(false)
}

impl fmt::Debug for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Condition").field("lock", &self.lock).field("waiting", &self.waiting()).finish()
    }
}

/// The lock of a condition, held; waits and notifications need it.
#[derive(Debug)]
#[must_use = "the lock is given back when the guard is dropped"]
pub struct ConditionGuard<'a> {
    condition: &'a Condition,
    /// None after a wait that failed: then the lock is not held.
    guard: Option<HeldLock<'a>>,
}

impl ConditionGuard<'_> {
    /// Gives the lock back, waits until notified, takes the lock again.
    ///
    /// # Errors
    /// [`SyncError::Abandoned`] when somebody was killed with the lock meanwhile. After an error this guard holds
    /// nothing any more, and its calls are [`SyncError::NotHeld`].
    pub fn wait(&mut self) -> Result<()> {
        self.wait_within(Patience::Forever).map(drop)
    }

    /// As [`wait`](Self::wait), at most for `timeout`: whether it was notified. The lock is held again in both cases.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<bool> {
        self.wait_within(Patience::timeout(timeout))
    }

    /// Waits until `condition` holds, which is looked at under the lock. Python's `wait_for`.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_for(&mut self, mut condition: impl FnMut() -> bool) -> Result<()> {
        while !condition() {
            self.wait()?;
        }
        Ok(())
    }

    /// As [`wait_for`](Self::wait_for), at most for `timeout`: whether it holds.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_for_timeout(&mut self, mut condition: impl FnMut() -> bool, timeout: Duration) -> Result<bool> {
        let patience = Patience::timeout(timeout);
        loop {
            if condition() {
                return Ok(true);
            }
            if !self.wait_within(patience)? {
                return Ok(condition());
            }
        }
    }

    /// Wakes the one who has waited longest, if anybody waits: how many.
    ///
    /// # Errors
    /// [`SyncError::NotHeld`] after a wait that failed.
    pub fn notify_one(&self) -> Result<usize> {
        self.notify(1)
    }

    /// Wakes up to `count` of those who wait: how many. Python's `notify(n)`.
    ///
    /// # Errors
    /// As [`notify_one`](Self::notify_one).
    pub fn notify(&self, count: usize) -> Result<usize> {
        if self.guard.is_none() {
            return Err(SyncError::NotHeld { what: "lock of a condition" });
        }
        self.condition.reap()?;
        self.condition.notify(count)
    }

    /// Wakes all who wait: how many.
    ///
    /// # Errors
    /// As [`notify_one`](Self::notify_one).
    pub fn notify_all(&self) -> Result<usize> {
        self.notify(usize::MAX)
    }

    fn wait_within(&mut self, patience: Patience) -> Result<bool> {
        let guard = self.guard.take().ok_or(SyncError::NotHeld { what: "lock of a condition" })?;
        let condition = self.condition;
        let seat = match condition.sit() {
            Ok(seat) => seat,
            Err(error) => {
                self.guard = Some(guard);
                return Err(error);
            }
        };
        drop(guard);
        let slept = condition.sleep(seat, patience);
        let again = slept.and_then(|()| condition.lock.lock());
        let notified = seat.state().swap(FREE, Relaxed) == NOTIFIED;
        seat.latch().release();
        self.guard = Some(again?);
        Ok(notified)
    }
}
