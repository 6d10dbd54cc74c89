//! Short words for what a cell of the grid says.
//!
//! Does **not** know the scheduler's insides.

use std::time::Duration;

use mp_scheduler::{Action, Config, Event, Retry, Terms, Verdict};
use mp_wire::{WorkerExit, WorkerId};

use crate::world::{Outcome, World};

pub(crate) const GRACE: Duration = Duration::from_secs(2);

pub(crate) fn of(workers: u32) -> Config {
    Config { workers, grace: GRACE, ..Config::default() }
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn timeout(limit: u64) -> Terms {
    Terms { timeout: Some(ms(limit)), ..Terms::default() }
}

pub(crate) fn retries(retries: u32) -> Terms {
    Terms { retry: Retry::times(retries), ..Terms::default() }
}

impl World {
    /// Workers started, none of them heard of.
    pub(crate) fn starting(config: Config) -> Self {
        let mut world = Self::new(config);
        world.event(Event::Tick);
        world
    }

    /// Workers idle.
    pub(crate) fn ready(config: Config) -> Self {
        let mut world = Self::starting(config);
        world.greet();
        world
    }

    /// All who have not said hello do so.
    pub(crate) fn greet(&mut self) {
        let new: Vec<_> = self.scheduler.workers().filter(|(_, state)| state.name() == "starting").collect();
        let new: Vec<_> = new.into_iter().map(|(id, _)| id).collect();
        new.into_iter().for_each(|worker| self.hello(worker));
    }

    /// One worker that runs the first of `len` items.
    pub(crate) fn running(config: Config, len: u32, terms: Terms) -> Self {
        let mut world = Self::ready(config);
        world.submit(len, terms, 1);
        world.begin(world.worker(0)).expect("an item");
        world
    }

    pub(crate) fn worker(&self, slot: usize) -> WorkerId {
        self.scheduler.workers().nth(slot).expect("a slot").0
    }

    pub(crate) fn states(&self) -> Vec<&'static str> {
        self.scheduler.workers().map(|(_, state)| state.name()).collect()
    }

    pub(crate) fn generation(&self, slot: usize) -> u32 {
        self.worker(slot).generation
    }

    pub(crate) fn plain(&mut self, len: u32) {
        self.submit(len, Terms::default(), 1);
    }

    pub(crate) fn crash(&mut self, slot: usize) {
        self.die(self.worker(slot), WorkerExit::signaled(11, false));
    }

    pub(crate) fn exit(&mut self, slot: usize) {
        self.die(self.worker(slot), WorkerExit::Exited(0));
    }

    /// Begins, finishes and is heard; gives which item that was.
    pub(crate) fn run_one(&mut self, slot: usize) -> Option<u64> {
        let worker = self.worker(slot);
        self.begin(worker);
        let piece = self.process(worker).running?;
        self.process(worker).finish();
        self.hear(worker);
        Some(piece.task.0)
    }

    /// As [`World::run_one`], of a slot that may have nobody.
    pub(crate) fn run_one_of(&mut self, slot: usize) -> Option<u64> {
        let worker = self.worker(slot);
        self.processes.contains_key(&worker).then(|| self.run_one(slot)).flatten()
    }

    /// All who were told to end do so.
    pub(crate) fn leave(&mut self) {
        let told: Vec<_> = self.processes.iter().filter(|(_, it)| it.stopped || it.killed).map(|(id, _)| *id).collect();
        told.into_iter().for_each(|worker| self.die(worker, WorkerExit::Exited(0)));
    }

    pub(crate) fn finish(&mut self, slot: usize) {
        let worker = self.worker(slot);
        self.process(worker).finish();
    }

    /// All that a worker has, one after the other.
    pub(crate) fn run_all(&mut self, slot: usize) -> Vec<u64> {
        std::iter::from_fn(|| self.run_one(slot)).collect()
    }

    /// The words on all items, in order.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.items.iter().map(|item| word(item.outcome.as_ref())).collect()
    }

    /// How many items the frames to `slot` carried, in order.
    pub(crate) fn frames(&self, slot: u32) -> Vec<u32> {
        let to = |action: &Action| match action {
            Action::Send { worker, spans, .. } if worker.slot == slot => {
                Some(spans.iter().map(|span| span.len()).sum())
            }
            _ => None,
        };
        self.log.iter().filter_map(to).collect()
    }

    pub(crate) fn did(&self, action: &Action) -> bool {
        self.log.contains(action)
    }
}

fn word(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => "open",
        Some(Outcome::Value) => "value",
        Some(Outcome::Panicked) => "panicked",
        Some(Outcome::None(Verdict::Lost(..))) => "lost",
        Some(Outcome::None(Verdict::TimedOut(_))) => "late",
        Some(Outcome::None(Verdict::Cancelled)) => "cancelled",
        Some(Outcome::None(Verdict::Unsendable(_))) => "unsendable",
        Some(Outcome::None(Verdict::Stopped(_))) => "stopped",
    }
}
