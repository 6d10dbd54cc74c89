//! How much one value may claim while it is decoded: elements, and stack.
//!
//! Does **not** know who decodes: [`crate::bounded`] asks it at each claim.
//!
//! ```text
//!  elements:  the bytes there are, and EMPTY_MAX          stack:  STACK_MAX from where decoding began
//! ```
//!
//! *No honest value is refused.* An element that takes bytes has one of its own, which is not an element's within it, because
//! a sequence in it has its length in front. So all elements of a value that take bytes are no more than its bytes; only
//! those that take none (`()`, `[u8; 0]`) use up what is beyond, and more than a million of them are said to be too many.
//!
//! *Why the stack and not a depth.* What a level takes depends on the type and the build: a depth that is safe for all is
//! too low for most. A distance that no stack has is another stack, which somebody has put there for deep values.

use std::cell::Cell;

use serde::de::Error;

/// So many elements that take no bytes may be in one value.
pub(crate) const EMPTY_MAX: usize = 1 << 20;

/// So much stack a value may take to decode: a thread has 2 MiB if nobody says otherwise.
const STACK_MAX: usize = 1 << 20;

/// Who is so far away is not on the same stack.
const ANOTHER_STACK: usize = 1 << 26;

/// What one value may still claim.
#[derive(Debug)]
pub(crate) struct Budget {
    elements: Cell<usize>,
    /// Where the stack was at the beginning.
    began: usize,
}

impl Budget {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { elements: Cell::new(bytes.len().saturating_add(EMPTY_MAX)), began: here() }
    }

    pub(crate) fn claim<E: Error>(&self, len: Option<usize>) -> Result<(), E> {
        let (len, left) = (len.unwrap_or_default(), self.elements.get());
        match left.checked_sub(len) {
            Some(left) => self.elements.set(left),
            None => return Err(E::custom(format_args!("{len} elements are claimed where at most {left} can be"))),
        }
        Ok(())
    }

    pub(crate) fn deeper<E: Error>(&self) -> Result<(), E> {
        let used = self.began.abs_diff(here());
        if used > STACK_MAX && used < ANOTHER_STACK {
            return Err(E::custom(format_args!("nested so deeply that {STACK_MAX} bytes of stack are not enough")));
        }
        Ok(())
    }
}

#[inline]
fn here() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}
