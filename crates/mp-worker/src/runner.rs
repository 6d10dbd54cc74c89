//! Runs the items of a frame one after the other: claim, call, hand on.
//!
//! Does **not** know frames as they cross, nor where the outcomes go.
//!
//! ```text
//!  watch ─▶ shift ─▶ entry ─▶ ┌▶ next item ─▶ decode, run, encode ─▶ take ─┐    one call and one watch for panics for all of
//!                             └──────────────────────────────────────────┘    them: what either costs is more than a small task
//!  ◀─ no more items · not ours any more · refused · panicked (then again, with the rest)
//! ```

use std::os::fd::OwnedFd;

use mp_link::{Line, LinkError, Status};
use mp_wire::frame::{Lent, Segment, walked};
use mp_wire::item::{Items, only_item};
use mp_wire::{CodecError, CodecStage, WorkerId};

use crate::outbound::Outbound;
use crate::pace::Pace;
use crate::panic::watch;
use crate::receiver::Receiver;
use crate::run::call;
use crate::shift::{Failed, Shift};
use crate::task::{Call, Entry, Refused};
use crate::{WorkerInfo, context};

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
}

impl<'a> Runner<'a> {
    pub(crate) fn new(id: (WorkerId, u32), status: &'a Status, back: Outbound<'a>) -> Self {
        Self { id, status, back, pace: Pace::new() }
    }

    /// Runs `items`; `false` when the rest of the frame has been taken back.
    pub(crate) fn run(&mut self, run: &Run<'_>, items: Items<'_>, own: Vec<OwnedFd>) -> Result<bool, LinkError> {
        // Those with descriptors come alone.
        if !own.is_empty() {
            return self.run_alone(run, only_item(items.as_bytes()), own);
        }
        let who = self.who(run);
        context::limit(None);
        let way = (&mut self.pace, &mut self.back);
        let mut shift = Shift::new((run.number, run.segment), items, self.status, way);
        context::within(who, || {
            loop {
                let failed = match watch(|| (run.entry)(Call::Many(&mut shift))) {
                    Ok(Ok(_)) => break,
                    Ok(Err(refused)) => Failed::Refused(refused),
                    Err(caught) => Failed::Panicked(caught),
                };
                shift.failed(failed)?;
            }
            shift.over()
        })
    }

    /// One item that has descriptors, or is not in the frame.
    fn run_alone(&mut self, run: &Run<'_>, args: &[u8], own: Vec<OwnedFd>) -> Result<bool, LinkError> {
        let who = self.who(run);
        context::limit(None);
        let way = (&mut self.pace, &mut self.back);
        let mut shift = Shift::new((run.number, run.segment), Items::default(), self.status, way);
        context::within(who, || {
            let Some(timed) = shift.begin() else { return shift.over() };
            shift.surround();
            let mut out = shift.back.spare();
            let called = watch(|| call(run.entry, (args, own), &mut out, timed));
            match called {
                Ok(Ok(ran)) => _ = shift.take_encoded(ran, out),
                Ok(Err(refused)) => shift.failed(Failed::Refused(refused))?,
                Err(caught) => shift.failed(Failed::Panicked(caught))?,
            }
            shift.over()
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
            Ok(bytes) => self.run_alone(run, bytes, own),
            Err((len, error)) => {
                let reason = CodecError(format!("arguments of {len} bytes could not be read: {error}"));
                let way = (&mut self.pace, &mut self.back);
                let mut shift = Shift::new((run.number, run.segment), Items::default(), self.status, way);
                if shift.begin().is_some() {
                    shift.failed(Failed::Refused(Refused { stage: CodecStage::DecodeArgs, reason }))?;
                }
                shift.over()
            }
        }
    }

    /// There is memory for large results.
    pub(crate) fn lend(&mut self, lent: Lent, fd: Option<OwnedFd>) {
        self.back.lend(lent, fd);
    }

    /// Whether any item has had no value.
    pub(crate) fn has_failed(&self) -> bool {
        self.back.failed
    }

    /// A frame is done.
    pub(crate) fn rest(&mut self) -> Result<(), LinkError> {
        self.lap()
    }

    /// Sends what nobody has heard.
    pub(crate) fn hand_on(&mut self) -> Result<(), LinkError> {
        self.back.hand_on()
    }

    /// Nothing more comes at all: what nobody has heard is read where it is.
    pub(crate) fn leave(&mut self) {
        self.back.leave();
    }

    /// The rest of frame `number` was taken back.
    pub(crate) fn walked(&mut self, line: &Line, number: u32) -> Result<(), LinkError> {
        self.lap()?;
        self.back.flush()?;
        line.send(&walked(number), Vec::new())
    }

    /// The next frame.
    pub(crate) fn next_frame(&mut self, receiver: &mut Receiver<'_>) -> Result<Vec<u8>, LinkError> {
        receiver.next(&mut self.back)
    }

    fn lap(&mut self) -> Result<(), LinkError> {
        self.pace.lap().map_or(Ok(()), |lap| self.back.lap(lap))
    }

    fn who(&self, run: &Run<'_>) -> WorkerInfo {
        WorkerInfo::new(self.id, run.segment.first, run.segment.attempt)
    }
}
