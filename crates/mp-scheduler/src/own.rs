//! Work for one worker and no other, as a broadcast gives it to each: it waits with its worker, and ends with it.
//!
//! Does **not** know who gave it, nor that others got the same.
//!
//! ```text
//!  backlog:   [ a b c .. ] ─────────▶ whoever is free
//!  slot 0:    own [ x ] ─▶ 0.1        before the backlog, in a frame of its own that nobody steals
//!  slot 1:    own [ y ] ─▶ 1.4        1.4 dies: y is lost, and 1.5 never hears of it
//! ```
//!
//! What is submitted after it is sent to its worker after it: so a worker runs it before all that came later.

use std::collections::VecDeque;
use std::time::Instant;

use mp_wire::frame::CREDITS;
use mp_wire::{TaskId, WorkerExit, WorkerId};

use crate::event::{Action, Verdict};
use crate::retry::Retry;
use crate::scheduler::Scheduler;
use crate::slot::{Slot, WorkerState};
use crate::span::{Span, Terms};

impl Scheduler {
    /// The workers that would run work of their own: all that are there or on their way, in the order of their slots. Not those
    /// who are one too many, or about to end.
    pub fn audience(&self) -> impl Iterator<Item = WorkerId> {
        let slots = 0..self.slots.len().min(self.config.workers as usize);
        slots.filter(|index| self.slots[*index].state.takes_own()).map(|index| self.id(index))
    }

    /// `span` is for `worker`, and is run once: by another it would be another item.
    pub(crate) fn submit_to(&mut self, worker: WorkerId, span: Span, actions: &mut Vec<Action>) {
        if let Some(reason) = self.refusal() {
            return actions.push(Action::Settle(span, Verdict::Stopped(reason)));
        }
        let terms = Terms { own: true, retry: Retry::default(), chunk: None, ..span.terms };
        match self.slot(worker).filter(|slot| slot.state.takes_own()) {
            Some(slot) => slot.own.push_back(Span { terms, ..span }),
            None => actions.push(Action::Settle(span, Verdict::Lost(worker, WorkerExit::Unknown))),
        }
    }

    /// Afterwards a worker has been sent all that is its own, or has no credit left. It gets this whatever else it may not get:
    /// there is nobody who could run it instead.
    pub(crate) fn send_own(&mut self, now: Instant, index: usize, actions: &mut Vec<Action>) {
        while self.slots[index].has_credit()
            && let Some(span) = self.slots[index].own.pop_front()
        {
            self.send_frame(now, index, vec![span], actions);
        }
    }

    /// Items that never began go before all that are as urgent, in their order; what is its own stays with `worker`.
    pub(crate) fn put_back(&mut self, worker: WorkerId, spans: Vec<Span>) {
        for span in spans.into_iter().rev() {
            match self.slot(worker).filter(|_| span.terms.own) {
                Some(slot) => slot.own.push_front(span),
                None => self.backlog.push_front(span),
            }
        }
    }

    /// A worker is gone, and with it what was its own: gives what others can run.
    pub(crate) fn lose_own(
        &mut self,
        left: Vec<Span>,
        (worker, exit): (WorkerId, WorkerExit),
        actions: &mut Vec<Action>,
    ) -> Vec<Span> {
        let (sent, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|span| span.terms.own);
        let waiting = self.slot(worker).map(|slot| std::mem::take(&mut slot.own)).unwrap_or_default();
        actions.extend(sent.into_iter().chain(waiting).map(|span| Action::Settle(span, Verdict::Lost(worker, exit))));
        others
    }

    /// Nothing more begins: takes out all that waits with its worker.
    pub(crate) fn drain_own(&mut self) -> Vec<Span> {
        self.slots.iter_mut().flat_map(|slot| std::mem::take(&mut slot.own)).collect()
    }

    /// Takes out this one, if it waits with its worker. It is an item by itself.
    pub(crate) fn take_own(&mut self, task: TaskId) -> Option<Span> {
        let of = |own: &mut VecDeque<Span>| {
            let at = own.iter().position(|span| span.first == task)?;
            own.remove(at)
        };
        self.slots.iter_mut().find_map(|slot| of(&mut slot.own))
    }
}

impl Slot {
    /// Whether it is ready, and one frame more may be sent to it (I3).
    fn has_credit(&self) -> bool {
        match &self.state {
            WorkerState::Idle { .. } => true,
            WorkerState::Busy(busy) => busy.load.frames() < CREDITS,
            WorkerState::Vacant
            | WorkerState::Starting { .. }
            | WorkerState::Stopping(_)
            | WorkerState::Cooling { .. }
            | WorkerState::Resting
            | WorkerState::Retired => false,
        }
    }
}

impl WorkerState {
    /// Whether work of its own will be run here, as far as can be known.
    fn takes_own(&self) -> bool {
        match self {
            Self::Starting { .. } | Self::Idle { .. } | Self::Busy(_) => true,
            Self::Vacant | Self::Stopping(_) | Self::Cooling { .. } | Self::Resting | Self::Retired => false,
        }
    }
}
