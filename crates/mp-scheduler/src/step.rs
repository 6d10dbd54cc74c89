//! How the states follow each other: one function takes every event.
//!
//! Does **not** know how work is spread (`dispatch`) and taken back (`recall`), or what a death means (`judge`).

use std::time::{Duration, Instant};

use mp_wire::{TaskId, WorkerId};

use crate::event::{Action, Event, Verdict};
use crate::load::Load;
use crate::scheduler::{Phase, Scheduler};
use crate::slot::{Busy, Ending, Stopping, WorkerState};
use crate::span::Span;

impl Scheduler {
    /// Takes `event`, which happened at `now`; appends to `actions` what is to be done, in order.
    pub fn step(&mut self, now: Instant, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Submit(span) => return self.submit(now, span, actions),
            Event::SubmitTo(worker, span) => self.submit_to(worker, span, actions),
            Event::Born(worker) => self.born(now, worker),
            Event::Trusted(worker) => self.trusted(now, worker),
            Event::Hello(worker) => self.hello(now, worker),
            Event::Prepared(worker) => self.prepared(worker, actions),
            Event::StartFailed(worker, reason) => self.start_failed(now, worker, reason, actions),
            Event::Unprepared(worker, reason) => self.unprepared(now, worker, reason, actions),
            Event::Broke(worker, reason) => self.broke(worker, reason, actions),
            Event::Walked(worker, number) => self.walked(worker, number),
            Event::HungUp(worker) => self.hung_up(now, worker),
            Event::Exited { worker, exit, begun } => self.exited(now, worker, (exit, &begun), actions),
            Event::Inspected(worker, seen) => self.inspected(now, worker, &seen, actions),
            Event::Weighed(worker, bytes) => self.weighed(worker, bytes, actions),
            Event::Stolen { worker, number, items } => self.stolen(now, worker, (number, items)),
            Event::Unsent { worker, number, reason } => self.unsent(now, worker, (number, reason), actions),
            Event::Tick => self.tick(now, actions),
            Event::Cancel(task) => self.cancel(task, actions),
            Event::Resize(workers) => self.resize(workers, actions),
            Event::Stop(reason) => self.stop_waiting(reason, actions),
            Event::Close => self.phase = self.phase.clone().max(Phase::Closing),
            Event::Kill(reason) => self.kill(now, reason, actions),
        }
        self.dispatch(now, actions);
        self.settle_down(now, actions);
    }

    /// The hot path: `worker` has sent its word on `count` tasks from `first` on. Gives those items that are of one job, from
    /// the first on, if it is the one whose turn it was; anything else is no word to be believed (I9).
    pub fn finished(
        &mut self,
        now: Instant,
        worker: WorkerId,
        (first, count): (TaskId, u32),
        actions: &mut Vec<Action>,
    ) -> Option<Span> {
        let (items, credit_came_back) = self.accept(worker, (first, count))?;
        self.after_item(now, worker, credit_came_back, actions);
        Some(items)
    }

    /// As [`Scheduler::finished`], of one task that panicked. Gives the item, and whether that is the last word on it: if not,
    /// it is tried again.
    pub fn panicked(
        &mut self,
        now: Instant,
        worker: WorkerId,
        task: TaskId,
        actions: &mut Vec<Action>,
    ) -> Option<(Span, bool)> {
        let (item, credit_came_back) = self.accept(worker, (task, 1))?;
        let again = item.terms.retry.after_panic(item.attempt) && self.retries() && !self.is_cancelled(worker, task);
        if again {
            self.again(now, item);
        }
        self.after_item(now, worker, credit_came_back, actions);
        if again {
            self.dispatch(now, actions);
            self.settle_down(now, actions);
        }
        Some((item, !again))
    }

    /// Whether this item of a worker is to end for good.
    fn is_cancelled(&mut self, worker: WorkerId, task: TaskId) -> bool {
        match self.slot(worker).map(|slot| &slot.state) {
            Some(WorkerState::Busy(busy)) => busy.cancelled.contains(&task),
            Some(WorkerState::Stopping(stopping)) => {
                stopping.why == Ending::Cancelled(task) || stopping.cancelled.contains(&task)
            }
            _ => false,
        }
    }

    /// Takes items from the front of what a worker has. Gives them, and whether a credit came back.
    fn accept(&mut self, worker: WorkerId, (first, count): (TaskId, u32)) -> Option<(Span, bool)> {
        let slot = self.slot(worker)?;
        let load = match &mut slot.state {
            WorkerState::Busy(busy) => &mut busy.load,
            WorkerState::Stopping(stopping) => &mut stopping.load,
            _ => return None,
        };
        let before = load.frames();
        let items = load.finish(first, count)?;
        let credit_came_back = load.frames() < before;
        slot.barren = 0;
        self.breaker.forgive(&self.config.restart_limit);
        Some((items, credit_came_back))
    }

    /// `items` tasks have run for `spent`, together.
    pub fn ran(&mut self, items: u32, spent: Duration) {
        self.pace.ran(items, spent);
    }

    /// The next item's time begins; or the worker is free.
    fn after_item(&mut self, now: Instant, worker: WorkerId, credit_came_back: bool, actions: &mut Vec<Action>) {
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        if busy.load.is_empty() {
            slot.state = WorkerState::Idle { rest_at: None };
        } else {
            busy.sighting = None;
            busy.watch(now);
        }
        if credit_came_back {
            self.weigh(worker, actions);
            self.serve(now, worker.slot as usize, actions);
        }
    }

    fn submit(&mut self, now: Instant, span: Span, actions: &mut Vec<Action>) {
        let queue = !self.backlog.is_empty();
        match self.refusal() {
            None => self.backlog.push_back(span),
            Some(reason) => actions.push(Action::Settle(span, Verdict::Stopped(reason))),
        }
        // Where others wait already, nobody is free.
        if !queue {
            self.dispatch(now, actions);
        }
        if self.may_wake_more() {
            self.settle_down(now, actions);
        }
    }

    /// Why nothing more begins, if so.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &self.phase {
            Phase::Open | Phase::Closing => None,
            Phase::Stopping(reason) | Phase::Killing(reason) => Some(reason.clone()),
            Phase::Ended(reason) => Some(reason.clone().unwrap_or_else(|| "pool has ended".to_owned())),
        }
    }

    pub(crate) fn broke(&mut self, worker: WorkerId, reason: String, actions: &mut Vec<Action>) {
        if self.slot(worker).is_some_and(|slot| slot.state.is_alive()) {
            self.end_worker(worker, Ending::Broken(reason), None);
            actions.push(Action::Kill(worker));
        }
    }

    fn walked(&mut self, worker: WorkerId, number: u32) {
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        busy.load.walked(number);
        busy.sighting = None;
        slot.idle_if_empty();
    }

    /// The worker moves to `Stopping`, with all that it has. Of several reasons, the first is what it ends of.
    pub(crate) fn end_worker(&mut self, worker: WorkerId, why: Ending, kill_at: Option<Instant>) {
        let Some(slot) = self.slot(worker) else { return };
        let stopping = |load, cancelled| WorkerState::Stopping(Stopping { load, kill_at, why, cancelled });
        slot.state = match std::mem::replace(&mut slot.state, WorkerState::Vacant) {
            WorkerState::Busy(Busy { load, cancelled, .. }) => stopping(load, cancelled),
            WorkerState::Starting { .. } | WorkerState::Idle { .. } => stopping(Load::default(), Vec::new()),
            WorkerState::Stopping(before) => WorkerState::Stopping(Stopping { kill_at, ..before }),
            state @ (WorkerState::Vacant
            | WorkerState::Cooling { .. }
            | WorkerState::Resting
            | WorkerState::Retired) => state,
        };
    }

    fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for index in 0..self.slots.len() {
            let worker = self.id(index);
            self.look_whether_begun(now, worker, actions);
            match &mut self.slots[index].state {
                WorkerState::Starting { stage, deadline } if deadline.is_some_and(|at| at <= now) => {
                    let stage = *stage;
                    self.overdue(worker, stage, actions);
                }
                WorkerState::Idle { rest_at } if rest_at.is_some_and(|at| at <= now) => {
                    self.stop(now, worker, Ending::Unused, actions);
                }
                WorkerState::Busy(busy) => busy.tick(now, worker, actions),
                WorkerState::Stopping(stopping) if stopping.kill_at.is_some_and(|at| at <= now) => {
                    stopping.kill_at = None;
                    actions.push(Action::Kill(worker));
                }
                WorkerState::Cooling { restart_at } if *restart_at <= now => {
                    self.slots[index].state = WorkerState::Vacant;
                }
                _ => {}
            }
        }
        while let Some(span) = self.later.pop_due(now) {
            self.backlog.push_back(span);
        }
        self.started = true;
    }

    pub(crate) fn kill(&mut self, now: Instant, reason: String, actions: &mut Vec<Action>) {
        if self.phase >= Phase::Killing(String::new()) {
            return;
        }
        let waiting = self.backlog.drain().into_iter().chain(self.later.drain());
        for span in waiting.chain(self.drain_own()) {
            actions.push(Action::Settle(span, Verdict::Stopped(reason.clone())));
        }
        for index in 0..self.slots.len() {
            self.kill_slot(now, index, &reason, actions);
        }
        self.phase = Phase::Killing(reason);
    }

    fn kill_slot(&mut self, now: Instant, index: usize, reason: &str, actions: &mut Vec<Action>) {
        let (worker, kill_at) = (self.id(index), now.checked_add(self.config.grace));
        match &self.slots[index].state {
            WorkerState::Vacant | WorkerState::Cooling { .. } | WorkerState::Resting => {
                self.slots[index].state = WorkerState::Retired;
            }
            WorkerState::Retired => {}
            WorkerState::Starting { .. } => {
                self.end_worker(worker, Ending::Asked, None);
                actions.push(Action::Kill(worker));
            }
            WorkerState::Idle { .. } | WorkerState::Busy(_) | WorkerState::Stopping(_) => {
                self.end_worker(worker, Ending::Asked, kill_at);
                actions.push(Action::Terminate(worker));
            }
        }
        if let WorkerState::Stopping(stopping) = &mut self.slots[index].state {
            let left = stopping.load.drain();
            actions.extend(left.into_iter().map(|span| Action::Settle(span, Verdict::Stopped(reason.to_owned()))));
        }
    }
}
