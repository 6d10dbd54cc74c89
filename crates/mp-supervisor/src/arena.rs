//! Where large arguments wait, are read by workers, and wait for the next try: in memory that is kept and used again.
//!
//! Does **not** know tasks or workers.
//!
//! ```text
//!  caller: lease(len) ─▶ encode into it ─▶ Args ─▶ .. queued, sent by its place, read, settled .. ─▶ dropped
//!              │                                                                                       │
//!              ▼  a fresh page costs 4 times as much as its bytes do: the lowest free place is taken   ▼
//!          regions: | 2 MiB | 2 MiB | 4 MiB | 8 .. 64 MiB | ..        one descriptor each
//! ```
//!
//! What is kept: of what is not in use, the first [`KEPT`] bytes, until a second has passed in which nothing was asked for. Then all memory
//! that is not in use goes back, and each region of which nothing is in use, with its descriptor. A region is as large as all
//! before it together, from 2 MiB up to 64 MiB, so that few descriptors are enough for however much waits (I6).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mp_sys::region::{Lease, Region};
use mp_wire::WorkerId;
use parking_lot::Mutex;

use crate::reactor::{Listener, Reactor};
use crate::windows::Glass;

/// So many bytes that are not in use are kept.
const KEPT: usize = 64 << 20;

/// How large a region is, unless a value is larger.
const SMALLEST: usize = 2 << 20;
const LARGEST: usize = 64 << 20;

/// The most regions: beyond them values are sent as files of their own.
const MOST: usize = 256;

/// After so long without use, memory is given back.
const IDLE: Duration = Duration::from_secs(1);

/// The large arguments of one pool.
#[derive(Debug)]
pub(crate) struct Arena {
    state: Mutex<State>,
    /// Whether something was asked for since the last look.
    used: AtomicBool,
    /// Whether there will be another look.
    watched: AtomicBool,
    /// Of workers, for large results; see `windows`.
    windows: Mutex<Vec<Weak<Glass>>>,
    this: Weak<Self>,
    from: usize,
}

#[derive(Debug, Default)]
struct State {
    regions: Vec<Option<(u64, Arc<Region>)>>,
    /// How many regions there have been.
    made: u64,
}

/// A large value: its bytes, and where they are.
#[derive(Debug)]
pub(crate) struct Large {
    pub(crate) lease: Lease,
    /// The place of its region among the pool's; of how many regions before it was another there.
    pub(crate) slot: u32,
    pub(crate) number: u64,
}

impl Arena {
    /// For values of more than `from` bytes.
    pub(crate) fn new(from: usize) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            state: Mutex::default(),
            used: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            windows: Mutex::default(),
            this: Weak::clone(this),
            from,
        })
    }

    /// Whether a value of `len` bytes is large.
    pub(crate) fn wants(&self, len: usize) -> bool {
        len > self.from
    }

    /// Beyond how many bytes a value is large.
    pub(crate) fn from(&self) -> usize {
        self.from
    }

    /// Room for `len` bytes; none where the system has none.
    pub(crate) fn lease(&self, len: usize) -> Option<Large> {
        let mut state = self.state.lock();
        let large = state.place(len).or_else(|| {
            state.grow(len)?;
            state.place(len)
        });
        drop(state);
        self.touch();
        large
    }

    /// Something is used: what is kept, is kept for a while longer.
    pub(crate) fn touch(&self) {
        self.used.store(true, Ordering::Release);
        self.look_again();
    }

    /// The memory of this window is given back as well when it was not used for a while.
    pub(crate) fn watch_over(&self, glass: &Arc<Glass>) {
        let mut windows = self.windows.lock();
        windows.retain(|glass| glass.strong_count() > 0);
        windows.push(Arc::downgrade(glass));
    }

    /// Another look, though nothing was used.
    fn look_again(&self) {
        if !self.watched.swap(true, Ordering::AcqRel) {
            self.watch();
        }
    }

    fn watch(&self) {
        if let Ok(reactor) = Reactor::get() {
            let this: Weak<dyn Listener> = Weak::<Self>::clone(&self.this);
            reactor.wake_at(Instant::now() + IDLE, this);
        }
    }
}

impl State {
    fn place(&self, len: usize) -> Option<Large> {
        self.regions.iter().zip(0..).find_map(|(region, slot)| {
            let (number, region) = region.as_ref()?;
            Some(Large { lease: region.lease(len)?, slot, number: *number })
        })
    }

    fn grow(&mut self, len: usize) -> Option<()> {
        let slot = self.regions.iter().position(Option::is_none).unwrap_or(self.regions.len());
        if slot == MOST {
            return None;
        }
        let sizes = || self.regions.iter().flatten().map(|(_, region)| region.size());
        let size = len.max(sizes().sum::<usize>().clamp(SMALLEST, LARGEST));
        let before: usize = self.regions[..slot].iter().flatten().map(|(_, region)| region.size()).sum();
        let region = Region::create(size, KEPT.saturating_sub(before));
        let region =
            region.inspect_err(|error| crate::log::warning!(%error, size, "no region for large arguments")).ok()?;
        self.made += 1;
        self.regions.resize(self.regions.len().max(slot + 1), None);
        self.regions[slot] = Some((self.made, region));
        Some(())
    }

    /// Gives back what is not in use; gives whether something is.
    fn give_back(&mut self) -> bool {
        for place in &mut self.regions {
            match place {
                Some((_, region)) if region.is_free() => *place = None,
                Some((_, region)) => region.give_back(),
                None => {}
            }
        }
        self.regions.iter().any(Option::is_some)
    }
}

impl Listener for Arena {
    fn readable(&self, _: WorkerId) {}

    fn exited(&self, _: WorkerId) {}

    fn tick(&self) {
        // Who uses something after this asks for another look.
        self.watched.store(false, Ordering::Release);
        if self.used.swap(false, Ordering::AcqRel) {
            return self.look_again();
        }
        let windows = self.windows.lock().clone();
        windows.iter().filter_map(Weak::upgrade).for_each(|glass| glass.give_back());
        if self.state.lock().give_back() {
            self.look_again();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const MIB: usize = 1 << 20;

    fn regions(arena: &Arena) -> Vec<usize> {
        arena.state.lock().regions.iter().flatten().map(|(_, region)| region.size() / MIB).collect()
    }

    #[test]
    fn however_much_waits_few_regions_are_enough() {
        let arena = Arena::new(0);
        let waiting: Vec<_> = (0..600).filter_map(|_| arena.lease(MIB)).collect();
        assert_eq!(waiting.len(), 600);
        assert_eq!(regions(&arena), [2, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64, 64, 64, 64, 64]);
        assert!(arena.lease(100 * MIB).is_some());
        assert_eq!(regions(&arena).last(), Some(&100));
    }

    #[test]
    fn the_same_place_is_used_again_and_given_back_when_idle() {
        let arena = Arena::new(0);
        for _ in 0..100 {
            let mut large = arena.lease(MIB).expect("room");
            large.lease.write_all(&vec![7; MIB]).expect("fits");
            assert_eq!((large.slot, large.number, large.lease.offset()), (0, 1, 0));
        }
        arena.tick();
        assert_eq!(regions(&arena), [2], "it was used since the last look");
        let kept = arena.lease(1).expect("room");
        arena.tick();
        arena.tick();
        assert_eq!(regions(&arena), [2], "something is in use");
        drop(kept);
        arena.tick();
        assert_eq!((regions(&arena), arena.watched.load(Ordering::Acquire)), (Vec::new(), false));
        assert_eq!(arena.lease(1).map(|large| (large.slot, large.number)), Some((0, 2)), "another one in its place");
    }
}
