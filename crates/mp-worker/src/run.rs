//! Runs one item: decode, call, encode, under a watch for panics.
//!
//! Does **not** know where the bytes came from or where they go.

use std::os::fd::OwnedFd;
use std::time::Instant;

use mp_link::baggage;

use crate::panic::{Caught, watch};
use crate::task::{Call, Entry, Ran, Refused};
use crate::{WorkerInfo, context};

/// What became of an item.
#[derive(Debug)]
pub enum Reported {
    /// It ran, then; the result's bytes are in the buffer.
    Value(Ran),
    /// It panicked.
    Panicked(Caught),
    /// A value could not cross.
    Refused(Refused),
}

/// Runs `entry` on the encoded `args` with the descriptors that came along, as `who`, with its deadline; the encoded
/// result replaces what is in `out`.
pub fn run_item(
    entry: Entry,
    args: (&[u8], Vec<OwnedFd>),
    who: (WorkerInfo, Option<Instant>),
    out: &mut Vec<u8>,
) -> Reported {
    out.clear();
    let (bytes, descriptors) = args;
    match context::apart(who, || watch(|| call(entry, (bytes, descriptors), out, true))) {
        Ok(Ok(ran)) => Reported::Value(ran),
        Ok(Err(refused)) => Reported::Refused(refused),
        Err(panic) => Reported::Panicked(panic),
    }
}

/// Calls `entry`, with descriptors to unpack if some came along.
pub(crate) fn call(
    entry: Entry,
    (bytes, descriptors): (&[u8], Vec<OwnedFd>),
    out: &mut Vec<u8>,
    timed: bool,
) -> Result<Ran, Refused> {
    if descriptors.is_empty() {
        return entry(Call::One { args: bytes, out, timed });
    }
    baggage::unpack_with(descriptors, || entry(Call::One { args: bytes, out, timed }))
}
