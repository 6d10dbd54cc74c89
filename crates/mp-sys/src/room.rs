//! Memory that is about to be filled, much of it.
//!
//! Does **not** know with what.
#![expect(unsafe_code, reason = "advises the kernel on memory")]

use std::ffi::c_void;
use std::mem::{MaybeUninit, size_of_val};
use std::ptr::NonNull;

use nix::sys::mman::{MmapAdvise, madvise};

/// The size of a huge page. Less than that gains nothing.
const HUGE: usize = 2 << 20;

/// The smallest page that there is here: advice is about whole ones.
const PAGE: usize = 4096;

/// A vector with room for so many elements. Where that is much, the kernel is asked to give memory by huge pages: to fetch it
/// by small ones costs more than to fill it. What that costs in memory is less than one huge page.
#[must_use]
pub fn vec_with_room<T>(count: usize) -> Vec<T> {
    let mut vec = Vec::with_capacity(count);
    advise(vec.spare_capacity_mut());
    vec
}

fn advise<T>(room: &mut [MaybeUninit<T>]) {
    let (start, len) = (room.as_mut_ptr().cast::<c_void>(), size_of_val(room));
    let skipped = start.align_offset(PAGE);
    let whole = len.saturating_sub(skipped) / PAGE * PAGE;
    let Some(first) = NonNull::new(start.wrapping_byte_add(skipped)).filter(|_| whole >= HUGE) else { return };
    // SAFETY: the range lies within `room`, which is ours alone as long as it is borrowed; this advice leaves what is in memory as
    // it is. It fails where the kernel has no huge pages, and nothing is lost.
    let _ = unsafe { madvise(first, whole, MmapAdvise::MADV_HUGEPAGE) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_as_any_other() {
        for count in [0, 1, 1000, (3 << 20) + 1] {
            let mut vec = vec_with_room(count);
            assert!(vec.capacity() >= count && vec.is_empty());
            vec.extend((0..count as u64).map(|n| n ^ 7));
            assert!(vec.iter().zip(0..).all(|(value, n): (&u64, u64)| *value == n ^ 7));
        }
    }

    #[test]
    fn what_has_no_size_needs_no_room() {
        assert!(vec_with_room::<()>(usize::MAX).is_empty());
    }
}
