//! Runs one item: decode, call, encode, under a watch for panics.
//!
//! Does **not** know where the bytes came from or where they go.

use std::os::fd::OwnedFd;

use mp_link::baggage;
use mp_wire::frame::{Body, Record, Report};
use mp_wire::{CodecError, CodecStage, TaskId};

use crate::panic::{Caught, shorten, watch};
use crate::task::{Entry, Ran, Refused};
use crate::{WorkerInfo, context};

/// What became of an item.
#[derive(Debug)]
pub enum Reported {
    /// It ran: the time it took, in nanoseconds; the result's bytes are in the buffer.
    Value(u64),
    /// It panicked.
    Panicked(Caught),
    /// A value could not cross.
    Refused(Refused),
}

/// Runs `entry` on the encoded `args` with the descriptors that came along, as `who`; the encoded result replaces what is
/// in `out`.
pub fn run_item(entry: Entry, args: (&[u8], Vec<OwnedFd>), who: WorkerInfo, out: &mut Vec<u8>) -> Reported {
    out.clear();
    let (bytes, descriptors) = args;
    let call = || baggage::unpack_with(descriptors, || entry(bytes, out));
    match context::within(who, || watch(call)) {
        Ok(Ok(Ran { run_ns })) => Reported::Value(run_ns),
        Ok(Err(refused)) => Reported::Refused(refused),
        Err(panic) => Reported::Panicked(panic),
    }
}

impl Reported {
    /// As it crosses; a value is said to be in `body`.
    pub(crate) fn into_record(self, task: TaskId, body: Body<'_>) -> Record<'_> {
        let (run_ns, report) = match self {
            Self::Value(run_ns) => (run_ns, Report::Value(body)),
            Self::Panicked(caught) => (0, Report::Panicked(caught.into_panic())),
            Self::Refused(refused) => (0, Report::Codec(refused.stage, shorten(refused.reason.0))),
        };
        Record { task, run_ns, report }
    }
}

/// A value for which there was no memory file, or which could not be read from its own.
pub(crate) fn refused(stage: CodecStage, reason: String) -> Reported {
    Reported::Refused(Refused { stage, reason: CodecError(reason) })
}
