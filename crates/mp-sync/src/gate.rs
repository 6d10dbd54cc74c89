//! The inner latch of something, held for a moment, with its holder's death told and no more made of it.
//!
//! Does **not** run what others wrote while it is held: so a wait for it has an end, whoever is said to hold it.
//!
//! - G1 A holder that does not exist is as one that has died ([`mp_sys::latch`], A4).
//! - G2 One that lives and keeps it for [`SLICES`] looks is stuck, or never held it: an error. A look at a holder that is stopped
//!   does not count for those who wait as long as it takes, and what stops all of a program costs each one look.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mp_sys::latch::{Held, Latch, Left};

use crate::Result;
use crate::error::SyncError;
use crate::lock::failed;
use crate::patience::Patience;

/// Held for microseconds by all but a thread that is stopped, or gets no processor.
const SLICES: u32 = 100;

/// Who waits for a limited time has so many looks at the least.
const LEAST: u32 = 10;

/// How long a look is, in microseconds.
static SLICE_US: AtomicU64 = AtomicU64::new(100_000);

/// Shortens all limits by a thousand: for `mp-fuzz`, which makes up holders all the time.
#[doc(hidden)]
pub fn hurry() {
    SLICE_US.store(100, Relaxed);
}

fn slice() -> Duration {
    Duration::from_micros(SLICE_US.load(Relaxed))
}

/// The gate, held.
pub(crate) struct Gate<'a> {
    latch: Latch<'a>,
    /// Whether the last one died in there.
    pub(crate) died: bool,
}

impl<'a> Gate<'a> {
    /// For who waits so long for what is behind it.
    pub(crate) fn enter(latch: Latch<'a>, what: &'static str, patience: Patience) -> Result<Self> {
        let Some(deadline) = patience.deadline() else { return Self::unless_stuck(latch, what, Latch::is_stopped) };
        let left = latch.take(Some(deadline.max(Instant::now() + slice() * LEAST)));
        left.map(|left| Self::of(latch, left)).map_err(|error| failed(error, what, patience))
    }

    /// For who waits for nothing else.
    pub(crate) fn enter_soon(latch: Latch<'a>, what: &'static str) -> Result<Self> {
        Self::unless_stuck(latch, what, |_| false)
    }

    fn unless_stuck(latch: Latch<'a>, what: &'static str, excused: impl Fn(Latch<'a>) -> bool) -> Result<Self> {
        let (mut looks, mut before) = (0, Held::Free);
        loop {
            match latch.take(Some(Instant::now() + slice())) {
                Ok(left) => return Ok(Self::of(latch, left)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(error) => return Err(failed(error, what, Patience::Forever)),
            }
            let held = latch.held().map_err(SyncError::os("looking at a latch"))?;
            if held != before {
                (looks, before) = (0, held);
            } else if !excused(latch) {
                looks += 1;
            }
            if let (SLICES.., Held::By(thread)) = (looks, held) {
                return Err(SyncError::Stuck { what, thread });
            }
        }
    }

    fn of(latch: Latch<'a>, left: Left) -> Self {
        Self { latch, died: left != Left::Released }
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.latch.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Block, Kind, Size};

    #[test]
    fn who_never_held_it_is_named() {
        let block = Block::create(Kind("test"), Size::pages(1)).expect("memory");
        let (latch, (free, done)) =
            (block.plate().latch(0, 1), (std::sync::Barrier::new(2), std::sync::Barrier::new(2)));
        hurry();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _gate = Gate::enter_soon(latch, "test").map_err(drop);
                free.wait();
                done.wait();
            });
            free.wait();
            let stuck = Gate::enter(latch, "test", Patience::Forever).map(drop);
            assert!(matches!(stuck, Err(SyncError::Stuck { what: "test", thread: 1.. })), "{stuck:?}");
            let late = Gate::enter(latch, "test", Patience::timeout(Duration::ZERO)).map(drop);
            assert!(matches!(late, Err(SyncError::TimedOut { .. })), "{late:?}");
            done.wait();
        });
        assert!(!Gate::enter_soon(latch, "test").expect("free").died);
    }
}
