//! An allocator that counts: how much memory a piece of code had at its height.
//!
//! Does **not** refuse anything, nor know whose memory it is: it counts for the whole process.
#![expect(unsafe_code, reason = "that is how an allocator is written")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// The system's allocator, and a count beside it.
#[derive(Debug, Default)]
pub struct Tally {
    live: AtomicUsize,
    height: AtomicUsize,
}

impl Tally {
    /// Nothing counted.
    #[must_use]
    pub const fn new() -> Self {
        Self { live: AtomicUsize::new(0), height: AtomicUsize::new(0) }
    }

    /// Runs `body`; gives by how many bytes the memory in use was more than before, at most, beside what it gives.
    pub fn height_of<T>(&self, body: impl FnOnce() -> T) -> (T, usize) {
        let before = self.live.load(Relaxed);
        self.height.store(before, Relaxed);
        let value = body();
        (value, self.height.load(Relaxed).saturating_sub(before))
    }

    fn took(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Relaxed).wrapping_add(bytes);
        self.height.fetch_max(live, Relaxed);
    }

    fn gave(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: all memory is the system allocator's, asked for and given back with the layouts that came in; counting
// allocates nothing.
unsafe impl GlobalAlloc for Tally {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        // SAFETY: the caller's promise is the one that is needed.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        self.gave(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_is_counted_also_of_what_is_given_back() {
        let tally = Tally::new();
        let layout = Layout::array::<u8>(1000).expect("a size");
        let ((), height) = tally.height_of(|| {
            for _ in 0..3 {
                // SAFETY: the layout is of some bytes, and what is taken is given back as it was taken.
                unsafe { tally.dealloc(tally.alloc(layout), layout) };
            }
        });
        assert_eq!(height, 1000);
    }
}
