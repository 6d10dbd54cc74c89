//! A buffer that a thread uses again for each item.
//!
//! Does **not** know what is written to it. A use inside a use gets another buffer.

use std::cell::Cell;

/// A larger buffer is not kept.
const KEPT: usize = 4 << 20;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Runs `body` with an empty buffer.
pub(super) fn with<R>(body: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut bytes = SCRATCH.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    let result = body(&mut bytes);
    if bytes.capacity() <= KEPT {
        let _ = SCRATCH.try_with(|scratch| scratch.set(bytes));
    }
    result
}
