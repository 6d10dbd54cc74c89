//! What a worker says of its own crash: registers, a stack, and which files it had mapped where.
//!
//! Does **not** crash anything.

use mp_wire::crash::{Crash, Left};

use crate::Trail;

/// Four registers; the rest is both the stack and the maps. That real code is unwound over rubbish is a test of `mp-crash`: to read
/// the debugging information of a program takes more memory than is allowed here.
pub(super) fn crash(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let (registers, stack) = data.as_chunks::<8>().0.split_at((data.len() / 8).min(4));
    let at = |index: usize| registers.get(index).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let left = Left {
        signal: 11,
        instruction: at(0),
        stack_pointer: at(1),
        frame_pointer: at(2),
        link: at(3),
        stack: stack.as_flattened().to_vec(),
        maps: String::from_utf8_lossy(data).into_owned(),
        ..Left::default()
    };
    let Some(crash) = Crash::new(left) else { return trail };
    let frames = crash.frames();
    assert!(!frames.is_empty() && crash.to_string().lines().count() >= frames.len());
    trail.size(frames.len() as u64);
    trail
}
