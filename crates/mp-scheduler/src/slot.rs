//! One place for a worker: what it is doing, and what it is waiting for.
//!
//! Does **not** know the other places, nor how a state follows another: that is `step`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mp_wire::{TaskId, WorkerId};

use crate::event::Action;
use crate::load::Load;
use crate::span::Span;

/// A worker that may have finished something, and says nothing for so long, is read; and again after twice the time, up to
/// the second of these: one look is not enough, it may be that it was not given a processor.
const SILENCE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A worker that has nothing to run has so long to say that it is past it, and one whose item is over, to say what became of
/// it: a panic's backtrace takes a while to be put into words. Beyond that its words are no excuse.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A worker whose memory is limited is looked at after each frame; and so often while it works on one.
pub(crate) const WEIGHING: Duration = Duration::from_millis(100);

/// The next look at what a silent worker has finished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    at: Instant,
    silence: Duration,
}

/// What a slot is doing. All that is legal in a state is in its variant.
#[derive(Clone, Debug)]
pub enum WorkerState {
    /// Nothing runs here yet, or any more for the moment.
    Vacant,
    /// Started, not yet ready.
    Starting {
        /// How far it has come.
        stage: Stage,
        /// When this has taken too long, if ever.
        deadline: Option<Instant>,
    },
    /// Waits for work.
    Idle {
        /// When it has waited for too long, if ever.
        rest_at: Option<Instant>,
    },
    /// Has work.
    Busy(Busy),
    /// Will end.
    Stopping(Stopping),
    /// Died at once; the next one waits a little.
    Cooling {
        /// Until then.
        restart_at: Instant,
    },
    /// Ended for want of work; the next one starts when there is some.
    Resting,
    /// Will never run again, unless the pool grows.
    Retired,
}

/// How far a worker that starts has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It was asked for.
    Ordered,
    /// Its process is there.
    Born,
    /// It has said hello, and runs its initializer.
    Preparing,
}

/// A worker with work.
#[derive(Clone, Debug)]
pub struct Busy {
    pub(crate) load: Load,
    /// When what it runs may have run too long.
    pub(crate) check_at: Option<Instant>,
    /// When its memory is looked at again, while it works.
    pub(crate) weigh_at: Option<Instant>,
    /// When it has been silent for so long that what it has finished is looked for.
    pub(crate) listen: Option<Listen>,
    /// An item that shall not run.
    pub(crate) cancel: Option<TaskId>,
    /// An item that runs and was told that it is cancelled, and until when it may end by itself.
    pub(crate) hinted: Option<(TaskId, Instant)>,
    /// Items that were cancelled when they had ended already, which was not heard yet: none is tried again.
    pub(crate) cancelled: Vec<TaskId>,
    /// Whether it is looked at because it should have begun something by now.
    pub(crate) due: bool,
    /// Whether it keeps what it finishes to itself until it ends: it was told that nothing more comes.
    pub(crate) keeps: bool,
    /// What was seen to run when it was looked at, or that nothing was; and since when it is so.
    pub(crate) sighting: Option<(Option<TaskId>, Instant)>,
}

/// A worker that will end.
#[derive(Clone, Debug)]
pub struct Stopping {
    pub(crate) load: Load,
    pub(crate) kill_at: Option<Instant>,
    pub(crate) why: Ending,
    /// Items of its load that shall not run again.
    pub(crate) cancelled: Vec<TaskId>,
}

/// Why a worker will end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It has no more work, or its pool ends.
    Asked,
    /// It has done its number of tasks, or has become too large.
    Recycled,
    /// It has had nothing to do for too long.
    Unused,
    /// This item ran longer than this.
    Late(TaskId, Duration),
    /// This item was cancelled while it ran.
    Cancelled(TaskId),
    /// It cannot be believed, or never said hello.
    Broken(String),
    /// Its initializer failed, or hung.
    Unprepared(String),
}

/// Whether a worker is still as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wear {
    /// As far as is known.
    Fresh,
    /// It is just being looked at, and gets nothing until it was.
    Weighing,
    /// It has become too large, and gets nothing any more.
    Worn,
}

/// One place for a worker.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) generation: u32,
    pub(crate) state: WorkerState,
    /// Until when this generation is to have begun something, where it was sent work before it had said anything.
    pub(crate) begin_by: Option<Instant>,
    pub(crate) next_frame: u32,
    /// Items sent to this generation.
    pub(crate) sent: u32,
    /// How many may be, if that is limited.
    pub(crate) allowance: Option<u32>,
    pub(crate) wear: Wear,
    /// Whether this generation knows that it gets no more.
    pub(crate) told: bool,
    /// What it alone is to run, and has not been sent.
    pub(crate) own: VecDeque<Span>,
    /// How many in a row died here without having finished anything.
    pub(crate) barren: u32,
}

impl Default for Slot {
    fn default() -> Self {
        let (state, wear) = (WorkerState::Vacant, Wear::Fresh);
        let own = VecDeque::new();
        let (begin_by, allowance) = (None, None);
        Self { generation: 0, state, begin_by, next_frame: 1, sent: 0, allowance, wear, told: false, own, barren: 0 }
    }
}

impl Slot {
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.state.wake_at().into_iter().chain(self.begin_by).min()
    }

    pub(crate) fn shift(&mut self, by: Duration) {
        self.state.shift(by);
        later(&mut self.begin_by, by);
    }

    /// Whether this generation may be sent more, and how many items.
    pub(crate) fn room(&self) -> u32 {
        match self.wear {
            Wear::Fresh => self.allowance.map_or(u32::MAX, |most| most.saturating_sub(self.sent)),
            Wear::Weighing | Wear::Worn => 0,
        }
    }

    /// Whether this generation is to be replaced, once it is free.
    pub(crate) fn is_used_up(&self) -> bool {
        self.wear == Wear::Worn || self.allowance.is_some_and(|most| most <= self.sent)
    }
}

impl Busy {
    /// It is looked at again when the shortest limit is over from now. A limit beyond all time is none.
    pub(crate) fn watch(&mut self, now: Instant) {
        let limit = self.load.limit().or_else(|| self.load.head().is_none().then_some(PATIENCE));
        self.check_at = limit.and_then(|limit| now.checked_add(limit));
        let holds_back = self.keeps || self.load.may_hold_back();
        self.listen = holds_back.then(|| Listen { at: now + SILENCE.0, silence: SILENCE.0 });
    }

    /// What is due now.
    pub(crate) fn tick(&mut self, now: Instant, worker: WorkerId, actions: &mut Vec<Action>) {
        if let Some(listen) = &mut self.listen
            && listen.at <= now
        {
            listen.silence = (listen.silence * 2).min(SILENCE.1);
            listen.at = now + listen.silence;
            actions.push(Action::Listen(worker));
        }
        if let Some(at) = self.weigh_at.as_mut().filter(|at| **at <= now) {
            *at = now + WEIGHING;
            actions.push(Action::Weigh(worker));
        }
        if let Some((task, _)) = self.hinted.filter(|(_, until)| *until <= now) {
            if self.load.holds(task) {
                self.cancel = Some(task);
                return actions.push(Action::Inspect(worker));
            }
            self.hinted = None;
        }
        if self.check_at.take_if(|at| *at <= now).is_some() {
            actions.push(Action::Inspect(worker));
        }
    }
}

/// Beyond the clock's end is never.
fn later(at: &mut Option<Instant>, by: Duration) {
    *at = at.and_then(|at| at.checked_add(by));
}

impl Busy {
    fn wake_at(&self) -> Option<Instant> {
        let listen = self.listen.map(|listen| listen.at);
        let hinted = self.hinted.map(|(_, until)| until);
        self.check_at.into_iter().chain(self.weigh_at).chain(listen).chain(hinted).min()
    }
}

impl WorkerState {
    pub(crate) fn shift(&mut self, by: Duration) {
        match self {
            Self::Starting { deadline, .. } => later(deadline, by),
            Self::Idle { rest_at } => later(rest_at, by),
            Self::Busy(busy) => {
                later(&mut busy.check_at, by);
                later(&mut busy.weigh_at, by);
                busy.hinted = busy.hinted.map(|(task, until)| (task, until.checked_add(by).unwrap_or(until)));
                busy.sighting = busy.sighting.map(|(task, since)| (task, since.checked_add(by).unwrap_or(since)));
                busy.listen = busy.listen.and_then(|listen| Some(Listen { at: listen.at.checked_add(by)?, ..listen }));
            }
            Self::Stopping(stopping) => later(&mut stopping.kill_at, by),
            Self::Cooling { restart_at } => *restart_at = restart_at.checked_add(by).unwrap_or(*restart_at),
            Self::Vacant | Self::Resting | Self::Retired => {}
        }
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        match self {
            Self::Starting { deadline, .. } => *deadline,
            Self::Idle { rest_at } => *rest_at,
            Self::Busy(busy) => busy.wake_at(),
            Self::Stopping(stopping) => stopping.kill_at,
            Self::Cooling { restart_at } => Some(*restart_at),
            Self::Vacant | Self::Resting | Self::Retired => None,
        }
    }

    /// Whether there is a process, or is about to be one.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Starting { .. } | Self::Idle { .. } | Self::Busy(_) | Self::Stopping(_) => true,
            Self::Vacant | Self::Cooling { .. } | Self::Resting | Self::Retired => false,
        }
    }

    /// The state's name, for a dump and for `stats`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Vacant => "vacant",
            Self::Starting { .. } => "starting",
            Self::Idle { .. } => "idle",
            Self::Busy(_) => "busy",
            Self::Stopping(_) => "stopping",
            Self::Cooling { .. } => "cooling",
            Self::Resting => "resting",
            Self::Retired => "retired",
        }
    }
}
