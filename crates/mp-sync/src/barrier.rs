//! `Barrier`: all wait until all are there.
//!
//! Does **not** know who the parties are, only who waits: one that dies before it comes is awaited like one that is late.
//!
//! ```text
//!  phase = generation, broken
//!    g, whole ── the last one comes ──▶ g + 1, whole        verdict[g] = passed
//!    g, whole ── abort, a late one, a dead one ──▶ g + 1, broken    verdict[g] = broken
//!    any ─────── reset ──▶ g + 1, whole                     verdict[g] = broken
//!
//!  with an action: the last one comes ─▶ ACTING = g ─ gate back ─ action ─ gate ─▶ as above, if the phase is still g
//! ```
//!
//! - B1 All decisions are made under the gate; the phase is one store, made after the verdict. A waiter of generation g
//!   is done when the phase is another, and the verdict of g says how.
//! - B2 Who is there is derived: the seats whose state is the generation. Who dies in his seat is seen by the next who comes and
//!   by all who wait, at the end of each slice (S2).
//! - B3 Who dies in the gate breaks the barrier, whatever he was about to do.
//! - B4 Nobody else's code runs under the gate: who acts sits in a seat, as one who waits, and his death is seen there. Who comes
//!   meanwhile belongs to the next generation and waits for its turn; if he has no time left, that one is broken from the start.

use std::fmt;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use mp_sys::futex;
use mp_sys::latch::{Held, Latch};

use crate::Result;
use crate::block::{Block, Kind, Size, travels};
use crate::error::SyncError;
use crate::gate::Gate;
use crate::patience::Patience;
use crate::seats::{Seat, Seats};

const KIND: Kind = Kind("barrier");
const PHASE_AT: usize = 64;
const PARTIES_AT: usize = 68;
/// The generation whose action runs.
const ACTING_AT: usize = 72;
/// The generation that somebody left before it began.
const LEFT_AT: usize = 76;
const LOOKED_AT: usize = 80;
const VERDICTS_AT: usize = 128;
/// So many generations ago is remembered; who sleeps longer than that is told that it broke.
const VERDICTS: u32 = 64;

/// So many parties there can be.
const MOST: u32 = 1024;

/// A point at which a number of processes wait for one another. Python's `multiprocessing.Barrier`.
///
/// It is broken when one who waits is killed or waits too long, and by [`abort`](Barrier::abort): all who wait, and all who come,
/// get [`SyncError::Broken`] until somebody [resets](Barrier::reset) it. A process that is killed *before* it comes is not known to
/// be missing: use [`wait_timeout`](Barrier::wait_timeout).
///
/// # Examples
/// ```
/// let barrier = mp_sync::Barrier::new(2)?;
/// let other = barrier.clone();
/// let there = std::thread::spawn(move || other.wait());
/// let mut numbers = [barrier.wait()?, there.join().expect("it does not panic")?];
/// numbers.sort();
/// assert_eq!(numbers, [0, 1]);
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct Barrier {
    block: Block,
}

travels!(Barrier, KIND);

impl Barrier {
    /// One for so many parties, 1024 at the most.
    ///
    /// # Errors
    /// [`SyncError::Invalid`] for none or too many; when descriptors or memory run out.
    pub fn new(parties: u32) -> Result<Self> {
        if !(1..=MOST).contains(&parties) {
            return Err(SyncError::Invalid("a barrier has from 1 to 1024 parties"));
        }
        // As many may be leaving one generation as wait in the next.
        let seats = parties as usize * 2 + 16;
        let block = Block::create(KIND, Size::pages(Seats::pages(seats)))?;
        block.plate().u32_at(0, PARTIES_AT).store(parties, Relaxed);
        block.plate().u32_at(0, PHASE_AT).store(phase(1, false), Release);
        Ok(Self { block })
    }

    /// Waits until all parties wait. Each gets another number from 0 to `parties - 1`.
    ///
    /// # Errors
    /// [`SyncError::Broken`].
    pub fn wait(&self) -> Result<u32> {
        self.wait_within(Patience::Forever, None::<fn()>)
    }

    /// As [`Barrier::wait`], at most for `timeout`; then the barrier is broken.
    ///
    /// # Errors
    /// [`SyncError::TimedOut`] for the one whose time was over, and [`SyncError::Broken`] for the others.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<u32> {
        self.wait_within(Patience::timeout(timeout), None::<fn()>)
    }

    /// As [`Barrier::wait`]; the last to come runs `action` before all go on. Python's `Barrier(parties, action)`.
    /// If it panics, the barrier is broken; so it is when one who waits has no time left before the action ends.
    ///
    /// # Errors
    /// As [`Barrier::wait`].
    pub fn wait_then(&self, action: impl FnOnce()) -> Result<u32> {
        self.wait_within(Patience::Forever, Some(action))
    }

    /// Breaks it: all who wait, and who come, get [`SyncError::Broken`].
    ///
    /// # Errors
    /// [`SyncError::Stuck`]; when the system refuses.
    pub fn abort(&self) -> Result<()> {
        let _gate = self.noted(Gate::enter_soon(self.latch(), "barrier")?);
        self.finish(false, true);
        Ok(())
    }

    /// Makes it whole again, with nobody there. Who waits gets [`SyncError::Broken`].
    ///
    /// # Errors
    /// [`SyncError::Stuck`]; when the system refuses.
    pub fn reset(&self) -> Result<()> {
        let _gate = self.noted(Gate::enter_soon(self.latch(), "barrier")?);
        self.finish(false, false);
        Ok(())
    }

    /// For how many it is.
    #[must_use]
    pub fn parties(&self) -> u32 {
        self.word(PARTIES_AT).load(Relaxed)
    }

    /// How many wait at the moment. Python's `n_waiting`.
    #[must_use]
    pub fn n_waiting(&self) -> u32 {
        let generation = self.phase().load(Acquire) >> 1;
        self.there(generation).filter(|seat| seat.is_alive().unwrap_or(false)).count() as u32
    }

    /// Whether it is broken. Python's `broken`.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.phase().load(Acquire) & 1 == 1
    }

    fn wait_within(&self, patience: Patience, action: Option<impl FnOnce()>) -> Result<u32> {
        let (gate, seen) = self.enter(patience)?;
        let generation = seen >> 1;
        let before = self.there(generation).count() as u32;
        let is_last = before + 1 >= self.parties();
        if is_last && action.is_none() {
            self.finish(true, false);
            return Ok(before);
        }
        let seat = Seats(&self.block).sit("barrier")?;
        seat.state().store(generation, Release);
        match action.filter(|_| is_last) {
            Some(action) => self.act((seat, seen), gate, action),
            None => {
                drop(gate);
                let waited = self.sleep(seen, patience);
                leave(seat);
                waited?;
            }
        }
        if self.verdict(generation).load(Acquire) == phase(generation, false) {
            Ok(before)
        } else {
            Err(SyncError::Broken)
        }
    }

    /// The gate, when no action runs, and the phase then, which is whole.
    fn enter(&self, patience: Patience) -> Result<(Gate<'_>, u32)> {
        loop {
            let gate = self.gate(patience)?;
            let seen = self.phase().load(Relaxed);
            if seen & 1 == 1 || self.breaks_by_death(seen >> 1)? {
                return Err(SyncError::Broken);
            }
            if self.word(ACTING_AT).load(Relaxed) != seen >> 1 {
                return Ok((gate, seen));
            }
            let Some(slice) = patience.slice() else {
                self.word(LEFT_AT).store(after(seen >> 1), Relaxed);
                return Err(patience.timed_out("barrier"));
            };
            drop(gate);
            futex::wait(self.phase(), seen, Some(slice)).map_err(SyncError::os("waiting at a barrier"))?;
        }
    }

    /// The last one acts, in his seat, and ends the generation, if nobody has done so meanwhile.
    fn act(&self, (seat, seen): (Seat<'_>, u32), gate: Gate<'_>, action: impl FnOnce()) {
        self.word(ACTING_AT).store(seen >> 1, Relaxed);
        drop(gate);
        let mut acting = Acting { barrier: self, seat, seen, done: false };
        action();
        acting.done = true;
    }

    /// Until the phase is another, or nothing is left of the time.
    fn sleep(&self, seen: u32, patience: Patience) -> Result<()> {
        while self.phase().load(Acquire) == seen {
            let slice = patience.slice();
            if let Some(slice) = slice {
                futex::wait(self.phase(), seen, Some(slice)).map_err(SyncError::os("waiting at a barrier"))?;
                if self.phase().load(Acquire) != seen {
                    break;
                }
            }
            let _gate = self.gate(patience)?;
            if self.phase().load(Relaxed) == seen && !self.breaks_by_death(seen >> 1)? && slice.is_none() {
                self.finish(false, true);
                return Err(patience.timed_out("barrier"));
            }
        }
        Ok(())
    }

    /// Frees the seats of the dead; whether one of them waited in this generation, which is broken then. Under the gate.
    fn breaks_by_death(&self, generation: u32) -> Result<bool> {
        let mut breaks = false;
        Seats(&self.block).look_at_one(self.word(LOOKED_AT));
        for seat in Seats(&self.block).iter() {
            if seat.held()? == Held::Died {
                if seat.state().load(Acquire) == generation {
                    breaks = true;
                    break;
                }
                seat.state().store(0, Relaxed);
                seat.latch().bury();
            }
        }
        // Of this generation are buried in the next, when it is broken for certain.
        if breaks {
            self.finish(false, true);
        }
        Ok(breaks)
    }

    /// Ends the generation. Under the gate.
    fn finish(&self, passed: bool, broken: bool) {
        let generation = self.phase().load(Relaxed) >> 1;
        self.verdict(generation).store(phase(generation, !passed), Release);
        self.word(ACTING_AT).store(0, Relaxed);
        let next = after(generation);
        let left = self.word(LEFT_AT).swap(0, Relaxed) == next;
        self.phase().store(phase(next, broken || passed && left), Release);
        futex::wake_all(self.phase());
    }

    fn there(&self, generation: u32) -> impl Iterator<Item = Seat<'_>> {
        Seats(&self.block).iter().filter(move |seat| seat.state().load(Acquire) == generation)
    }

    fn gate(&self, patience: Patience) -> Result<Gate<'_>> {
        Ok(self.noted(Gate::enter(self.latch(), "barrier", patience)?))
    }

    fn noted<'a>(&self, gate: Gate<'a>) -> Gate<'a> {
        if gate.died {
            self.finish(false, true);
        }
        gate
    }

    fn latch(&self) -> Latch<'_> {
        self.block.plate().latch(0, 1)
    }

    fn phase(&self) -> &AtomicU32 {
        self.word(PHASE_AT)
    }

    fn verdict(&self, generation: u32) -> &AtomicU32 {
        self.word(VERDICTS_AT + 4 * (generation % VERDICTS) as usize)
    }

    fn word(&self, at: usize) -> &AtomicU32 {
        self.block.plate().u32_at(0, at)
    }
}

fn phase(generation: u32, broken: bool) -> u32 {
    generation << 1 | u32::from(broken)
}

/// 0 is the state of a seat in which nobody waits.
fn after(generation: u32) -> u32 {
    Some((generation + 1) & (u32::MAX >> 1)).filter(|next| *next != 0).unwrap_or(1)
}

fn leave(seat: Seat<'_>) {
    seat.state().store(0, Relaxed);
    seat.latch().release();
}

/// The action runs; if a panic passes by, the barrier is broken.
struct Acting<'a> {
    barrier: &'a Barrier,
    seat: Seat<'a>,
    seen: u32,
    done: bool,
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        // Without the gate there is nothing to be done: all who wait hear the same of it.
        if let Ok(_gate) = self.barrier.gate(Patience::Forever)
            && self.barrier.phase().load(Relaxed) == self.seen
        {
            self.barrier.finish(self.done, !self.done);
        }
        leave(self.seat);
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Barrier");
        out.field("parties", &self.parties()).field("n_waiting", &self.n_waiting());
        out.field("is_broken", &self.is_broken()).finish()
    }
}
