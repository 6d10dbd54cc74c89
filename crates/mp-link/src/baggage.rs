//! File descriptors that travel with a value: what a `Queue` packs when it is serialized.
//!
//! Does **not** know what the descriptors are, nor how they cross. Serializing a value writes numbers in its bytes;
//! the descriptors themselves are collected here, in the order of those numbers, and handed over beside the line.
//!
//! ```text
//!  pack_with(|| encode(args)) ─▶ (bytes, fds) ── line, hand-over ─▶ unpack_with(fds, || decode(bytes))
//!             └ Queue::serialize: pack(fd) -> 0                                └ Queue::deserialize: unpack(0) -> fd
//! ```

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::LocalKey;

/// The most descriptors that one value can carry.
pub const MAX: usize = 32;

thread_local! {
    /// How many descriptors the value that is being encoded has packed; none is, where there is no number.
    static PACKED: Cell<Option<usize>> = const { Cell::new(None) };
    static PACKING: RefCell<Vec<OwnedFd>> = const { RefCell::new(Vec::new()) };
    static UNPACKING: RefCell<Vec<Option<OwnedFd>>> = const { RefCell::new(Vec::new()) };
}

/// Why a descriptor cannot travel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaggageError {
    /// The value is being serialized by somebody else: to a file, as JSON, into a queue.
    #[error("it can only be sent as an argument of a task or a process, not stored or printed")]
    NotTravelling,
    /// More than [`MAX`].
    #[error("a value can carry at most {MAX} queues and the like")]
    TooMuch,
    /// The number names no descriptor that came along, or one that was taken.
    #[error("descriptor {0} did not come along with the value")]
    Missing(u32),
    /// The descriptor could not be duplicated.
    #[error("descriptor could not be duplicated: {0}")]
    Duplicate(String),
}

/// Runs `encode`, and gives what it packed. Nearly no value packs anything, so that must cost nearly nothing.
#[inline]
pub fn pack_with<T>(encode: impl FnOnce() -> T) -> (T, Vec<OwnedFd>) {
    let outer = Outer(PACKED.replace(Some(0)));
    let value = encode();
    let fds = outer.take_packed();
    (value, fds)
}

/// The value within which another is being encoded, if there is one.
struct Outer(Option<usize>);

impl Outer {
    #[inline]
    fn take_packed(self) -> Vec<OwnedFd> {
        let packed = PACKED.replace(self.0);
        std::mem::forget(self);
        match packed {
            None | Some(0) => Vec::new(),
            Some(packed) => taken(packed),
        }
    }
}

#[cold]
fn taken(packed: usize) -> Vec<OwnedFd> {
    PACKING.with_borrow_mut(|fds| fds.split_off(fds.len().saturating_sub(packed)))
}

/// When a panic passes by.
impl Drop for Outer {
    #[cold]
    fn drop(&mut self) {
        drop(PACKED.replace(self.0).map(taken));
    }
}

/// Puts back what was there before, also when a panic passes by.
struct Restore<T: Default + 'static>(&'static LocalKey<RefCell<T>>, T);

impl<T: Default> Drop for Restore<T> {
    fn drop(&mut self) {
        self.0.set(std::mem::take(&mut self.1));
    }
}

/// Lets a duplicate of `fd` travel with the value that is being encoded; gives its number there.
///
/// # Errors
/// Outside [`pack_with`]; beyond [`MAX`]; when the descriptor cannot be duplicated.
pub fn pack(fd: impl AsFd) -> Result<u32, BaggageError> {
    let packed = PACKED.get().ok_or(BaggageError::NotTravelling)?;
    if packed == MAX {
        return Err(BaggageError::TooMuch);
    }
    let copy = fd.as_fd().try_clone_to_owned().map_err(|error| BaggageError::Duplicate(error.to_string()))?;
    PACKING.with_borrow_mut(|fds| fds.push(copy));
    PACKED.set(Some(packed + 1));
    Ok(packed as u32)
}

/// Runs `decode`, which may take each of `fds` once. What it leaves is closed.
pub fn unpack_with<T>(fds: Vec<OwnedFd>, decode: impl FnOnce() -> T) -> T {
    let _outer = Restore(&UNPACKING, UNPACKING.replace(fds.into_iter().map(Some).collect()));
    decode()
}

/// Takes descriptor `number` of the value that is being decoded.
///
/// # Errors
/// When there is none.
pub fn unpack(number: u32) -> Result<OwnedFd, BaggageError> {
    UNPACKING
        .with_borrow_mut(|fds| fds.get_mut(number as usize).and_then(Option::take))
        .ok_or(BaggageError::Missing(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_once() {
        let (number, fds) = pack_with(|| pack(std::io::stdin()));
        assert_eq!((number, fds.len()), (Ok(0), 1));
        unpack_with(fds, || {
            assert!(unpack(0).is_ok());
            assert_eq!(unpack(0).map(drop), Err(BaggageError::Missing(0)));
        });
    }

    #[test]
    fn a_panic_leaves_no_descriptor_behind() {
        let (_, fds) = pack_with(|| pack(std::io::stdin()));
        let decoding = std::panic::AssertUnwindSafe(|| unpack_with(fds, || std::panic::resume_unwind(Box::new(()))));
        assert!(std::panic::catch_unwind(decoding).is_err());
        assert_eq!(unpack(0).map(drop), Err(BaggageError::Missing(0)));
    }

    #[test]
    fn nothing_is_packed_for_a_value_that_does_not_travel() {
        assert_eq!(pack(std::io::stdin()), Err(BaggageError::NotTravelling));
    }
}
