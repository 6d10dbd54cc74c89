//! What goes into the scheduler, and what comes out.
//!
//! Does **not** know who sends the events or performs the actions.

use std::time::{Duration, Instant};

use mp_wire::frame::CREDITS;
use mp_wire::{TaskId, WorkerExit, WorkerId};

use crate::span::Span;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Work was submitted.
    Submit(Span),
    /// An item was submitted for this worker, one of [`crate::Scheduler::audience`], and no other. It is not tried again.
    SubmitTo(WorkerId, Span),
    /// A worker's process is there; it has not said anything yet.
    Born(WorkerId),
    /// A worker's process is there, and needs to say no hello: it is sent work. To begin that it has as long as another for its
    /// hello.
    Trusted(WorkerId),
    /// A worker has said hello, and what it said was right.
    Hello(WorkerId),
    /// A worker has run its initializer.
    Prepared(WorkerId),
    /// A worker could not be started at all.
    StartFailed(WorkerId, String),
    /// A worker's initializer failed, for this reason.
    Unprepared(WorkerId, String),
    /// A worker has broken the protocol; it cannot be believed any more.
    Broke(WorkerId, String),
    /// A worker is done with a frame of which some was taken back: its credit has come back.
    Walked(WorkerId, u32),
    /// A worker has closed its line, but has not ended.
    HungUp(WorkerId),
    /// A worker has ended. Everything that it had sent was handed in before.
    Exited {
        /// Which.
        worker: WorkerId,
        /// How.
        exit: WorkerExit,
        /// What it had begun.
        begun: [(u32, u16); CREDITS],
    },
    /// The answer to [`Action::Inspect`].
    Inspected(WorkerId, Inspection),
    /// The answer to [`Action::Weigh`]: how many bytes of memory it has.
    Weighed(WorkerId, u64),
    /// The answer to [`Action::Steal`]: how many items at the end of frame `number` were taken back.
    Stolen {
        /// From whom.
        worker: WorkerId,
        /// From which frame.
        number: u32,
        /// How many.
        items: u16,
    },
    /// This frame could not be made: the supervisor is short of descriptors or memory. No worker is to blame.
    Unsent {
        /// For whom it was.
        worker: WorkerId,
        /// Its number.
        number: u32,
        /// What the system said.
        reason: String,
    },
    /// Time has passed.
    Tick,
    /// One item shall not be run, or be ended if it runs.
    Cancel(TaskId),
    /// There shall be so many workers.
    Resize(u32),
    /// No more work will be submitted; what is there shall be finished.
    Close,
    /// No more work will be submitted; what runs shall be finished, what waits ends for this reason.
    Stop(String),
    /// Everything shall end now, for this reason.
    Kill(String),
}

/// What was seen, at one moment, of a worker that then could begin nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Of each frame in flight: its number, and how many items were taken back from its end.
    pub taken: [(u32, u16); CREDITS],
    /// Of each frame in flight: its number, and how many items have been begun.
    pub begun: [(u32, u16); CREDITS],
    /// When the item that was begun last was begun.
    pub started: Instant,
    /// Which item last asked whether it was cancelled.
    pub asked: Option<TaskId>,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start a process (or thread) in this slot, under this generation.
    Start(WorkerId),
    /// Send this frame. There is a credit for it.
    Send {
        /// To whom.
        worker: WorkerId,
        /// The frame's number.
        number: u32,
        /// Its items.
        spans: Vec<Span>,
    },
    /// Take back everything that has not begun, look at what has, and answer with [`Event::Inspected`].
    Inspect(WorkerId),
    /// Tell the worker that this item, which it runs, is cancelled.
    Hint(WorkerId, TaskId),
    /// Look how much memory it has, and answer with [`Event::Weighed`].
    Weigh(WorkerId),
    /// Read what the worker has finished and not sent.
    Listen(WorkerId),
    /// Take back up to `most` items from the end of frame `number`, and answer with [`Event::Stolen`].
    Steal {
        /// From whom.
        worker: WorkerId,
        /// From which frame.
        number: u32,
        /// How many.
        most: u16,
    },
    /// Tell the worker that it has no more work.
    Stop(WorkerId),
    /// Tell the worker that it has no more work than it was sent: it need not be told to stop after that.
    Last(WorkerId),
    /// Ask the worker to end: SIGTERM.
    Terminate(WorkerId),
    /// End the worker: SIGKILL.
    Kill(WorkerId),
    /// These items have no value.
    Settle(Span, Verdict),
    /// All workers have ended. The reason, if that was not asked for.
    Ended(Option<String>),
}

/// Why items have no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Their worker died while it ran the (one) item.
    Lost(WorkerId, WorkerExit),
    /// The item ran longer than this.
    TimedOut(Duration),
    /// Somebody cancelled it.
    Cancelled,
    /// They could not be sent, for this reason.
    Unsendable(String),
    /// The pool ended, for this reason.
    Stopped(String),
}
