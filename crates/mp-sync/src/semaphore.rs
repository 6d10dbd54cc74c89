//! `Semaphore`: so many at a time.
//!
//! Does **not** store how many permits are there: that is what was given in all, less the seats that are taken.
//!
//! ```text
//!  acquire: gate ─ bury the dead ─ total > seats taken? ─ take a seat ─ gate back
//!                                   └ no: ticket ─ gate back ─ sleep a slice ─ again
//!  dropped: seat back ─ ring             release: total + 1 ─ ring             forget: total - 1 ─ seat back
//! ```
//!
//! - P1 A permit is held by holding a seat: one store takes it, one gives it back, and a death gives it back as well.
//! - P2 Killed between the seat and the bell: sleepers look again at the end of their slice (S2).

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::time::Duration;

use mp_sys::futex;
use mp_sys::latch::{Held, Latch};

use crate::Result;
use crate::block::{Block, Kind, Size, travels};
use crate::error::SyncError;
use crate::gate::Gate;
use crate::patience::Patience;
use crate::seats::Seats;

const KIND: Kind = Kind("semaphore");
const TOTAL_AT: usize = 64;
const CHANGES_AT: usize = 68;
const WANTED_AT: usize = 72;
const LOOKED_AT: usize = 76;

/// So many guards there can be at the least and at the most, whatever the number of permits.
const SEATS: std::ops::RangeInclusive<usize> = 32..=1024;

/// A number of permits, of which processes take one each. Python's `multiprocessing.Semaphore`.
///
/// A permit is a guard: what it held comes back when it is dropped, and also when its process is killed; then one who acquires
/// next is told once, [`SyncError::Abandoned`], since what the permit stood for may need a look. At most 1024 guards can
/// be there at the same time (32, or as many as the semaphore began with, if that is between); more wait.
///
/// As a mere counter: [`release`](Semaphore::release) adds a permit, [`Permit::forget`] takes one away for good.
///
/// # Examples
/// ```
/// let semaphore = mp_sync::Semaphore::new(2)?;
/// let (a, b) = (semaphore.acquire()?, semaphore.acquire()?);
/// assert!(semaphore.try_acquire()?.is_none());
/// drop(a);
/// assert_eq!(semaphore.value(), 1);
/// b.forget();
/// semaphore.release();
/// assert_eq!(semaphore.value(), 2);
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct Semaphore {
    block: Block,
}

travels!(Semaphore, KIND);

impl Semaphore {
    /// One with so many permits.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(permits: u32) -> Result<Self> {
        let seats = (permits as usize).clamp(*SEATS.start(), *SEATS.end());
        let block = Block::create(KIND, Size::pages(Seats::pages(seats)))?;
        block.plate().u32_at(0, TOTAL_AT).store(permits, Release);
        Ok(Self { block })
    }

    /// Waits for a permit, and takes it. Python's `acquire()`.
    ///
    /// # Errors
    /// [`SyncError::Abandoned`], once for each holder that was killed; its permit is there again.
    pub fn acquire(&self) -> Result<Permit<'_>> {
        self.acquire_within(Patience::Forever)
    }

    /// As [`Semaphore::acquire`], at most for `timeout`.
    ///
    /// # Errors
    /// [`SyncError::TimedOut`], and as [`Semaphore::acquire`].
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.acquire_within(Patience::timeout(timeout))
    }

    /// Takes a permit if there is one. Python's `acquire(block=False)`.
    ///
    /// # Errors
    /// As [`Semaphore::acquire`].
    pub fn try_acquire(&self) -> Result<Option<Permit<'_>>> {
        self.turn(Gate::enter_soon(self.gate(), "semaphore")?)
    }

    /// Adds a permit, which nobody held. Python's `release()`, where it is not that of a permit.
    pub fn release(&self) {
        self.total().fetch_add(1, AcqRel);
        self.ring();
    }

    /// How many permits are there at the moment. Python's `get_value()`.
    #[must_use]
    pub fn value(&self) -> u32 {
        let alive = Seats(&self.block).iter().filter(|seat| seat.is_alive().unwrap_or(false)).count();
        self.total().load(Acquire).saturating_sub(alive as u32)
    }

    /// As [`Semaphore::release`], if there are less than `bound` then.
    pub(crate) fn release_below(&self, bound: u32) -> bool {
        let added = self.total().fetch_update(AcqRel, Acquire, |total| (total < bound).then(|| total + 1)).is_ok();
        if added {
            self.ring();
        }
        added
    }

    fn acquire_within(&self, patience: Patience) -> Result<Permit<'_>> {
        loop {
            // Drawn before looking: what changes after that ends the sleep.
            let ticket = self.word(CHANGES_AT).load(Acquire);
            self.word(WANTED_AT).store(1, Release);
            if let Some(permit) = self.turn(Gate::enter(self.gate(), "semaphore", patience)?)? {
                return Ok(permit);
            }
            let Some(slice) = patience.slice() else { return Err(patience.timed_out("semaphore")) };
            futex::wait(self.word(CHANGES_AT), ticket, Some(slice))
                .map_err(SyncError::os("waiting for a semaphore"))?;
        }
    }

    /// One look at it, under the gate.
    fn turn(&self, gate: Gate<'_>) -> Result<Option<Permit<'_>>> {
        let seats = Seats(&self.block);
        let mut taken = 0;
        for seat in seats.iter() {
            match seat.held()? {
                Held::Free => {}
                Held::Here | Held::By(_) => taken += 1,
                Held::Died => {
                    if let Some(pid) = seat.latch().bury() {
                        drop(gate);
                        self.ring();
                        return Err(SyncError::abandoned("permit of a semaphore", pid));
                    }
                }
            }
        }
        if self.total().load(Acquire) <= taken || taken as usize >= seats.len() {
            seats.look_at_one(self.word(LOOKED_AT));
            return Ok(None);
        }
        let seat = seats.sit("semaphore")?;
        Ok(Some(Permit { semaphore: self, seat: seat.number(), stays: PhantomData }))
    }

    fn ring(&self) {
        if self.word(WANTED_AT).swap(0, AcqRel) != 0 {
            self.word(CHANGES_AT).fetch_add(1, Release);
            futex::wake_all(self.word(CHANGES_AT));
        }
    }

    fn gate(&self) -> Latch<'_> {
        self.block.plate().latch(0, 1)
    }

    fn total(&self) -> &AtomicU32 {
        self.word(TOTAL_AT)
    }

    fn word(&self, at: usize) -> &AtomicU32 {
        self.block.plate().u32_at(0, at)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Semaphore").field("value", &self.value()).finish_non_exhaustive()
    }
}

/// One of the permits, held by this thread; there again when dropped.
#[derive(Debug)]
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    seat: usize,
    stays: PhantomData<*const ()>,
}

impl Permit<'_> {
    /// Takes the permit away for good: there is one less, until somebody [releases](Semaphore::release) one.
    pub fn forget(self) {
        let _ = self.semaphore.total().fetch_update(AcqRel, Acquire, |total| total.checked_sub(1));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        Seats(&self.semaphore.block).at(self.seat).latch().release();
        self.semaphore.ring();
    }
}
