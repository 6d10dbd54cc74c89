//! What goes beside a frame of tasks: descriptors, and large arguments where they are.
//!
//! Does **not** know how it travels, nor what is in it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mp_wire::frame::{CREDITS, Place};

use crate::arena::Large;

/// Which regions a worker has mapped, and which large arguments it may be reading.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// By its place, the number of the region that was there when the worker was told.
    known: Vec<u64>,
    /// By the number of their frame. Their memory is not used again before the worker is past the frame, or gone: what became of
    /// their tasks may be known earlier.
    held: VecDeque<(u32, Vec<Arc<Large>>)>,
}

/// What goes beside one frame.
#[derive(Debug)]
pub(crate) struct Cargo<'h> {
    pub(crate) descriptors: Vec<OwnedFd>,
    known: &'h [u64],
    fresh: Vec<(u32, u64)>,
    held: Vec<Arc<Large>>,
}

/// What was sent, to be noted if it was.
pub(crate) struct Loaded {
    fresh: Vec<(u32, u64)>,
    held: Vec<Arc<Large>>,
}

impl Hold {
    /// Nothing yet, for the worker whose hold this is.
    pub(crate) fn cargo(&self) -> Cargo<'_> {
        Cargo { descriptors: Vec::new(), known: &self.known, fresh: Vec::new(), held: Vec::new() }
    }

    /// Frame `number` was sent with this.
    pub(crate) fn note(&mut self, number: u32, loaded: Loaded) {
        for (slot, region) in loaded.fresh {
            let slot = slot as usize;
            self.known.resize(self.known.len().max(slot + 1), 0);
            self.known[slot] = region;
        }
        // Of the frames before it, as many as there are credits besides its own may not have been read.
        let past = |(earlier, _): &(u32, _)| number.wrapping_sub(*earlier) >= CREDITS as u32;
        while self.held.front().is_some_and(past) {
            self.held.pop_front();
        }
        if !loaded.held.is_empty() {
            self.held.push_back((number, loaded.held));
        }
    }

    /// The worker is past all that it was sent. Gives what it has read: to be dropped where nobody waits for it.
    pub(crate) fn release(&mut self) -> impl Iterator<Item = Arc<Large>> {
        self.held.drain(..).flat_map(|(_, held)| held)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl Cargo<'_> {
    /// Where `large` is, as the worker is told.
    pub(crate) fn load(&mut self, large: &Arc<Large>) -> io::Result<Place> {
        let Large { lease, slot, number } = &**large;
        let is_known = self.known.get(*slot as usize) == Some(number) || self.fresh.contains(&(*slot, *number));
        if !is_known {
            self.descriptors.push(lease.region().readers().try_clone_to_owned()?);
            self.fresh.push((*slot, *number));
        }
        self.held.push(Arc::clone(large));
        Ok(Place {
            slot: *slot,
            size: if is_known { 0 } else { lease.region().size() as u64 },
            offset: lease.offset() as u64,
            len: lease.len() as u64,
        })
    }

    /// The descriptors to be sent, and what to note then.
    pub(crate) fn unload(self) -> (Vec<OwnedFd>, Loaded) {
        (self.descriptors, Loaded { fresh: self.fresh, held: self.held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Arena;

    #[test]
    fn a_region_goes_along_once_and_its_memory_is_held_until_the_worker_is_past_it() {
        let (arena, mut hold) = (Arena::new(0), Hold::default());
        let mut sent = Vec::new();
        for number in 1..=4 {
            let large = Arc::new(arena.lease(100).expect("room"));
            let mut cargo = hold.cargo();
            let sizes = [&large, &large].map(|large| cargo.load(large).expect("loaded").size);
            assert_eq!(sizes.map(|size| size > 0), [number == 1, false], "frame {number}");
            let (descriptors, loaded) = cargo.unload();
            assert_eq!(descriptors.len(), usize::from(number == 1));
            hold.note(number, loaded);
            sent.push(Arc::downgrade(&large));
        }
        let alive =
            |sent: &[std::sync::Weak<Large>]| sent.iter().map(|large| large.strong_count() > 0).collect::<Vec<_>>();
        assert_eq!(alive(&sent), [false, false, true, true]);
        drop(hold.release());
        assert_eq!(alive(&sent), [false; 4]);
    }
}
