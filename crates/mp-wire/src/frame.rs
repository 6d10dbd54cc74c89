//! What crosses between a supervisor and one worker, all of it.
//!
//! Does **not** know tasks as functions: here a task is an entry point's offset and bytes.
//!
//! ```text
//!  supervisor                                   worker
//!     Welcome ─────────────────────────────────▶   compare: protocol, build, registry, token
//!     ◀───────────────────────────────── Hello     (or it exits with a reason)
//!     ◀────────────────────────────── Prepared     when its initializer has run, if it has one
//!     Tasks(number 1) ─────────────────────────▶   claim each item in the status words, run it
//!     Tasks(number 2) ─────────────────────────▶   (two frames in flight at most: the credits)
//!     ◀───────────────────────── Outcomes, ...     a record for each item, in order
//!     ◀───────────────────────── Walked(number)    of a frame whose end was taken back: nothing more comes of it
//!     ◀───────────────────────── Failed(text)      instead of Prepared: of the initializer; before the exit: of the finalizer
//!     Stop ────────────────────────────────────▶   finalizer, exit
//! ```
//!
//! No frame is longer than [`FRAME_MAX`] (I4); a longer value crosses as a memory file, whose fd is
//! handed over beside the line, before the frame that speaks of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outlets::Outlets;
use crate::{CodecError, TaskId, WorkerId, codec};

/// The version of everything in this file. Raised when any of it changes.
pub const PROTOCOL: u32 = 9;

/// No frame is longer, in bytes. With [`CREDITS`] frames in flight, each charged its length and 8 KiB,
/// a line stays below three quarters of a default socket buffer (212,992 bytes): no send blocks (I3).
pub const FRAME_MAX: usize = 64 * 1024;

/// Task frames in flight to one worker: one that it runs, and one behind it.
pub const CREDITS: usize = 2;

/// Which of the worker's [`CREDITS`] claim words a frame uses. No two frames in flight may use the same.
#[must_use]
pub fn claim_word(number: u32) -> usize {
    number as usize % CREDITS
}

/// A value longer than this, in bytes, does not cross in a frame.
pub const INLINE_MAX: usize = 48 * 1024;

/// A value longer than this, in bytes, crosses in memory that is kept, where there is some. See `docs/BENCHMARKS.md`, "Large values".
pub const LARGE_MIN: usize = 8 * 1024;

/// The most items in one task frame: the status word counts them in 16 bits.
pub const ITEMS_MAX: usize = 6144;

/// What both sides must agree on before a task is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The executable: the same file, unchanged since it was started.
    pub build: u64,
    /// The named tasks that it was linked with.
    pub registry: u64,
    /// Drawn at random for this worker: it answers this supervisor, and for this birth.
    pub token: u64,
}

/// From the supervisor.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker<'a> {
    /// The first frame.
    Welcome(Box<Welcome>),
    /// Work.
    #[serde(borrow)]
    Tasks(TaskFrame<'a>),
    /// Finish what was claimed and exit with this code.
    Stop(i32),
    /// Memory for large results, handed over before this frame.
    Lend(Lent),
    /// Nothing more comes: finish what is there and exit, with 1 if any of it failed, else with 0. Where any of it was taken
    /// back, this is void.
    Last,
}

/// A window: memory that the supervisor has made for one large result at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// Below [`WINDOWS`]. The one that was lent in this slot before is no longer.
    pub slot: u32,
    /// How long it is.
    pub size: u64,
    /// Values of more bytes than this are to use it.
    pub from: u64,
}

/// The most windows that a worker is lent.
pub const WINDOWS: usize = 4;

/// The first frame: who the worker is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// To be compared.
    pub identity: Identity,
    /// Whether its supervisor waits for a [`Hello`].
    pub hello: bool,
    /// Its slot and generation.
    pub worker: WorkerId,
    /// The pool's name, for logs.
    pub pool: String,
    /// The name of its process.
    pub name: String,
    /// Where to change to before the first task, if anywhere.
    pub directory: Option<String>,
    /// What it is to run before its first task and after its last.
    pub setup: Setup,
    /// What it says beside its outcomes, and where.
    pub outlets: Outlets,
}

/// What frames a worker's life.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Where it is to run. Before anything else.
    pub seat: Seat,
    /// Each of them reads one shared object, which is kept. First of all.
    pub shared: Vec<Routine>,
    /// Before the first task: the worker says that it is prepared only after it.
    pub initializer: Option<Routine>,
    /// Makes the worker's state, after the initializer; once more where a task has left it broken.
    pub state: Option<Routine>,
    /// After the last task, before it exits as it was told.
    pub finalizer: Option<Routine>,
}

/// Where a worker runs, and before whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// How much nicer it is to be than who made it.
    pub nice: i32,
    /// On which processors; empty: on any.
    pub cpus: Vec<u32>,
}

impl Setup {
    /// Whether there is something to be done before the first task.
    #[must_use]
    pub fn prepares(&self) -> bool {
        self.seat != Seat::default() || self.before().next().is_some()
    }

    /// What is to be done before the first task, in this order.
    pub fn before(&self) -> impl Iterator<Item = &Routine> {
        self.shared.iter().chain(&self.initializer).chain(&self.state)
    }

    /// How many fds were handed over for all of it, in the order of the fields.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.before().chain(&self.finalizer).map(Routine::descriptors).sum()
    }
}

impl Routine {
    /// How many fds were handed over for it.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.baggage as usize + usize::from(matches!(self.args, Given::Bulk(_)))
    }
}

/// A function to be run once, and its arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Routine {
    /// The entry point's offset from the image's anchor.
    pub entry: u64,
    /// How many fds were handed over for the values inside. (One more follows if `args` are [`Given::Bulk`].)
    pub baggage: u32,
    /// The arguments.
    pub args: Given,
}

/// Encoded arguments, or where they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Given {
    /// Here.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// So many bytes in a sealed memory file.
    Bulk(u64),
}

/// Arguments of a [`Routine`] that are longer cross as a memory file: a Welcome has three of them.
pub const ROUTINE_INLINE_MAX: usize = 8 * 1024;

/// A shared object that is longer crosses as a memory file: a Welcome has up to [`SHARED_MAX`] of them.
pub const SHARED_INLINE_MAX: usize = 256;

/// The most shared objects of a pool.
pub const SHARED_MAX: usize = 32;

/// The most fds that go with a [`Setup`]: with those of the outlets no more than one message carries.
pub const SETUP_DESCRIPTORS_MAX: usize = 60;

/// Items to run, in order, under one claim word.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskFrame<'a> {
    /// Counts up with the worker's frames; the claim word carries it. See [`claim_word`].
    pub number: u32,
    /// Runs of items of one function.
    #[serde(borrow)]
    pub segments: Vec<Segment<'a>>,
}

/// A run of items of one function with ids that count up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment<'a> {
    /// The entry point's offset from the image's anchor.
    pub entry: u64,
    /// The first item's id.
    pub first: TaskId,
    /// How many.
    pub count: u32,
    /// Which try of them this is, counted from 1.
    pub attempt: u32,
    /// How long each of them may run.
    pub timeout: Option<Duration>,
    /// Whether the times of each item are wanted.
    pub traced: bool,
    /// How many fds were handed over for the values inside (queues and their like).
    pub baggage: u32,
    /// The items' arguments.
    #[serde(borrow)]
    pub args: Body<'a>,
}

/// A value's bytes, or where they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body<'a> {
    /// `count` items, as [`crate::item`] writes them.
    #[serde(borrow)]
    Inline(#[serde(with = "serde_bytes")] &'a [u8]),
    /// One item of this many bytes, in a memory file handed over after the baggage.
    Bulk(u64),
    /// One item, in a region of the supervisor's.
    Region(Place),
}

/// Where a large value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which of the regions that the worker was handed. There are few.
    pub slot: u32,
    /// How long the region is that is handed over after the baggage, and from now on takes this slot; 0, where none is.
    pub size: u64,
    /// Where in the region the value begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
}

/// From a worker: the first byte of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FromWorker {
    /// One [`Hello`] follows.
    Hello = 1,
    /// The number of the first record (8 bytes), counted from 0 in the worker's life, then records, to the end of the frame
    /// (see [`crate::record`]). A number that was seen before is the same record once more: the outbox can repeat what was
    /// sent.
    Outcomes = 2,
    /// The number of a task frame (4 bytes) that the worker has read to its end, or to where the rest was taken back.
    /// Said only in the second case: in the first, the last record says it.
    Walked = 3,
    /// Why the initializer or the finalizer failed, in UTF-8.
    Failed = 4,
    /// Nothing follows: the initializer has run.
    Prepared = 5,
}

/// The frame that says of frame `number` that the worker is done with it.
#[must_use]
pub fn walked(number: u32) -> [u8; 5] {
    let mut frame = [FromWorker::Walked as u8; 5];
    frame[1..].copy_from_slice(&number.to_le_bytes());
    frame
}

/// The length of what comes before the records: the first byte, and the number of the first record.
pub const OUTCOMES_HEADER: usize = 9;

/// The start of a frame of outcomes whose first record has this number.
#[must_use]
pub fn outcomes_header(first: u64) -> [u8; OUTCOMES_HEADER] {
    let mut header = [FromWorker::Outcomes as u8; OUTCOMES_HEADER];
    header[1..].copy_from_slice(&first.to_le_bytes());
    header
}

/// A worker's frame, taken apart as far as its kind.
#[derive(Debug, PartialEq)]
pub enum FromWorkerFrame<'a> {
    /// It says hello.
    Hello(Hello),
    /// The number of the first record, and the records.
    Outcomes(u64, &'a [u8]),
    /// The number of a frame that it is done with.
    Walked(u32),
    /// Why its initializer or finalizer failed.
    Failed(String),
    /// Its initializer has run.
    Prepared,
}

/// Reads a worker's frame.
///
/// # Errors
/// When it is none.
pub fn from_worker(frame: &[u8]) -> Result<FromWorkerFrame<'_>, CodecError> {
    let (kind, rest) = frame.split_first().ok_or_else(|| CodecError("an empty frame".to_owned()))?;
    if *kind == FromWorker::Hello as u8 {
        return codec::decode(rest).map(FromWorkerFrame::Hello);
    }
    if *kind == FromWorker::Walked as u8
        && let Ok(number) = rest.try_into()
    {
        return Ok(FromWorkerFrame::Walked(u32::from_le_bytes(number)));
    }
    if *kind == FromWorker::Failed as u8 {
        return Ok(FromWorkerFrame::Failed(String::from_utf8_lossy(rest).into_owned()));
    }
    if frame == [FromWorker::Prepared as u8] {
        return Ok(FromWorkerFrame::Prepared);
    }
    match rest.split_first_chunk::<8>() {
        Some((first, records)) if *kind == FromWorker::Outcomes as u8 => {
            Ok(FromWorkerFrame::Outcomes(u64::from_le_bytes(*first), records))
        }
        _ => Err(CodecError(format!("a frame of an unknown kind, {kind}"))),
    }
}

/// The worker's first frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The worker's own.
    pub identity: Identity,
    /// Its process id, as the supervisor should see it too.
    pub pid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cross_unchanged() {
        let args = [1, 2, 3];
        let segment = Segment {
            entry: 77,
            first: TaskId(5),
            count: 1,
            attempt: 1,
            timeout: None,
            traced: false,
            baggage: 0,
            args: Body::Inline(&args),
        };
        let frame = ToWorker::Tasks(TaskFrame { number: 9, segments: vec![segment] });
        let bytes = codec::encode(&frame).expect("encodes");
        assert_eq!(codec::decode_borrowed::<ToWorker<'_>>(&bytes), Ok(frame));
    }

    #[test]
    fn a_worker_frame_is_hello_or_outcomes_or_rubbish() {
        let frame = [&outcomes_header(7)[..], b"records"].concat();
        assert_eq!(from_worker(&frame), Ok(FromWorkerFrame::Outcomes(7, b"records")));
        assert_eq!(from_worker(&walked(9)), Ok(FromWorkerFrame::Walked(9)));
        assert!(from_worker(&walked(9)[..4]).is_err());
        assert!(from_worker(&frame[..5]).is_err());
        assert_eq!(from_worker(b"\x04no \xff"), Ok(FromWorkerFrame::Failed("no \u{fffd}".to_owned())));
        assert_eq!(from_worker(&[5]), Ok(FromWorkerFrame::Prepared));
        assert!(from_worker(&[5, 0]).is_err());
        assert!(from_worker(&[]).is_err());
        assert!(from_worker(&[9; 40]).is_err());
    }
}
