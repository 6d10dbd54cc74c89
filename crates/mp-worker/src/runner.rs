//! Runs the items of a frame one after the other: claim, call, hand on.
//!
//! Does **not** know frames as they cross, nor where the outcomes go.
//!
//! ```text
//!  watch ─▶ ┌▶ next item ─▶ claim ─▶ turn context ─▶ call ─▶ value ─┐     one watch for panics around all of them:
//!           └──────────────────────────────────────────────────────┘     what it costs is more than a small task
//!  ◀─ no more items · not ours any more · refused · panicked (then again, with the rest)
//! ```

use std::os::fd::OwnedFd;

use mp_link::{LinkError, Status};
use mp_wire::frame::{Lent, Segment};
use mp_wire::record::Report;
use mp_wire::{CodecStage, TaskId, WorkerId};

use crate::outbound::Outbound;
use crate::pace::Pace;
use crate::panic::{Caught, shorten, watch};
use crate::run::call;
use crate::task::{Entry, Refused};
use crate::{WorkerInfo, context, outlets};

/// So much memory is kept for the next result.
const KEPT: usize = 4 << 20;

/// Items of one function.
pub(crate) struct Run<'a> {
    pub(crate) entry: Entry,
    /// The number of their frame, under which they are claimed.
    pub(crate) number: u32,
    pub(crate) segment: &'a Segment<'a>,
}

pub(crate) struct Runner<'a> {
    id: (WorkerId, u32),
    status: &'a Status,
    back: Outbound<'a>,
    pace: Pace,
    out: Vec<u8>,
}

/// Where a run has come to.
struct Cursor<I> {
    items: I,
    /// For the first item.
    descriptors: Vec<OwnedFd>,
    /// The item that runs, or is the next.
    task: TaskId,
}

/// Why items are not run on.
enum Halt {
    /// There are no more.
    Done,
    /// The rest of the frame has been taken back.
    Revoked,
    /// A value could not cross.
    Refused(Refused),
    /// The supervisor is gone.
    Broken(LinkError),
}

impl<'a> Runner<'a> {
    pub(crate) fn new(id: (WorkerId, u32), status: &'a Status, back: Outbound<'a>) -> Self {
        Self { id, status, back, pace: Pace::new(), out: Vec::new() }
    }

    /// Runs `items`; `false` when the rest of the frame has been taken back.
    pub(crate) fn run<'i>(
        &mut self,
        run: &Run<'_>,
        items: impl Iterator<Item = &'i [u8]>,
        own: Vec<OwnedFd>,
    ) -> Result<bool, LinkError> {
        let mut at = Cursor { items, descriptors: own, task: run.segment.first };
        context::limit(None);
        context::within(self.who(run, at.task), || {
            loop {
                let halt = watch(|| self.run_on(run, &mut at));
                match halt {
                    Ok(Halt::Done) => return Ok(true),
                    Ok(Halt::Revoked) => return Ok(false),
                    Ok(Halt::Broken(error)) => return Err(error),
                    Ok(Halt::Refused(refused)) => self.refused(at.task, refused)?,
                    Err(caught) => self.panicked(at.task, caught)?,
                }
                at.task = at.task.plus(1);
            }
        })
    }

    /// One item whose bytes came as a file, if it could be read.
    pub(crate) fn run_bulk(
        &mut self,
        run: &Run<'_>,
        bytes: Result<&[u8], (u64, &std::io::Error)>,
        own: Vec<OwnedFd>,
    ) -> Result<bool, LinkError> {
        match bytes {
            Ok(bytes) => self.run(run, std::iter::once(bytes), own),
            Err((len, error)) => {
                let reason = format!("arguments of {len} bytes could not be read: {error}");
                let begun = self.begin(run, true).is_some();
                if begun {
                    self.report(run.segment.first, &Report::Codec(CodecStage::DecodeArgs, reason))?;
                }
                Ok(begun)
            }
        }
    }

    /// There is memory for large results.
    pub(crate) fn lend(&mut self, lent: Lent, fd: Option<OwnedFd>) {
        self.back.lend(lent, fd);
    }

    /// Nothing more comes for the moment.
    pub(crate) fn rest(&mut self) -> Result<(), LinkError> {
        self.lap()?;
        self.back.flush()
    }

    fn run_on<'i>(&mut self, run: &Run<'_>, at: &mut Cursor<impl Iterator<Item = &'i [u8]>>) -> Halt {
        for item in at.items.by_ref() {
            let Some(timed) = self.begin(run, run.segment.timeout.is_some()) else { return Halt::Revoked };
            context::turn_to(self.who(run, at.task));
            if run.segment.timeout.is_some() {
                context::limit(run.segment.timeout);
            }
            self.out.clear();
            let own = std::mem::take(&mut at.descriptors);
            let called = call(run.entry, (item, own), &mut self.out, timed);
            // Before its outcome is known: who has that may end this process.
            outlets::end();
            let taken = match called {
                Ok(ran) => self.take(at.task, ran.run_ns),
                Err(refused) => return Halt::Refused(refused),
            };
            if let Err(error) = taken {
                return Halt::Broken(error);
            }
            at.task = at.task.plus(1);
        }
        Halt::Done
    }

    /// Begins the next item, and says whether it is to be timed; `None` when it was taken back.
    fn begin(&mut self, run: &Run<'_>, alone: bool) -> Option<bool> {
        let start = self.pace.begin(alone);
        // The time is written first: whoever sees the claim sees a time that is not too early for it.
        start.into_iter().for_each(|now_ns| self.status.started(now_ns));
        if self.status.claim(run.number) {
            return Some(start.is_some());
        }
        self.pace.unbegin();
        None
    }

    fn take(&mut self, task: TaskId, run_ns: u64) -> Result<(), LinkError> {
        self.back.value(task, &self.out)?;
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        match self.pace.end(run_ns) {
            Some(lap) => self.back.lap(lap),
            None => Ok(()),
        }
    }

    fn refused(&mut self, task: TaskId, refused: Refused) -> Result<(), LinkError> {
        self.report(task, &Report::Codec(refused.stage, shorten(refused.reason.0)))
    }

    fn panicked(&mut self, task: TaskId, caught: Caught) -> Result<(), LinkError> {
        // Its backtrace is about to be put into words, which may take long.
        self.status.over();
        self.report(task, &Report::Panicked(caught.into_panic()))
    }

    /// What is no value ends its group: the next item has a time of its own.
    fn report(&mut self, task: TaskId, report: &Report) -> Result<(), LinkError> {
        self.pace.unbegin();
        self.lap()?;
        self.back.report(task, report)
    }

    fn lap(&mut self) -> Result<(), LinkError> {
        self.pace.lap().map_or(Ok(()), |lap| self.back.lap(lap))
    }

    fn who(&self, run: &Run<'_>, task: TaskId) -> WorkerInfo {
        WorkerInfo::new(self.id, task, run.segment.attempt)
    }
}
