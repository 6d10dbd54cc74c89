//! A run of items under way: what the loop in a task's entry point needs for each of them.
//!
//! Does **not** know functions, nor what follows when one fails: that is `runner`.
//!
//! ```text
//!  next_item:  time, if a group begins ─▶ claim ─▶ whose turn it is        take:  value into the frame ─▶ kept ─▶ next
//! ```
//!
//! All of it is small and compiled into the loop; what is rare is not.

use std::time::Duration;

use mp_link::{Claims, LinkError, Status};
use mp_wire::frame::Segment;
use mp_wire::item::Items;
use mp_wire::record::Report;
use mp_wire::{CodecError, TaskId};

use crate::outbound::Outbound;
use crate::pace::Pace;
use crate::panic::{Caught, shorten};
use crate::task::{Ran, Refused};
use crate::{context, outlets};

/// Items of one function, as they are run.
#[derive(Debug)]
pub struct Shift<'s, 'l> {
    items: Items<'s>,
    /// The item that runs, or is the next.
    pub(crate) task: TaskId,
    number: u32,
    status: &'s Status,
    pub(crate) pace: &'s mut Pace,
    pub(crate) back: &'s mut Outbound<'l>,
    timeout: Option<Duration>,
    marked: bool,
    traced: bool,
    pub(crate) halt: Halt,
}

/// Why an item has no value.
pub(crate) enum Failed {
    /// A value could not cross.
    Refused(Refused),
    Panicked(Caught),
}

/// Why a shift is over.
#[derive(Debug)]
pub(crate) enum Halt {
    /// There are no more items.
    Done,
    /// The rest of the frame has been taken back.
    Revoked,
    /// The supervisor is gone.
    Broken(LinkError),
}

impl<'s, 'l> Shift<'s, 'l> {
    /// Over the items of `segment`, which came in frame `number`.
    pub(crate) fn new(
        (number, segment): (u32, &Segment<'_>),
        items: Items<'s>,
        status: &'s Status,
        (pace, back): (&'s mut Pace, &'s mut Outbound<'l>),
    ) -> Self {
        let (timeout, marked, traced) = (segment.timeout, outlets::are_marked(), segment.traced);
        Self { items, task: segment.first, number, status, pace, back, timeout, marked, traced, halt: Halt::Done }
    }

    /// Begins the next item: its arguments, and whether to look at the clock.
    #[inline]
    pub(crate) fn next_item(&mut self) -> Option<(&'s [u8], bool)> {
        let item = self.items.next()?;
        let timed = self.begin()?;
        context::turn_to(self.task);
        if self.marked || self.timeout.is_some() {
            self.surround();
        }
        Some((item, timed))
    }

    /// Claims the next item, and says whether it is to be timed; `None` when it was taken back.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<bool> {
        let start = self.pace.begin(self.timeout.is_some() || self.traced);
        // The time is written first: whoever sees the claim sees a time that is not too early for it.
        if let Some(now_ns) = start {
            self.status.started(now_ns);
        }
        if self.status.claim(self.number) {
            return Some(start.is_some());
        }
        self.revoked();
        None
    }

    #[cold]
    fn revoked(&mut self) {
        self.pace.unbegin();
        self.halt = Halt::Revoked;
    }

    #[cold]
    pub(crate) fn surround(&mut self) {
        if self.marked {
            outlets::begin(self.task);
        }
        if self.timeout.is_some() {
            context::limit(self.timeout);
        }
    }

    /// The value of the item that ran so long, as `write` encodes it. `false` when that is the end of it.
    #[inline]
    pub(crate) fn take(
        &mut self,
        ran: Ran,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<bool, CodecError> {
        self.quiet();
        let sent = self.back.put(self.task, write)?;
        Ok(self.taken(sent, ran))
    }

    /// As [`Shift::take`], for a value of up to eight bytes, the lowest first.
    #[inline]
    pub(crate) fn take_short(&mut self, ran: Ran, value: u64, len: usize) -> bool {
        self.quiet();
        let full = self.back.put_short(self.task, value, len);
        self.task = self.task.plus(1);
        let over = self.pace.ends(ran.run_ns);
        if full || over || self.traced { self.pause(full, over, ran) } else { true }
    }

    /// What a [burst](crate::burst) is to run, and how many of it at most, where there is such.
    #[inline]
    pub(crate) fn middle(&self) -> Option<(Items<'s>, Claims<'s>, u32)> {
        let plain = !self.marked && !self.traced && self.timeout.is_none();
        let items = self.pace.middle();
        (plain && items > 0).then(|| (self.items, self.status.claims(self.number), items))
    }

    /// It has begun so many; these are left, and `task` is the item that runs, or is the next.
    #[inline]
    pub(crate) fn walked(&mut self, left: Items<'s>, begun: u32, task: TaskId) {
        self.pace.began(begun);
        (self.items, self.task) = (left, task);
    }

    /// As [`Shift::taken`], when something more is to be done than to go on.
    #[cold]
    fn pause(&mut self, full: bool, over: bool, ran: Ran) -> bool {
        if self.traced {
            self.back.times(self.pace.times(ran));
        }
        let sent = if full { self.back.flush() } else { Ok(()) };
        let lap = if over { self.pace.lap() } else { None };
        let lapped = sent.and_then(|()| lap.map_or(Ok(()), |lap| self.back.lap(lap)));
        lapped.map_err(|error| self.halt = Halt::Broken(error)).is_ok()
    }

    /// As [`Shift::take`], for a value that is too large for a frame.
    #[cold]
    pub(crate) fn take_apart(
        &mut self,
        ran: Ran,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<bool, CodecError> {
        let mut value = self.back.spare();
        write(&mut value)?;
        Ok(self.take_encoded(ran, value))
    }

    /// As [`Shift::take`], for a value that is encoded.
    pub(crate) fn take_encoded(&mut self, ran: Ran, value: Vec<u8>) -> bool {
        self.quiet();
        let sent = self.back.value(self.task, &value);
        self.back.give_back(value);
        self.taken(sent, ran)
    }

    /// The item that ran has no value. What is no value ends its group: the next item has a time of its own.
    #[cold]
    pub(crate) fn failed(&mut self, failed: Failed) -> Result<(), LinkError> {
        let times = self.traced.then(|| self.pace.times_of_failed());
        self.back.abandon();
        self.quiet();
        self.pace.unbegin();
        self.pace.lap().map_or(Ok(()), |lap| self.back.lap(lap))?;
        let report = match failed {
            Failed::Refused(refused) => Report::Codec(refused.stage, shorten(refused.reason.0)),
            Failed::Panicked(caught) => {
                // Its backtrace is about to be put into words, which may take long.
                self.status.over();
                Report::Panicked(caught.into_panic())
            }
        };
        let task = self.task;
        self.task = task.plus(1);
        self.back.report(task, &report, times)
    }

    /// `false` when the rest of the frame has been taken back.
    pub(crate) fn over(self) -> Result<bool, LinkError> {
        match self.halt {
            Halt::Done => Ok(true),
            Halt::Revoked => Ok(false),
            Halt::Broken(error) => Err(error),
        }
    }

    /// Before its outcome is known what it printed is on its way: who has that may end this process.
    #[inline]
    fn quiet(&self) {
        if self.marked {
            outlets::end();
        }
    }

    #[inline]
    fn taken(&mut self, sent: Result<(), LinkError>, ran: Ran) -> bool {
        self.task = self.task.plus(1);
        let over = self.pace.ends(ran.run_ns);
        match sent {
            Ok(()) => self.pause(false, over, ran),
            Err(error) => {
                self.halt = Halt::Broken(error);
                false
            }
        }
    }
}
