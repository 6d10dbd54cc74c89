//! What workers say, as the scheduler takes it: any numbers, in any order.
//!
//! Does **not** check that work is done: that none of it is counted twice, and that the end comes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mp_scheduler::{Action, Config, Event, Inspection, Scheduler, Span, Terms};
use mp_wire::{TaskId, WorkerExit, WorkerId};

use crate::Trail;

const TASKS: u32 = 40;

struct World {
    scheduler: Scheduler,
    actions: Vec<Action>,
    now: Instant,
    /// How many outcomes each task has had.
    outcomes: HashMap<u64, u32>,
}

/// Each three bytes: who speaks, what it says, and a number.
pub(super) fn scheduler(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let config = Config { workers: 2, ..Config::default() };
    let (actions, now) = (Vec::new(), Instant::now());
    let mut world = World { scheduler: Scheduler::new(config), actions, now, outcomes: HashMap::new() };
    world.step(Event::Tick);
    let terms = Terms { timeout: Some(Duration::from_millis(10)), ..Terms::default() };
    let span = Span { job: 0, from: 0, to: TASKS, first: TaskId(1), weight: 1, attempt: 1, terms };
    world.step(Event::Submit(span));
    for said in data.chunks_exact(3) {
        world.hear(said[0], said[1], said[2]);
        trail.step(world.scheduler.workers().map(|(_, state)| state.name().len() as u8).sum());
    }
    world.step(Event::Kill("the end".to_owned()));
    for (worker, _) in world.living() {
        world.step(Event::Exited { worker, exit: WorkerExit::Exited(0), begun: [(1, 9), (2, 9)] });
    }
    assert_eq!(world.outcomes.len(), TASKS as usize, "every task has its outcome");
    assert!(world.outcomes.values().all(|count| *count == 1), "exactly one: {:?}", world.outcomes);
    trail
}

impl World {
    fn living(&self) -> Vec<(WorkerId, &'static str)> {
        self.scheduler.workers().map(|(id, state)| (id, state.name())).collect()
    }

    fn hear(&mut self, who: u8, what: u8, number: u8) {
        let living = self.living();
        let (worker, _) = living[usize::from(who) % living.len()];
        let (n, items) = (u32::from(number >> 4), u16::from(number & 15));
        let begun = [(n, items), (n + 1, u16::MAX - items)];
        self.now += Duration::from_millis(u64::from(who >> 4));
        match what % 13 {
            0 => self.step(Event::Hello(worker)),
            1 => self.step(Event::Walked(worker, n)),
            2 => self.step(Event::Stolen { worker, number: n, items }),
            3 => self.step(Event::HungUp(worker)),
            4 => self.step(Event::Broke(worker, "rubbish".to_owned())),
            5 => self.step(Event::Exited { worker, exit: WorkerExit::Exited(3), begun }),
            6 => self.step(Event::Tick),
            7 => {
                let asked = what.is_multiple_of(2).then_some(TaskId(u64::from(number)));
                self.step(Event::Inspected(worker, Inspection { taken: begun, begun, started: self.now, asked }));
            }
            8 => self.step(Event::Prepared(worker)),
            9 => self.step(Event::Weighed(worker, u64::from(number))),
            10 => self.step(Event::Resize(n % 5 + 1)),
            _ => self.finished(worker, u64::from(number), u32::from(what)),
        }
    }

    fn step(&mut self, event: Event) {
        self.scheduler.step(self.now, event, &mut self.actions);
        self.settle();
    }

    fn finished(&mut self, worker: WorkerId, first: u64, count: u32) {
        let items = self.scheduler.finished(self.now, worker, (TaskId(first), count), &mut self.actions);
        items.into_iter().for_each(|items| self.count(items));
        self.settle();
    }

    fn settle(&mut self) {
        for action in std::mem::take(&mut self.actions) {
            if let Action::Settle(span, _) = action {
                self.count(span);
            }
        }
    }

    fn count(&mut self, span: Span) {
        (span.first.0..span.first.0 + u64::from(span.len())).for_each(|id| *self.outcomes.entry(id).or_default() += 1);
    }
}
