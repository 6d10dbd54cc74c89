//! The state of a pool: its slots, what waits, and how far its own life has come.
//!
//! Does **not** know how the states follow each other: that is `step`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mp_wire::{TaskId, WorkerId};

use crate::breaker::Breaker;
use crate::config::Config;
use crate::event::Action;
use crate::load::Load;
use crate::pace::Pace;
use crate::retry::Later;
use crate::span::Span;

/// A worker that may have finished something, and says nothing for so long, is read; and again after twice the time, up to
/// the second of these: one look is not enough, it may be that it was not given a processor.
const SILENCE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A worker that has nothing to run has so long to say that it is past it, and one whose item is over, to say what became of
/// it: a panic's backtrace takes a while to be put into words. Beyond that its words are no excuse.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The next look at what a silent worker has finished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    at: Instant,
    silence: Duration,
}

/// How far a pool's life has come. What is graver is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Work is taken.
    Open,
    /// No more work is taken; what is there is finished.
    Closing,
    /// Nothing is finished any more.
    Killing(String),
    /// All workers have ended; and why, if that was not asked for in peace.
    Ended(Option<String>),
}

/// What a slot is doing. All that is legal in a state is in its variant.
#[derive(Clone, Debug)]
pub enum WorkerState {
    /// Nothing runs here yet, or any more for the moment.
    Vacant,
    /// Started, not yet heard of.
    Starting {
        /// When this has taken too long, if ever.
        deadline: Option<Instant>,
    },
    /// Waits for work.
    Idle,
    /// Has work.
    Busy(Busy),
    /// Will end.
    Stopping(Stopping),
    /// Died at once; the next one waits a little.
    Cooling {
        /// Until then.
        restart_at: Instant,
    },
    /// Will never run again.
    Retired,
}

/// A worker with work.
#[derive(Clone, Debug)]
pub struct Busy {
    pub(crate) load: Load,
    /// When what it runs may have run too long.
    pub(crate) check_at: Option<Instant>,
    /// When it has been silent for so long that what it has finished is looked for.
    pub(crate) listen: Option<Listen>,
    /// An item that shall not run.
    pub(crate) cancel: Option<TaskId>,
    /// An item that runs and was told that it is cancelled, and until when it may end by itself.
    pub(crate) hinted: Option<(TaskId, Instant)>,
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
    /// It has done its number of tasks.
    Recycled,
    /// This item ran longer than this.
    Late(TaskId, Duration),
    /// This item was cancelled while it ran.
    Cancelled(TaskId),
    /// It cannot be believed, or never said hello.
    Broken(String),
    /// Its initializer failed, or hung.
    Unprepared(String),
}

/// One place for a worker.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) generation: u32,
    pub(crate) state: WorkerState,
    pub(crate) next_frame: u32,
    /// Items sent to this generation.
    pub(crate) sent: u32,
    /// How many in a row died here without having finished anything.
    pub(crate) barren: u32,
}

/// The decisions of one pool. See the crate's picture.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub(crate) config: Config,
    pub(crate) slots: Vec<Slot>,
    pub(crate) backlog: VecDeque<Span>,
    /// What is tried again after a pause.
    pub(crate) later: Later,
    pub(crate) phase: Phase,
    pub(crate) breaker: Breaker,
    /// Starts that failed in a row, where workers have an initializer.
    pub(crate) false_starts: Breaker,
    pub(crate) started: bool,
    pub(crate) deaths: u64,
    pub(crate) pace: Pace,
}

impl Scheduler {
    /// A pool whose workers start at the first [`crate::Event::Tick`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        let vacant = Slot { generation: 0, state: WorkerState::Vacant, next_frame: 1, sent: 0, barren: 0 };
        let slots = vec![vacant; config.workers as usize];
        Self {
            config,
            slots,
            backlog: VecDeque::new(),
            later: Later::default(),
            phase: Phase::Open,
            breaker: Breaker::default(),
            false_starts: Breaker::default(),
            started: false,
            deaths: 0,
            pace: Pace::default(),
        }
    }

    /// What the pool was told.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How far the pool's life has come.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The states of the slots, in order, for a dump.
    pub fn workers(&self) -> impl Iterator<Item = (WorkerId, &WorkerState)> {
        self.slots.iter().zip(0..).map(|(slot, i)| (WorkerId { slot: i, generation: slot.generation }, &slot.state))
    }

    /// The state of `worker`, unless a later generation lives there now (I5).
    #[must_use]
    pub fn state_of(&self, worker: WorkerId) -> Option<&WorkerState> {
        let slot = self.slots.get(worker.slot as usize).filter(|slot| slot.generation == worker.generation);
        slot.map(|slot| &slot.state)
    }

    /// How many workers have ended without having been asked to.
    #[must_use]
    pub fn deaths(&self) -> u64 {
        self.deaths
    }

    /// How many spans wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.backlog.len()
    }

    /// When the next [`crate::Event::Tick`] is due, if time alone can change anything.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.state.wake_at()).chain(self.later.next()).min()
    }

    /// All that is due is due so much later: for so long nobody could do anything.
    pub fn shift(&mut self, by: Duration) {
        self.slots.iter_mut().for_each(|slot| slot.state.shift(by));
        self.later.shift(by);
    }

    /// The slot of `worker`, unless a later generation lives there now (I5).
    pub(crate) fn slot(&mut self, worker: WorkerId) -> Option<&mut Slot> {
        self.slots.get_mut(worker.slot as usize).filter(|slot| slot.generation == worker.generation)
    }

    pub(crate) fn id(&self, index: usize) -> WorkerId {
        WorkerId { slot: index as u32, generation: self.slots[index].generation }
    }
}

impl Slot {
    /// Whether this generation may be sent more, and how many items.
    pub(crate) fn room(&self, limit: Option<u32>) -> u32 {
        limit.map_or(u32::MAX, |limit| limit.max(1).saturating_sub(self.sent))
    }
}

impl Busy {
    /// It is looked at again when the shortest limit is over from now. A limit beyond all time is none.
    pub(crate) fn watch(&mut self, now: Instant) {
        let limit = self.load.limit().or_else(|| self.load.head().is_none().then_some(PATIENCE));
        self.check_at = limit.and_then(|limit| now.checked_add(limit));
        self.listen = self.load.may_hold_back().then(|| Listen { at: now + SILENCE.0, silence: SILENCE.0 });
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
        self.check_at.into_iter().chain(listen).chain(hinted).min()
    }
}

impl WorkerState {
    fn shift(&mut self, by: Duration) {
        match self {
            Self::Starting { deadline } => later(deadline, by),
            Self::Busy(busy) => {
                later(&mut busy.check_at, by);
                busy.hinted = busy.hinted.map(|(task, until)| (task, until.checked_add(by).unwrap_or(until)));
                busy.sighting = busy.sighting.map(|(task, since)| (task, since.checked_add(by).unwrap_or(since)));
                busy.listen = busy.listen.and_then(|listen| Some(Listen { at: listen.at.checked_add(by)?, ..listen }));
            }
            Self::Stopping(stopping) => later(&mut stopping.kill_at, by),
            Self::Cooling { restart_at } => *restart_at = restart_at.checked_add(by).unwrap_or(*restart_at),
            Self::Vacant | Self::Idle | Self::Retired => {}
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match self {
            Self::Starting { deadline } => *deadline,
            Self::Busy(busy) => busy.wake_at(),
            Self::Stopping(stopping) => stopping.kill_at,
            Self::Cooling { restart_at } => Some(*restart_at),
            Self::Vacant | Self::Idle | Self::Retired => None,
        }
    }

    /// Whether there is a process, or is about to be one.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Starting { .. } | Self::Idle | Self::Busy(_) | Self::Stopping(_) => true,
            Self::Vacant | Self::Cooling { .. } | Self::Retired => false,
        }
    }

    /// The state's name, for a dump and for `stats`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Vacant => "vacant",
            Self::Starting { .. } => "starting",
            Self::Idle => "idle",
            Self::Busy(_) => "busy",
            Self::Stopping(_) => "stopping",
            Self::Cooling { .. } => "cooling",
            Self::Retired => "retired",
        }
    }
}
