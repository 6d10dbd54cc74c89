//! The program's own image: functions as offsets, and what identifies the executable.
//!
//! Does **not** know what the functions do. An offset taken in one process is meaningful in another only if
//! both run the same executable, which the first message on a line compares ([`build_id`]).
#![expect(unsafe_code, reason = "offsets become functions again, and a type of size zero its value")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;

/// The only value of a `Copy` type of size zero.
///
/// # Panics
/// Never: a type of another size does not compile.
#[must_use]
pub fn conjure<T: Copy + 'static>() -> T {
    const { assert!(size_of::<T>() == 0, "only a type of size zero has a value that needs no bytes") }
    // SAFETY: reading zero bytes through a dangling, aligned, non-null pointer is allowed. The caller's program
    // made a value of this type once (it was passed to `entry_of`), and `T: Copy` says that one value may become many.
    unsafe { std::ptr::NonNull::<T>::dangling().as_ptr().read() }
}

/// The place that offsets are counted from: any function of this crate, at one address in the image.
fn anchor() -> usize {
    anchor as fn() -> usize as usize
}

/// Where `address`, a function of this executable, lies from the anchor, the same in every copy of the program.
#[must_use]
pub fn offset_of(address: usize) -> u64 {
    address.wrapping_sub(anchor()) as u64
}

/// The address in this process of what lies at `offset` in the image.
#[must_use]
pub fn address_at(offset: u64) -> usize {
    anchor().wrapping_add(offset as usize)
}

/// The function at `offset` from the anchor.
///
/// # Safety
/// `offset` was made by [`offset_of`] from an `F` (a `fn` type), in a process that runs this same executable.
#[must_use]
pub unsafe fn function_at<F: Copy>(offset: u64) -> F {
    const { assert!(size_of::<F>() == size_of::<usize>(), "F must be a function pointer") }
    let address = address_at(offset);
    // SAFETY: by the caller's word the address is that of an `F` in this image.
    unsafe { std::mem::transmute_copy::<usize, F>(&address) }
}

/// A number that identifies this executable: the file behind `/proc/self/exe`, unchanged since it was written.
///
/// It survives an upgrade that replaces the file, since the link keeps to the old one.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn build_id() -> io::Result<u64> {
    let file = std::fs::metadata("/proc/self/exe")?;
    let mut hasher = DefaultHasher::new();
    (file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()).hash(&mut hasher);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_survives_its_offset() {
        fn double(n: u64) -> u64 {
            n * 2
        }
        let offset = offset_of(double as fn(u64) -> u64 as usize);
        // SAFETY: made two lines above from a function of this type.
        let again: fn(u64) -> u64 = unsafe { function_at(offset) };
        assert_eq!(again(21), 42);
    }
}
