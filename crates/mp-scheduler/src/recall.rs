//! What is taken back from a worker that lives: because it was looked at, because another has nothing to do, or because
//! somebody cancelled it.
//!
//! Does **not** know how it is taken back: an item that has begun never is, and that is all that is needed here.

use std::time::Instant;

use mp_wire::{TaskId, WorkerId};

use crate::event::{Action, Inspection, Verdict};
use crate::scheduler::Scheduler;
use crate::slot::{Busy, Ending, PATIENCE, Slot, WorkerState};
use crate::span::Span;

impl Scheduler {
    pub(crate) fn inspected(&mut self, now: Instant, worker: WorkerId, seen: &Inspection, actions: &mut Vec<Action>) {
        let until = now.checked_add(self.config.grace);
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        let has_begun = seen.begun.iter().any(|(_, items)| *items > 0);
        slot.begin_by.take_if(|_| has_begun);
        if std::mem::take(&mut busy.due) && !has_begun {
            let limit = self.config.start_timeout;
            return self.broke(worker, format!("began nothing within {limit:?}"), actions);
        }
        if slot.begin_by.is_some() {
            // It may still be on its way to its first item.
            busy.sighting = None;
        }
        let taken = busy.load.revoke_all(&seen.taken);
        let cancel = busy.cancel.take();
        let next = busy.look((now, until), seen, cancel);
        busy.cancelled.extend(cancel.filter(|task| busy.load.holds(*task)));
        slot.give_back(&taken);
        self.put_back(worker, taken);
        if let Some(task) = cancel {
            self.cancel_waiting(task, actions);
        }
        match next {
            Next::On => {}
            Next::Hint(task) => actions.push(Action::Hint(worker, task)),
            Next::End(ending) => {
                self.end_worker(worker, ending, until);
                actions.push(Action::Terminate(worker));
            }
        }
    }

    pub(crate) fn stolen(&mut self, now: Instant, worker: WorkerId, (number, items): (u32, u16)) {
        let Some(slot) = self.slot(worker) else { return };
        let WorkerState::Busy(busy) = &mut slot.state else { return };
        if items == 0 {
            return busy.load.has_begun(number);
        }
        let head = busy.load.head();
        let taken = busy.load.revoke(number, items);
        if busy.load.head() != head {
            busy.watch(now);
        }
        slot.give_back(&taken);
        self.put_back(worker, taken);
    }

    /// What could not be sent would not be sent a moment later either: its items end here, so that nobody waits for a system
    /// that may never have what they need. (Such a frame has one item: see `Span::weight`.)
    pub(crate) fn unsent(
        &mut self,
        now: Instant,
        worker: WorkerId,
        (number, reason): (u32, String),
        actions: &mut Vec<Action>,
    ) {
        let Some(slot) = self.slot(worker) else { return };
        let load = match &mut slot.state {
            WorkerState::Busy(busy) => &mut busy.load,
            WorkerState::Stopping(stopping) => &mut stopping.load,
            _ => return,
        };
        let spans = load.withdraw(number);
        // Two frames in flight must not share a claim word: the number is used by the next one, if it was the last.
        if slot.next_frame == number.wrapping_add(1) {
            slot.next_frame = number;
        }
        if let WorkerState::Busy(busy) = &mut slot.state {
            busy.watch(now);
        }
        slot.give_back(&spans);
        actions.extend(spans.into_iter().map(|span| Action::Settle(span, Verdict::Unsendable(reason.clone()))));
    }

    pub(crate) fn cancel(&mut self, task: TaskId, actions: &mut Vec<Action>) {
        if self.cancel_waiting(task, actions) {
            return;
        }
        for index in 0..self.slots.len() {
            let worker = self.id(index);
            match &mut self.slots[index].state {
                WorkerState::Busy(busy) if busy.load.holds(task) => {
                    busy.cancel = Some(task);
                    return actions.push(Action::Inspect(worker));
                }
                WorkerState::Stopping(stopping) if stopping.load.holds(task) => {
                    return stopping.cancelled.push(task);
                }
                _ => {}
            }
        }
    }

    /// Gives whether it waited.
    pub(crate) fn cancel_waiting(&mut self, task: TaskId, actions: &mut Vec<Action>) -> bool {
        if let Some(item) = self.later.take(task) {
            actions.push(Action::Settle(item, Verdict::Cancelled));
            return true;
        }
        let Some(item) = self.backlog.take(task).or_else(|| self.take_own(task)) else { return false };
        actions.push(Action::Settle(item, Verdict::Cancelled));
        true
    }
}

/// What is to become of what a worker runs.
enum Next {
    /// It goes on.
    On,
    /// It is told that it is cancelled.
    Hint(TaskId),
    /// Its worker is ended.
    End(Ending),
}

impl Busy {
    /// What is to become of what it runs; if it goes on, when to look again.
    fn look(&mut self, (now, until): (Instant, Option<Instant>), seen: &Inspection, cancel: Option<TaskId>) -> Next {
        let running = self.load.running(&seen.begun);
        let known = self.sighted(now, running.map(|item| item.first));
        let Some(item) = running else {
            // What is left was not sent yet when it was looked at; or it lies.
            self.watch(now);
            self.hinted = None;
            let lies = !self.load.is_empty() && known + PATIENCE <= now;
            let ending = || Ending::Broken(format!("ran nothing and said nothing for {PATIENCE:?}"));
            return if lies { Next::End(ending()) } else { Next::On };
        };
        // It had begun when it was seen to run, whatever it says of itself (I9).
        let started = seen.started.min(known + PATIENCE);
        let limit = item.terms.timeout.and_then(|after| Some((after, started.checked_add(after)?)));
        self.check_at = limit.map(|(_, at)| at);
        self.hinted = self.hinted.filter(|(task, _)| *task == item.first);
        let late = limit.filter(|(_, at)| *at <= now);
        match (self.hinted, late) {
            (Some((_, until)), None) if now < until => Next::On,
            (Some(_), _) => Next::End(Ending::Cancelled(item.first)),
            (None, _) if cancel == Some(item.first) => self.cancelled(item.first, until, seen.asked),
            (None, Some((after, _))) => Next::End(Ending::Late(item.first, after)),
            (None, None) => Next::On,
        }
    }

    /// An item that has asked before will ask again, and is given the grace to end by itself.
    fn cancelled(&mut self, task: TaskId, until: Option<Instant>, asked: Option<TaskId>) -> Next {
        match until.filter(|_| asked == Some(task)) {
            Some(until) => {
                self.hinted = Some((task, until));
                Next::Hint(task)
            }
            None => Next::End(Ending::Cancelled(task)),
        }
    }
}

impl Busy {
    /// It is seen to run this now; gives since when that is known.
    fn sighted(&mut self, now: Instant, running: Option<TaskId>) -> Instant {
        let known = self.sighting.filter(|(before, _)| *before == running).map_or(now, |(_, since)| since);
        self.sighting = Some((running, known));
        known
    }
}

impl Slot {
    /// It will not run these, and is free if it had no others.
    fn give_back(&mut self, taken: &[Span]) {
        let items: u32 = taken.iter().map(Span::len).sum();
        self.sent = self.sent.saturating_sub(items);
        // A worker from whom something was taken back takes no word that it gets nothing more for the last.
        self.told &= taken.is_empty();
        if let WorkerState::Busy(busy) = &mut self.state {
            busy.keeps &= taken.is_empty();
        }
        self.idle_if_empty();
    }

    pub(crate) fn idle_if_empty(&mut self) {
        if matches!(&self.state, WorkerState::Busy(busy) if busy.load.is_empty()) {
            self.state = WorkerState::Idle { rest_at: None };
        }
    }
}
