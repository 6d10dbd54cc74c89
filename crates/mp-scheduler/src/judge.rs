//! What a death means: for the item that ran, for those that did not, for the slot and for the pool.
//!
//! Does **not** know how a death is noticed.

use std::time::{Duration, Instant};

use mp_wire::{TaskId, WorkerExit, WorkerId};

use crate::config::RestartLimit;
use crate::event::{Action, Verdict};
use crate::load::Load;
use crate::scheduler::{Phase, Scheduler};
use crate::slot::{Busy, Ending, Stopping, WorkerState};
use crate::span::Span;

/// What is known of a death: how, and what had begun.
type Death<'a> = (WorkerExit, &'a [(u32, u16)]);

/// What a worker leaves behind.
#[derive(Default)]
struct Remains {
    load: Load,
    /// Why it was to end, if it was.
    why: Option<Ending>,
    cancelled: Vec<TaskId>,
}

impl Scheduler {
    pub(crate) fn exited(&mut self, now: Instant, worker: WorkerId, death: Death<'_>, actions: &mut Vec<Action>) {
        let Some(mut remains) = self.vacate(worker) else { return };
        let begun = remains.load.take_begun(death.1);
        for item in &begun {
            let verdict = verdict(remains.why.as_ref(), &remains.cancelled, (item.first, worker, death.0));
            self.judge(now, *item, verdict, actions);
        }
        let left = self.lose_own(remains.load.drain(), (worker, death.0), actions);
        self.give_on(left, worker, death.0, actions);
        for task in std::mem::take(&mut remains.cancelled) {
            self.cancel_waiting(task, actions);
        }
        if remains.why == Some(Ending::Unused) {
            self.rest(worker);
        }
        let Some(cause) = remains.cause(worker, death.0) else { return };
        self.deaths += 1;
        if matches!(remains.why, Some(Ending::Unprepared(_))) {
            self.count_false_start(now, worker, cause, actions);
        } else {
            self.count_death(now, worker, (!begun.is_empty(), cause), actions);
        }
    }

    /// What the end of `worker` means for an item that it runs, whether that is tried again or not. To be asked before the
    /// end is handed in.
    #[must_use]
    pub fn verdict(&self, worker: WorkerId, item: TaskId, exit: WorkerExit) -> Verdict {
        if let Phase::Killing(reason) = &self.phase
            && !self.holds(worker, item)
        {
            return Verdict::Stopped(reason.clone());
        }
        let (why, cancelled) = match self.state_of(worker) {
            Some(WorkerState::Busy(busy)) => (None, busy.cancelled.as_slice()),
            Some(WorkerState::Stopping(stopping)) => (Some(&stopping.why), stopping.cancelled.as_slice()),
            _ => (None, [].as_slice()),
        };
        verdict(why, cancelled, (item, worker, exit))
    }

    /// One that ended for want of work is not replaced before there is some.
    fn rest(&mut self, worker: WorkerId) {
        if let Some(slot) = self.slot(worker) {
            slot.state = WorkerState::Resting;
        }
    }

    /// The slot of a worker that is gone is free. Gives what the worker had.
    fn vacate(&mut self, worker: WorkerId) -> Option<Remains> {
        let slot = self.slot(worker)?;
        slot.begin_by = None;
        match std::mem::replace(&mut slot.state, WorkerState::Vacant) {
            state @ WorkerState::Starting { .. } if state.is_preparing() => {
                let why = Ending::Unprepared("ended before its initializer had".to_owned());
                Some(Remains { why: Some(why), ..Remains::default() })
            }
            WorkerState::Starting { .. } | WorkerState::Idle { .. } => Some(Remains::default()),
            WorkerState::Busy(Busy { load, cancelled, .. }) => Some(Remains { load, cancelled, ..Remains::default() }),
            WorkerState::Stopping(Stopping { load, why, cancelled, .. }) => {
                Some(Remains { load, why: Some(why), cancelled })
            }
            state @ (WorkerState::Vacant
            | WorkerState::Cooling { .. }
            | WorkerState::Resting
            | WorkerState::Retired) => {
                slot.state = state;
                None
            }
        }
    }

    pub(crate) fn start_failed(&mut self, now: Instant, worker: WorkerId, reason: String, actions: &mut Vec<Action>) {
        if self.vacate(worker).is_none() {
            return;
        }
        self.lose_own(Vec::new(), (worker, WorkerExit::Unknown), actions);
        let cause = format!("worker {worker} could not be started: {reason}");
        if self.config.restart {
            self.count_death(now, worker, (false, cause), actions);
        } else {
            self.kill(now, cause, actions);
        }
    }

    /// An item that ran: tried again if that was agreed, else settled.
    fn judge(&mut self, now: Instant, item: Span, verdict: Verdict, actions: &mut Vec<Action>) {
        if item.terms.retry.covers(&verdict, item.attempt) && self.retries() && self.has_others() {
            self.again(now, item);
        } else {
            actions.push(Action::Settle(item, verdict));
        }
    }

    /// An item is tried once more, at once or after a pause.
    pub(crate) fn again(&mut self, now: Instant, item: Span) {
        let pause = item.terms.retry.delay(item.attempt);
        let next = Span { attempt: item.attempt + 1, ..item };
        if pause.is_zero() {
            self.backlog.push_back(next);
        } else {
            self.later.put(now + pause, next);
        }
    }

    /// What never began is given to another; where there is none, it is lost as well.
    fn give_on(&mut self, left: Vec<Span>, worker: WorkerId, exit: WorkerExit, actions: &mut Vec<Action>) {
        if self.has_others() {
            return self.put_back(worker, left);
        }
        let waiting = self.backlog.drain();
        let all = left.into_iter().chain(waiting).chain(self.later.drain());
        actions.extend(all.map(|span| Action::Settle(span, Verdict::Lost(worker, exit))));
    }

    /// Whether anybody is there, or will be, to run what a dead worker did not.
    fn has_others(&self) -> bool {
        self.config.restart || self.slots.iter().any(|slot| slot.state.is_alive())
    }

    fn count_death(&mut self, now: Instant, worker: WorkerId, death: (bool, String), actions: &mut Vec<Action>) {
        let (ended_an_attempt, cause) = death;
        let limit = self.config.restart_limit;
        if !self.config.restart || (ended_an_attempt && !limit.count_task_deaths) {
            return;
        }
        let text = format!("more than {} workers died within {:?}, the first: {{}}", limit.deaths, limit.period);
        if let Some(first) = self.breaker.count(now, &limit, cause) {
            return self.kill(now, text.replace("{}", &first), actions);
        }
        self.cool(now, worker, self.breaker.recent());
    }

    /// A worker whose initializer failed: no task is to blame, and the next one is no better for another's success with
    /// tasks. So these are counted by themselves, until one is ready.
    fn count_false_start(&mut self, now: Instant, worker: WorkerId, cause: String, actions: &mut Vec<Action>) {
        if !self.config.restart {
            return self.kill(now, cause, actions);
        }
        let limit = RestartLimit { period: Duration::MAX, ..self.config.restart_limit };
        let text = format!("more than {} workers in a row could not be initialized, the first: ", limit.deaths);
        if let Some(first) = self.false_starts.count(now, &limit, cause) {
            return self.kill(now, text + &first, actions);
        }
        self.cool(now, worker, self.false_starts.recent());
    }

    fn cool(&mut self, now: Instant, worker: WorkerId, recent: u32) {
        let Some(slot) = self.slot(worker) else { return };
        slot.barren = slot.barren.saturating_add(1);
        let wait = cooling(recent.max(slot.barren));
        if matches!(slot.state, WorkerState::Vacant) && !wait.is_zero() {
            slot.state = WorkerState::Cooling { restart_at: now + wait };
        }
    }
}

/// The first one is replaced at once; who dies again and again waits up to 200 ms.
fn cooling(recent: u32) -> Duration {
    match recent {
        0 | 1 => Duration::ZERO,
        n => Duration::from_millis(5 << n.min(6)).min(Duration::from_millis(200)),
    }
}

/// What the end of a worker means for an item that it ran.
fn verdict(
    why: Option<&Ending>,
    cancelled: &[TaskId],
    (item, worker, exit): (TaskId, WorkerId, WorkerExit),
) -> Verdict {
    match why {
        _ if cancelled.contains(&item) => Verdict::Cancelled,
        Some(Ending::Late(task, after)) if *task == item => Verdict::TimedOut(*after),
        Some(Ending::Cancelled(task)) if *task == item => Verdict::Cancelled,
        _ => Verdict::Lost(worker, exit),
    }
}

impl Remains {
    /// What to say of a death that nobody asked for.
    fn cause(&self, worker: WorkerId, exit: WorkerExit) -> Option<String> {
        match &self.why {
            None => Some(format!("worker {worker} {exit}")),
            Some(Ending::Broken(reason) | Ending::Unprepared(reason)) => {
                Some(format!("worker {worker} {reason} ({exit})"))
            }
            Some(Ending::Asked | Ending::Recycled | Ending::Unused | Ending::Late(..) | Ending::Cancelled(_)) => None,
        }
    }
}
