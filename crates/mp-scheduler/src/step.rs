//! How the states follow each other: one function takes every event.
//!
//! Does **not** know how work is spread (`dispatch`) or what a death means (`judge`).

use std::time::Instant;

use mp_wire::{TaskId, WorkerId};

use crate::event::{Action, Event, Inspection, Verdict};
use crate::scheduler::{Busy, Ending, Phase, Scheduler, Stopping, WorkerState};
use crate::span::Span;

impl Scheduler {
    /// Takes `event`, which happened at `now`; appends to `actions` what is to be done, in order.
    pub fn step(&mut self, now: Instant, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Submit(span) => self.submit(span, actions),
            Event::Ready(worker) => self.ready(worker),
            Event::StartFailed(worker, reason) => self.start_failed(now, worker, reason, actions),
            Event::Broke(worker, reason) => self.broke(worker, reason, actions),
            Event::HungUp(worker) => self.hung_up(now, worker),
            Event::Exited { worker, exit, begun } => self.exited(now, worker, (exit, &begun), actions),
            Event::Inspected(worker, seen) => self.inspected(now, worker, &seen, actions),
            Event::Stolen { worker, number, items } => self.stolen(worker, number, items),
            Event::Tick => self.tick(now, actions),
            Event::Cancel(task) => self.cancel(task, actions),
            Event::Close => self.phase = self.phase.clone().max(Phase::Closing),
            Event::Kill(reason) => self.kill(now, reason, actions),
        }
        self.dispatch(now, actions);
        self.settle_down(now, actions);
    }

    /// The hot path: `worker` has sent its word on `task`. Gives the item, if it is the one whose turn it was; anything
    /// else is no word to be believed (I9).
    pub fn finished(
        &mut self,
        now: Instant,
        worker: WorkerId,
        task: TaskId,
        actions: &mut Vec<Action>,
    ) -> Option<Span> {
        let slot = self.slot(worker)?;
        let (load, busy) = match &mut slot.state {
            WorkerState::Busy(busy) => (&mut busy.load, true),
            WorkerState::Stopping(stopping) => (&mut stopping.load, false),
            _ => return None,
        };
        let before = load.frames();
        let item = load.finish(task)?;
        let credit_came_back = load.frames() < before;
        if busy {
            self.after_item(now, worker, credit_came_back, actions);
        }
        self.breaker.forgive(&self.config.restart_limit);
        Some(item)
    }

    /// The next item's time begins; or the worker is free.
    fn after_item(&mut self, now: Instant, worker: WorkerId, credit_came_back: bool, actions: &mut Vec<Action>) {
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        match busy.load.head() {
            Some(head) => busy.check_at = head.terms.timeout.map(|timeout| now + timeout),
            None => slot.state = WorkerState::Idle,
        }
        if credit_came_back {
            self.dispatch(now, actions);
            self.settle_down(now, actions);
        }
    }

    fn submit(&mut self, span: Span, actions: &mut Vec<Action>) {
        match &self.phase {
            Phase::Open | Phase::Closing => self.backlog.push_back(span),
            Phase::Killing(reason) => actions.push(Action::Settle(span, Verdict::Stopped(reason.clone()))),
            Phase::Ended => actions.push(Action::Settle(span, Verdict::Stopped("pool has ended".to_owned()))),
        }
    }

    fn ready(&mut self, worker: WorkerId) {
        if let Some(slot) = self.slot(worker)
            && matches!(slot.state, WorkerState::Starting { .. })
        {
            slot.state = WorkerState::Idle;
        }
    }

    fn broke(&mut self, worker: WorkerId, reason: String, actions: &mut Vec<Action>) {
        self.end_worker(worker, Ending::Broken(reason), None);
        actions.push(Action::Kill(worker));
    }

    /// It is ending, most probably, and its exit is about to be seen.
    fn hung_up(&mut self, now: Instant, worker: WorkerId) {
        let kill_at = Some(now + self.config.grace);
        if let Some(slot) = self.slot(worker)
            && !matches!(slot.state, WorkerState::Stopping(_))
        {
            self.end_worker(worker, Ending::Broken("closed its line".to_owned()), kill_at);
        }
    }

    /// The worker moves to `Stopping`, with all that it has.
    pub(crate) fn end_worker(&mut self, worker: WorkerId, why: Ending, kill_at: Option<Instant>) {
        let Some(slot) = self.slot(worker) else { return };
        let load = match std::mem::replace(&mut slot.state, WorkerState::Vacant) {
            WorkerState::Busy(Busy { load, .. }) | WorkerState::Stopping(Stopping { load, .. }) => load,
            WorkerState::Starting { .. } | WorkerState::Idle => crate::load::Load::default(),
            state @ (WorkerState::Vacant | WorkerState::Cooling { .. } | WorkerState::Retired) => {
                slot.state = state;
                return;
            }
        };
        slot.state = WorkerState::Stopping(Stopping { load, kill_at, why });
    }

    fn inspected(&mut self, now: Instant, worker: WorkerId, seen: &Inspection, actions: &mut Vec<Action>) {
        let grace = self.config.grace;
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        let mut taken = Vec::new();
        for (number, items) in seen.taken {
            taken.extend(busy.load.revoke(number, items));
        }
        let running = busy.load.running(&seen.begun);
        let cancel = busy.cancel.take();
        busy.check_at = None;
        let ending = match running {
            Some(item) if cancel == Some(item.first) => Some(Ending::Cancelled(item.first)),
            Some(item) => match item.terms.timeout {
                Some(after) if seen.started + after <= now => Some(Ending::Late(item.first, after)),
                timeout => {
                    busy.check_at = timeout.map(|after| seen.started + after);
                    None
                }
            },
            None => None,
        };
        if busy.load.is_empty() {
            slot.state = WorkerState::Idle;
        }
        self.put_back(taken);
        if let Some(task) = cancel {
            self.cancel_waiting(task, actions);
        }
        if let Some(ending) = ending {
            self.end_worker(worker, ending, Some(now + grace));
            actions.push(Action::Terminate(worker));
        }
    }

    fn stolen(&mut self, worker: WorkerId, number: u32, items: u16) {
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        let taken = busy.load.revoke(number, items);
        if busy.load.is_empty() {
            slot.state = WorkerState::Idle;
        }
        self.put_back(taken);
    }

    /// Items that never began go to the front, in their order.
    pub(crate) fn put_back(&mut self, spans: Vec<Span>) {
        spans.into_iter().rev().for_each(|span| self.backlog.push_front(span));
    }

    fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for index in 0..self.slots.len() {
            let worker = self.id(index);
            match &mut self.slots[index].state {
                WorkerState::Starting { deadline } if *deadline <= now => {
                    let reason = format!("no hello within {:?}", self.config.start_timeout);
                    self.broke(worker, reason, actions);
                }
                WorkerState::Busy(busy) if busy.check_at.is_some_and(|at| at <= now) => {
                    busy.check_at = None;
                    actions.push(Action::Inspect(worker));
                }
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
        self.started = true;
    }

    fn cancel(&mut self, task: TaskId, actions: &mut Vec<Action>) {
        if self.cancel_waiting(task, actions) {
            return;
        }
        for index in 0..self.slots.len() {
            let worker = self.id(index);
            if let WorkerState::Busy(busy) = &mut self.slots[index].state
                && busy.load.holds(task)
            {
                busy.cancel = Some(task);
                actions.push(Action::Inspect(worker));
                return;
            }
        }
    }

    fn cancel_waiting(&mut self, task: TaskId, actions: &mut Vec<Action>) -> bool {
        let within = |span: &Span| span.first <= task && task < span.first.plus(span.len());
        let Some(at) = self.backlog.iter().position(within) else { return false };
        let Some(mut after) = self.backlog.remove(at) else { return false };
        let before = after.take_front((task.0 - after.first.0) as u32);
        let item = after.take_front(1);
        for part in [after, before].into_iter().filter(|part| !part.is_empty()) {
            self.backlog.insert(at, part);
        }
        actions.push(Action::Settle(item, Verdict::Cancelled));
        true
    }

    pub(crate) fn kill(&mut self, now: Instant, reason: String, actions: &mut Vec<Action>) {
        if self.phase >= Phase::Killing(String::new()) {
            return;
        }
        for span in std::mem::take(&mut self.backlog) {
            actions.push(Action::Settle(span, Verdict::Stopped(reason.clone())));
        }
        for index in 0..self.slots.len() {
            self.kill_slot(now, index, &reason, actions);
        }
        self.phase = Phase::Killing(reason);
    }

    fn kill_slot(&mut self, now: Instant, index: usize, reason: &str, actions: &mut Vec<Action>) {
        let (worker, kill_at) = (self.id(index), Some(now + self.config.grace));
        match &self.slots[index].state {
            WorkerState::Vacant | WorkerState::Cooling { .. } => self.slots[index].state = WorkerState::Retired,
            WorkerState::Retired => {}
            WorkerState::Starting { .. } => {
                self.end_worker(worker, Ending::Asked, None);
                actions.push(Action::Kill(worker));
            }
            WorkerState::Idle | WorkerState::Busy(_) | WorkerState::Stopping(_) => {
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
