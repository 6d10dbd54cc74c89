//! The program's own image: functions as offsets, and what identifies the executable.
//!
//! Does **not** know what the functions do. An offset taken in one process is meaningful in another only if
//! both run the same executable, which the first message on a line compares ([`build_id`]).
#![expect(unsafe_code, reason = "offsets become functions again, and a type of size zero its value")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicU8;

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

/// The place that offsets are counted from. A static has one address in an image; a function may have several, one
/// for each place that it was compiled into.
static ANCHOR: AtomicU8 = AtomicU8::new(0);

fn anchor() -> usize {
    std::ptr::from_ref(&ANCHOR).addr()
}

/// Where `address`, a function of this executable, lies from the anchor, the same in every copy of the program.
#[must_use]
pub fn offset_of(address: usize) -> u64 {
    address.wrapping_sub(anchor()) as u64
}

/// The proof that a peer runs this same executable: what makes its offsets meaningful here.
#[derive(Clone, Copy, Debug)]
pub struct SameImage(());

impl SameImage {
    /// The proof, if `theirs` is this executable's own [`build_id`].
    #[must_use]
    pub fn prove(ours: u64, theirs: u64) -> Option<Self> {
        (ours == theirs).then_some(Self(()))
    }

    /// The function that the peer took [`offset_of`].
    ///
    /// `F` is the `fn` type of which the peer's protocol says that its offsets are.
    #[must_use]
    pub fn function<F: Copy + 'static>(self, offset: u64) -> F {
        const { assert!(size_of::<F>() == size_of::<usize>(), "F must be a function pointer") }
        let address = anchor().wrapping_add(offset as usize);
        // SAFETY: the peer is this same executable, so the same function lies at the same offset; and it is the
        // supervisor at the other end of an inherited socket, which sends the offsets of task entries and no others.
        // A supervisor that lied could as well have started another program in our place.
        unsafe { std::mem::transmute_copy::<usize, F>(&address) }
    }
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
        let same = SameImage::prove(7, 7).expect("the same");
        assert_eq!(same.function::<fn(u64) -> u64>(offset)(21), 42);
        assert!(SameImage::prove(7, 8).is_none());
    }
}
