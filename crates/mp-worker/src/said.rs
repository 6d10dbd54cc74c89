//! `mp::progress`: what a task says of itself while it runs.
//!
//! Does **not** know who listens, nor wait for anybody: it is written into memory that the supervisor reads when it is asked.

use std::any::type_name;
use std::cell::RefCell;

use mp_link::NOTE_MAX;
use mp_wire::codec;
use serde::Serialize;

use crate::context;

thread_local! {
    /// Kept, so that to say something needs no memory.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Says how far the calling task has come, to whoever asks its handle: `TaskHandle::progress`, `TaskHandle::on_progress`,
/// `Pool::progress`. `mpctl` shows people pairs of whole numbers (what is done,
/// and what there is to do), numbers and texts beside its bar.
///
/// Any value of up to 480 encoded bytes: a number, a pair, a text, a struct of one's own. Only the latest counts: it
/// replaces what was said before, read or not. So it costs some tens of nanoseconds, no system call, and never waits; to
/// say something a thousand times in a second is fine.
///
/// Gives whether it was taken: not outside of a task, in a thread that the task has started, with `Backend::Serial`, where the task
/// is over before there is a handle, nor where the value is too long or cannot be encoded.
///
/// ```
/// fn sum(numbers: Vec<u64>) -> u64 {
///     let total = numbers.len() as u64;
///     (1..).zip(numbers).map(|(done, n)| { mp_worker::progress((done, total)); n }).sum()
/// }
/// assert_eq!(sum(vec![1, 2, 3]), 6); // called as any function, it tells nobody
/// ```
pub fn progress<P: Serialize>(value: P) -> bool {
    BUFFER.with(|buffer| {
        // Borrowed already by a `Serialize` that says something itself.
        let Ok(mut buffer) = buffer.try_borrow_mut() else { return false };
        buffer.clear();
        let encoded = codec::encode_into(&value, &mut buffer).is_ok() && buffer.len() <= NOTE_MAX;
        let said = encoded && context::say(tag_of::<P>(), &buffer);
        // One that was far too long keeps no memory.
        buffer.shrink_to(NOTE_MAX);
        said
    })
}

/// A number that tells one type from another, the same in every copy of the program. What was given as a reference is
/// read as the value.
#[must_use]
pub fn tag_of<P>() -> u64 {
    let name = type_name::<P>().trim_start_matches('&');
    let name = if name == "str" { type_name::<String>() } else { name };
    // FNV-1a.
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_text_however_it_is_given() {
        assert_eq!(tag_of::<&str>(), tag_of::<String>());
        assert_eq!(tag_of::<&&(u64, u64)>(), tag_of::<(u64, u64)>());
        assert_ne!(tag_of::<u64>(), tag_of::<u32>());
    }
}
