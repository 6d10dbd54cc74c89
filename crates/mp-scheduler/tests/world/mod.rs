//! A world for the scheduler: processes, and somebody who performs its actions as the supervisor does.
//!
//! Does **not** know what the scheduler should do. It knows what may never happen, and fails when it does: two outcomes
//! for an item (I1), a frame without a credit (I3), an action for a worker that is gone (I5), a second process in a slot,
//! an item run more often than was agreed, a verdict on an item that did not run.

pub(crate) mod process;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use mp_scheduler::{Action, Config, Event, Phase, Retry, Scheduler, Span, Terms, Verdict, WEIGHT_MAX, WorkerState};
use mp_wire::frame::ITEMS_MAX;
use mp_wire::{TaskId, WorkerExit, WorkerId};

use process::{Process, Said, Stage};

/// More actions than this follow from no event.
const ACTIONS_MAX: usize = 20_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value,
    Panicked,
    None(Verdict),
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) terms: Terms,
    pub(crate) begun: u32,
    cancelled: bool,
    /// Who alone may run it.
    pub(crate) own: Option<WorkerId>,
    pub(crate) outcome: Option<Outcome>,
}

pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    pub(crate) now: Instant,
    pub(crate) processes: BTreeMap<WorkerId, Process>,
    pub(crate) items: Vec<Item>,
    pub(crate) log: Vec<Action>,
    pub(crate) ends: Vec<Option<String>>,
    /// Whether workers are threads, which are gone as soon as they are signalled.
    pub(crate) threads: bool,
    /// Whether the next frame cannot be sent.
    pub(crate) jammed: bool,
    /// Whether the next frame cannot be made.
    pub(crate) starved: bool,
    /// What the process that died last was running, and since when.
    victim: Option<(TaskId, Instant)>,
    /// What the scheduler said that its end would mean for that.
    foretold: Option<(TaskId, Verdict)>,
}

impl World {
    /// Workers not started yet.
    pub(crate) fn new(config: Config) -> Self {
        Self {
            scheduler: Scheduler::new(config),
            now: Instant::now(),
            processes: BTreeMap::new(),
            items: Vec::new(),
            log: Vec::new(),
            ends: Vec::new(),
            threads: false,
            jammed: false,
            starved: false,
            victim: None,
            foretold: None,
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.step(event, &mut actions);
        self.perform(actions);
        self.foretold = None;
    }

    pub(crate) fn submit(&mut self, len: u32, terms: Terms, weight: u32) {
        let from = self.items.len() as u32;
        let first = TaskId(u64::from(from));
        self.items.extend((0..len).map(|_| Item { terms, begun: 0, cancelled: false, own: None, outcome: None }));
        self.event(Event::Submit(Span { job: 0, from, to: from + len, first, weight, attempt: 1, terms }));
    }

    /// One item for each worker that is there; it is run once, whatever the terms say.
    pub(crate) fn broadcast(&mut self, terms: Terms) {
        for worker in self.scheduler.audience().collect::<Vec<_>>() {
            let from = self.items.len() as u32;
            let once = Terms { retry: Retry::default(), own: true, ..terms };
            self.items.push(Item { terms: once, begun: 0, cancelled: false, own: Some(worker), outcome: None });
            let first = TaskId(u64::from(from));
            let span = Span { job: 1, from, to: from + 1, first, weight: 1, attempt: 1, terms };
            self.event(Event::SubmitTo(worker, span));
        }
    }

    pub(crate) fn cancel(&mut self, task: TaskId) {
        self.item(task).cancelled = true;
        self.event(Event::Cancel(task));
    }

    /// Time passes, and whatever is due in it happens.
    pub(crate) fn pass(&mut self, wait: Duration) {
        let until = self.now + wait;
        while let Some(at) = self.scheduler.next_wake().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.event(Event::Tick);
        }
        self.now = until;
    }

    /// The process of `worker` exists, unless it was to end before it did.
    pub(crate) fn born(&mut self, worker: WorkerId) {
        let unwanted = self.state(worker) == "stopping";
        let process = self.process(worker);
        if process.stage > Stage::Unborn {
            return;
        }
        process.stage = Stage::Silent;
        process.killed |= unwanted;
        if !unwanted {
            self.event(Event::Born(worker));
        }
    }

    /// Its process exists, and it is believed to be who it should be. It may say hello all the same.
    pub(crate) fn trusts(&mut self, worker: WorkerId) {
        let unwanted = self.state(worker) == "stopping";
        let prepares = self.scheduler.config().initializer.is_some();
        let process = self.process(worker);
        process.stage = if prepares { Stage::Silent } else { Stage::Serving };
        process.killed |= unwanted;
        if !unwanted {
            self.event(Event::Trusted(worker));
        }
    }

    /// It says hello, and is ready unless it has an initializer.
    pub(crate) fn greets(&mut self, worker: WorkerId) {
        self.born(worker);
        if self.scheduler.config().initializer.is_none() {
            self.process(worker).stage = Stage::Serving;
        }
        self.event(Event::Hello(worker));
    }

    pub(crate) fn hello(&mut self, worker: WorkerId) {
        self.greets(worker);
        if self.scheduler.config().initializer.is_some() {
            let Some(process) = self.processes.get_mut(&worker) else { return };
            process.stage = Stage::Serving;
            self.event(Event::Prepared(worker));
        }
    }

    pub(crate) fn begin(&mut self, worker: WorkerId) -> Option<TaskId> {
        let now = self.now;
        let mut task = self.process(worker).begin(now);
        if task.is_none() && self.process(worker).running.is_none() {
            // It has walked past what was taken back, and says so; perhaps it is sent more.
            self.hear(worker);
            task = self.processes.get_mut(&worker)?.begin(now);
        }
        let task = task?;
        let item = self.item(task);
        item.begun += 1;
        assert!(item.own.is_none_or(|own| own == worker), "{task} is not for {worker}");
        assert!(item.begun <= item.terms.retry.most() + 1, "{task} was run {} times", item.begun);
        Some(task)
    }

    /// The supervisor hears all that `worker` has to say.
    pub(crate) fn hear(&mut self, worker: WorkerId) {
        while let Some(said) = self.processes.get_mut(&worker).and_then(|process| process.unheard.pop_front()) {
            match said {
                Said::Done(piece) => self.hear_run(worker, piece.task),
                Said::Panicked(piece) => self.hear_panic(worker, piece.task),
                Said::Walked(number) => self.event(Event::Walked(worker, number)),
            }
        }
    }

    fn hear_panic(&mut self, worker: WorkerId, task: TaskId) {
        let mut actions = Vec::new();
        match self.scheduler.panicked(self.now, worker, task, &mut actions) {
            Some((item, last)) => {
                assert_eq!((item.first, item.len()), (task, 1));
                assert!(last || !self.item(task).cancelled || self.state(worker) != "stopping", "{task} was cancelled");
                if last {
                    self.settle(task, Outcome::Panicked);
                }
            }
            None => assert_eq!(self.state(worker), "stopping", "{task} is not believed"),
        }
        self.perform(actions);
    }

    /// Words on tasks that follow each other may be heard as one.
    fn hear_run(&mut self, worker: WorkerId, first: TaskId) {
        let mut count = 1;
        let unheard = self.processes.get_mut(&worker).map(|process| &mut process.unheard);
        if let Some(unheard) = unheard {
            let follows =
                |said: Option<&Said>, n| matches!(said, Some(Said::Done(piece)) if piece.task == first.plus(n));
            while follows(unheard.front(), count) {
                unheard.pop_front();
                count += 1;
            }
        }
        let mut heard = 0;
        // What follows from the first may be the worker's end.
        while heard < count && self.processes.contains_key(&worker) {
            let (mut actions, task) = (Vec::new(), first.plus(heard));
            let items = match self.scheduler.finished(self.now, worker, (task, count - heard), &mut actions) {
                Some(span) => {
                    assert_eq!((span.first, span.len() <= count - heard), (task, true));
                    (0..span.len()).for_each(|n| self.settle(task.plus(n), Outcome::Value));
                    span.len()
                }
                None => {
                    assert_eq!(self.state(worker), "stopping", "{task} is not believed");
                    1
                }
            };
            self.perform(actions);
            heard += items;
        }
        // Some tasks were short, some long: who is sent how much depends on it, what becomes of them does not.
        self.scheduler.ran(count, Duration::from_nanos(if first.0.is_multiple_of(3) { 1_000_000_000 } else { 100 }));
    }

    pub(crate) fn die(&mut self, worker: WorkerId, exit: WorkerExit) {
        self.hear(worker);
        if let Some(event) = self.bury(worker, exit) {
            self.event(event);
        }
    }

    fn bury(&mut self, worker: WorkerId, exit: WorkerExit) -> Option<Event> {
        let process = self.processes.remove(&worker)?;
        self.victim = process.running.map(|piece| (piece.task, process.started));
        self.foretold = self.victim.map(|(task, _)| (task, self.scheduler.verdict(worker, task, exit)));
        Some(Event::Exited { worker, exit, begun: process.begun() })
    }

    /// Its initializer fails; it will end.
    pub(crate) fn unprepared(&mut self, worker: WorkerId) {
        self.greets(worker);
        // What it was sent at once may have ended it.
        let Some(process) = self.processes.get_mut(&worker) else { return };
        process.terminated = true;
        self.event(Event::Unprepared(worker, "no model".to_owned()));
    }

    pub(crate) fn start_fails(&mut self, worker: WorkerId) {
        self.processes.remove(&worker);
        self.event(Event::StartFailed(worker, "no memory".to_owned()));
    }

    pub(crate) fn state(&self, worker: WorkerId) -> &'static str {
        self.scheduler.workers().find(|(id, _)| *id == worker).map_or("gone", |(_, state)| state.name())
    }

    pub(crate) fn process(&mut self, worker: WorkerId) -> &mut Process {
        self.processes.get_mut(&worker).expect("alive")
    }

    pub(crate) fn item(&mut self, task: TaskId) -> &mut Item {
        &mut self.items[task.0 as usize]
    }

    fn step(&mut self, event: Event, actions: &mut Vec<Action>) {
        let before = actions.len();
        self.scheduler.step(self.now, event, actions);
        for worker in actions[before..].iter().filter_map(addressee) {
            assert!(
                !["gone", "vacant", "cooling", "resting", "retired"].contains(&self.state(worker)),
                "I5: {actions:?}"
            );
        }
    }

    /// As `mp-supervisor`'s `perform`: what an action is answered with follows after the actions that were there before.
    fn perform(&mut self, mut actions: Vec<Action>) {
        let (mut waiting, before) = (VecDeque::new(), self.log.len());
        loop {
            waiting.extend(actions.drain(..));
            let Some(action) = waiting.pop_front() else { break };
            self.log.push(action.clone());
            assert!(self.log.len() - before < ACTIONS_MAX, "it does not come to rest");
            if let Some(event) = self.deed(action) {
                self.step(event, &mut actions);
            }
        }
        self.check();
    }

    fn deed(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Start(worker) => return self.start(worker),
            Action::Weigh(worker) => return Some(Event::Weighed(worker, self.processes.get(&worker)?.bytes)),
            Action::Send { worker, number, spans } => return self.send(worker, number, &spans),
            Action::Inspect(worker) => {
                let seen = self.processes.get_mut(&worker)?.inspect();
                return Some(Event::Inspected(worker, seen));
            }
            Action::Hint(worker, task) => {
                assert!(self.item(task).cancelled, "nobody cancelled {task}");
                self.processes.get_mut(&worker)?.hinted = Some(task);
            }
            Action::Listen(worker) => {
                self.processes.get_mut(&worker)?;
                self.hear(worker);
            }
            Action::Steal { worker, number, most } => {
                let items = self.processes.get_mut(&worker)?.revoke(number, most);
                return Some(Event::Stolen { worker, number, items });
            }
            Action::Last(worker) => assert!(self.scheduler.is_told(worker)),
            Action::Stop(worker) => self.processes.get_mut(&worker)?.stopped = true,
            Action::Terminate(worker) | Action::Kill(worker) if self.threads => {
                return self.bury(worker, WorkerExit::Exited(0));
            }
            Action::Terminate(worker) => self.processes.get_mut(&worker)?.terminated = true,
            Action::Kill(worker) => self.processes.get_mut(&worker)?.killed = true,
            Action::Settle(span, verdict) => self.judged(&span, &verdict),
            Action::Ended(reason) => self.ends.push(reason),
        }
        None
    }

    fn start(&mut self, worker: WorkerId) -> Option<Event> {
        assert!(!self.processes.keys().any(|other| other.slot == worker.slot), "two processes in {worker}");
        let stage = if self.threads { Stage::Silent } else { Stage::Unborn };
        self.processes.insert(worker, Process::new(self.now, stage));
        self.threads.then_some(Event::Born(worker))
    }

    fn send(&mut self, worker: WorkerId, number: u32, spans: &[Span]) -> Option<Event> {
        let items: u32 = spans.iter().map(Span::len).sum();
        assert!((1..=ITEMS_MAX as u32).contains(&items), "{items} items in a frame");
        let weight: u32 = spans.iter().map(|span| span.weight).sum();
        assert!(spans.len() == 1 || weight <= WEIGHT_MAX, "a frame weighs {weight}");
        let most = spans.iter().filter_map(|span| span.terms.chunk).min().map_or(items, u32::from);
        assert!(items <= most, "{items} items in a chunk of {most}");
        let process = self.processes.get_mut(&worker)?;
        assert_eq!(process.stage, Stage::Serving);
        let own = spans.iter().any(|span| span.terms.own);
        assert!(own || worker.slot < self.scheduler.config().workers, "{worker} is one too many");
        assert!(!own || spans.len() == 1, "what is its own comes by itself: {spans:?}");
        if std::mem::take(&mut self.starved) {
            return Some(Event::Unsent { worker, number, reason: "no descriptors".to_owned() });
        }
        process.receive(number, spans);
        std::mem::take(&mut self.jammed).then(|| Event::Broke(worker, "could not be sent work".to_owned()))
    }

    fn judged(&mut self, span: &Span, verdict: &Verdict) {
        let restarts = self.scheduler.config().restart;
        for task in (0..span.len()).map(|offset| span.first.plus(offset)) {
            let ran = self.victim.filter(|victim| victim.0 == task).map(|(_, started)| self.now - started);
            // A thread is left behind with what it had not said.
            let left = self.threads && self.item(task).begun > 0;
            let own = self.item(task).own.is_some();
            match verdict {
                Verdict::Lost(..) => {
                    assert!(left || own || ran.is_some() || !restarts, "{task} is lost and did not run")
                }
                Verdict::TimedOut(after) => assert!(left || ran >= Some(*after), "{task} ran {ran:?} of {after:?}"),
                Verdict::Cancelled => assert!(self.item(task).cancelled, "nobody cancelled {task}"),
                Verdict::Unsendable(_) => {}
                Verdict::Stopped(_) => assert!(*self.scheduler.phase() > Phase::Closing),
            }
            if let Some((ran, foretold)) = &self.foretold
                && *ran == task
                && !matches!(verdict, Verdict::Stopped(_))
            {
                assert_eq!(verdict, foretold, "of {task}");
            }
            self.settle(task, Outcome::None(verdict.clone()));
        }
    }

    fn settle(&mut self, task: TaskId, outcome: Outcome) {
        let before = self.item(task).outcome.replace(outcome);
        assert_eq!(before, None, "I1: {task} had an outcome");
    }

    /// What holds whenever the scheduler is at rest.
    fn check(&self) {
        assert!(self.ends.len() <= 1, "ended twice");
        assert!(self.ends.is_empty() || self.processes.is_empty(), "ended with processes");
        self.check_surplus();
        let idle = self.scheduler.workers().any(|(_, state)| state.name() == "idle");
        assert!(!idle || self.scheduler.waiting() == 0, "work waits, and a worker is free");
        let unborn = |id| self.processes.get(&id).is_none_or(|process| process.stage == Stage::Unborn);
        let waits = |(id, state): (WorkerId, &WorkerState)| match state.name() {
            "starting" => !unborn(id),
            name => name == "cooling",
        };
        let for_ever = self.scheduler.config().start_timeout == Duration::MAX;
        let wakes = for_ever || self.scheduler.next_wake().is_some();
        assert!(wakes || !self.scheduler.workers().any(waits), "nobody will wake it");
    }

    /// Who is one too many is on the way out, or ends what it runs.
    fn check_surplus(&self) {
        let surplus = self.scheduler.workers().skip(self.scheduler.config().workers as usize);
        for (worker, state) in surplus {
            // It was kept for an item of its own, which may have been cancelled since.
            let awaited = |item: &Item| item.own == Some(worker);
            let starts = state.name() == "starting" && self.items.iter().any(awaited);
            let leaves = ["busy", "stopping", "retired"].contains(&state.name());
            assert!(leaves || starts, "{worker} is {}", state.name());
        }
    }
}

fn addressee(action: &Action) -> Option<WorkerId> {
    match action {
        Action::Start(worker)
        | Action::Send { worker, .. }
        | Action::Inspect(worker)
        | Action::Hint(worker, _)
        | Action::Listen(worker)
        | Action::Weigh(worker)
        | Action::Steal { worker, .. }
        | Action::Last(worker)
        | Action::Stop(worker)
        | Action::Terminate(worker)
        | Action::Kill(worker) => Some(*worker),
        Action::Settle(..) | Action::Ended(_) => None,
    }
}
