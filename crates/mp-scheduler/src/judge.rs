//! What a death means: for the item that ran, for those that did not, for the slot and for the pool.
//!
//! Does **not** know how a death is noticed.

use std::time::{Duration, Instant};

use mp_wire::{WorkerExit, WorkerId};

use crate::event::{Action, Verdict};
use crate::load::Load;
use crate::scheduler::{Ending, Scheduler, WorkerState};
use crate::span::Span;

/// What is known of a death: how, and what had begun.
type Death<'a> = (WorkerExit, &'a [(u32, u16)]);

impl Scheduler {
    pub(crate) fn exited(&mut self, now: Instant, worker: WorkerId, death: Death<'_>, actions: &mut Vec<Action>) {
        let Some(slot) = self.slot(worker) else { return };
        let (mut load, why) = match std::mem::replace(&mut slot.state, WorkerState::Vacant) {
            WorkerState::Busy(busy) => (busy.load, None),
            WorkerState::Stopping(stopping) => (stopping.load, Some(stopping.why)),
            WorkerState::Starting { .. } | WorkerState::Idle => (Load::default(), None),
            state @ (WorkerState::Vacant | WorkerState::Cooling { .. } | WorkerState::Retired) => {
                slot.state = state;
                return;
            }
        };
        let ran = load.head_begun(death.1).then(|| load.take_head()).flatten();
        if let Some(item) = ran {
            self.judge(item, verdict(item, worker, death.0, why.as_ref()), actions);
        }
        self.give_on(load.drain(), worker, death.0, actions);
        if !matches!(why, Some(Ending::Asked | Ending::Recycled | Ending::Late(..) | Ending::Cancelled(_))) {
            let cause = cause(worker, death.0, why.as_ref());
            self.count_death(now, worker, (ran.is_some(), cause), actions);
        }
    }

    pub(crate) fn start_failed(&mut self, now: Instant, worker: WorkerId, reason: String, actions: &mut Vec<Action>) {
        let Some(slot) = self.slot(worker) else { return };
        slot.state = WorkerState::Vacant;
        let cause = format!("worker {worker} could not be started: {reason}");
        if self.config.restart {
            self.count_death(now, worker, (false, cause), actions);
        } else {
            self.kill(now, cause, actions);
        }
    }

    /// The one item that ran: tried again if that was agreed, else settled.
    fn judge(&mut self, item: Span, verdict: Verdict, actions: &mut Vec<Action>) {
        let again = match verdict {
            Verdict::Lost(..) | Verdict::TimedOut(_) => item.attempt <= item.terms.retries && self.config.restart,
            Verdict::Cancelled | Verdict::Stopped(_) => false,
        };
        if again {
            self.backlog.push_back(Span { attempt: item.attempt + 1, ..item });
        } else {
            actions.push(Action::Settle(item, verdict));
        }
    }

    /// What never began is given to another; where there is none, it is lost as well.
    fn give_on(&mut self, left: Vec<Span>, worker: WorkerId, exit: WorkerExit, actions: &mut Vec<Action>) {
        if self.config.restart {
            return self.put_back(left);
        }
        let waiting = std::mem::take(&mut self.backlog);
        let all = left.into_iter().chain(waiting);
        actions.extend(all.map(|span| Action::Settle(span, Verdict::Lost(worker, exit))));
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
        let wait = cooling(self.breaker.recent());
        if let Some(slot) = self.slot(worker)
            && matches!(slot.state, WorkerState::Vacant)
            && !wait.is_zero()
        {
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

fn verdict(item: Span, worker: WorkerId, exit: WorkerExit, why: Option<&Ending>) -> Verdict {
    match why {
        Some(Ending::Late(task, after)) if *task == item.first => Verdict::TimedOut(*after),
        Some(Ending::Cancelled(task)) if *task == item.first => Verdict::Cancelled,
        _ => Verdict::Lost(worker, exit),
    }
}

fn cause(worker: WorkerId, exit: WorkerExit, why: Option<&Ending>) -> String {
    match why {
        Some(Ending::Broken(reason)) => format!("worker {worker} {reason} ({exit})"),
        _ => format!("worker {worker} {exit}"),
    }
}
