//! The state of a pool: its slots, what waits, and how far its own life has come.
//!
//! Does **not** know how the states follow each other: that is `step`.

use std::time::{Duration, Instant};

use mp_wire::{TaskId, WorkerId};

use crate::backlog::Backlog;
use crate::breaker::Breaker;
use crate::config::Config;
use crate::pace::Pace;
use crate::retry::Later;
use crate::slot::{Slot, WorkerState};

/// How far a pool's life has come. What is graver is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Work is taken.
    Open,
    /// No more work is taken; what is there is finished.
    Closing,
    /// What runs is finished; what had not begun has ended, for this reason.
    Stopping(String),
    /// Nothing is finished any more.
    Killing(String),
    /// All workers have ended; and why, if that was not asked for in peace.
    Ended(Option<String>),
}

/// The decisions of one pool. See the crate's picture.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub(crate) config: Config,
    pub(crate) slots: Vec<Slot>,
    pub(crate) backlog: Backlog,
    /// What is tried again after a pause.
    pub(crate) later: Later,
    pub(crate) phase: Phase,
    pub(crate) breaker: Breaker,
    /// Starts that failed in a row, where workers have an initializer.
    pub(crate) false_starts: Breaker,
    pub(crate) started: bool,
    pub(crate) deaths: u64,
    pub(crate) recycled: u64,
    pub(crate) pace: Pace,
}

impl Scheduler {
    /// A pool whose workers start at the first [`crate::Event::Tick`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        let slots = vec![Slot::default(); config.workers as usize];
        Self {
            config,
            slots,
            backlog: Backlog::default(),
            later: Later::default(),
            phase: Phase::Open,
            breaker: Breaker::default(),
            false_starts: Breaker::default(),
            started: false,
            deaths: 0,
            recycled: 0,
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

    /// Whether `worker` has been sent `task`, and nothing has been heard of it since.
    #[must_use]
    pub fn holds(&self, worker: WorkerId, task: TaskId) -> bool {
        match self.state_of(worker) {
            Some(WorkerState::Busy(busy)) => busy.load.holds(task),
            Some(WorkerState::Stopping(stopping)) => stopping.load.holds(task),
            Some(
                WorkerState::Vacant
                | WorkerState::Starting { .. }
                | WorkerState::Idle { .. }
                | WorkerState::Cooling { .. }
                | WorkerState::Resting
                | WorkerState::Retired,
            )
            | None => false,
        }
    }

    /// Whether `worker` is about to end, and nothing that it was sent is without an outcome.
    #[must_use]
    pub fn owes_nothing(&self, worker: WorkerId) -> bool {
        matches!(self.state_of(worker), Some(WorkerState::Stopping(stopping)) if stopping.load.is_empty())
    }

    /// How many workers have ended without having been asked to.
    #[must_use]
    pub fn deaths(&self) -> u64 {
        self.deaths
    }

    /// How many workers were replaced as agreed: after their number of tasks, or for their memory.
    #[must_use]
    pub fn recycled(&self) -> u64 {
        self.recycled
    }

    /// How many spans wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.backlog.len()
    }

    /// When the next [`crate::Event::Tick`] is due, if time alone can change anything.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.wake_at()).chain(self.later.next()).min()
    }

    /// All that is due is due so much later: for so long nobody could do anything.
    pub fn shift(&mut self, by: Duration) {
        self.slots.iter_mut().for_each(|slot| slot.shift(by));
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
