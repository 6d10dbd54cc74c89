//! `Event`: a flag to wait for.
//!
//! Does **not** need latches: nobody holds it, and who waits for it is missed by nobody.
//!
//! ```text
//!   word: even ── not set ── set(): lowest bit, and wake all, in one system call ──▶ odd ── set
//!          ▲                                                                          │
//!          └──────────────────────── clear(): + 1 ────────────────────────────────────┘
//! ```
//!
//! A waiter has seen an even number and is done when there is another one: also if it was cleared again before he looked.

use std::fmt;
use std::sync::atomic::Ordering::{Acquire, SeqCst};
use std::time::Duration;

use mp_sys::futex;

use crate::Result;
use crate::block::{Block, Kind, Size, travels};
use crate::error::SyncError;
use crate::patience::Patience;

const KIND: Kind = Kind("event");
const WORD_AT: usize = 64;

/// A flag that processes set, clear, and wait for. Python's `multiprocessing.Event`.
///
/// # Examples
/// ```
/// # use std::time::Duration;
/// let event = mp_sync::Event::new()?;
/// assert!(!event.wait_timeout(Duration::from_millis(5))?);
/// event.set();
/// event.wait()?;
/// event.clear();
/// assert!(!event.is_set());
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct Event {
    block: Block,
}

travels!(Event, KIND);

impl Event {
    /// One that is not set.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new() -> Result<Self> {
        Ok(Self { block: Block::create(KIND, Size::pages(1))? })
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.word().load(Acquire) % 2 == 1
    }

    /// Sets it, and wakes all who wait.
    pub fn set(&self) {
        if !self.is_set() {
            futex::set_bit_and_wake_all(self.word());
        }
    }

    /// Makes it not set.
    pub fn clear(&self) {
        let seen = self.word().load(Acquire);
        if seen % 2 == 1 {
            // Who was quicker has cleared it.
            let _ = self.word().compare_exchange(seen, seen.wrapping_add(1), SeqCst, SeqCst);
        }
    }

    /// Waits until it is set.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn wait(&self) -> Result<()> {
        self.wait_within(Patience::Forever).map(drop)
    }

    /// Waits until it is set, at most for `timeout`: whether it was.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        self.wait_within(Patience::timeout(timeout))
    }

    fn wait_within(&self, patience: Patience) -> Result<bool> {
        let seen = self.word().load(Acquire);
        if seen % 2 == 1 {
            return Ok(true);
        }
        while self.word().load(Acquire) == seen {
            let Some(left) = patience.left() else { return Ok(false) };
            futex::wait(self.word(), seen, left).map_err(SyncError::os("waiting for an event"))?;
        }
        Ok(true)
    }

    fn word(&self) -> &std::sync::atomic::AtomicU32 {
        self.block.plate().u32_at(0, WORD_AT)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Event").field("is_set", &self.is_set()).finish()
    }
}
