//! How a worker comes to be ready: ordered, born, greeted, prepared; and what follows where one of these takes too long.
//!
//! Does **not** know how a worker is made, nor what an initializer does.
//!
//! ```text
//!            born                hello                  prepared
//!  Ordered ────────▶ Born ─────────────────▶ Preparing ───────────▶ Idle
//!  no limit:         start_timeout │          initializer's limit
//!  the queue of      no initializer└──────────────────────────────▶ Idle
//!  who makes it
//!          trusted
//!  Ordered ───────▶ Idle, has work at once, which it is to begin within start_timeout
//! ```

use std::time::Instant;

use mp_wire::WorkerId;

use crate::event::Action;
use crate::scheduler::Scheduler;
use crate::slot::{Ending, Stage, WorkerState};

impl Scheduler {
    /// Its clock starts.
    pub(crate) fn born(&mut self, now: Instant, worker: WorkerId) {
        let limit = now.checked_add(self.config.start_timeout);
        if let Some(slot) = self.slot(worker)
            && matches!(slot.state, WorkerState::Starting { stage: Stage::Ordered, .. })
        {
            slot.state = WorkerState::Starting { stage: Stage::Born, deadline: limit };
        }
    }

    /// It counts as ready, if it has nothing to run first; its clock starts all the same, and stops when it begins its work.
    pub(crate) fn trusted(&mut self, now: Instant, worker: WorkerId) {
        self.born(now, worker);
        if self.config.initializer.is_none()
            && let Some(slot) = self.slot(worker)
            && let WorkerState::Starting { deadline, .. } = slot.state
        {
            (slot.state, slot.begin_by) = (WorkerState::Idle { rest_at: None }, deadline);
        }
    }

    /// It is who it should be. A second hello changes nothing.
    pub(crate) fn hello(&mut self, now: Instant, worker: WorkerId) {
        let initializer = self.config.initializer;
        let Some(slot) = self.slot(worker) else { return };
        slot.begin_by = None;
        match (&slot.state, initializer) {
            (WorkerState::Starting { stage: Stage::Ordered | Stage::Born, .. }, Some(limit)) => {
                let deadline = now.checked_add(limit);
                slot.state = WorkerState::Starting { stage: Stage::Preparing, deadline };
            }
            (WorkerState::Starting { .. }, None) => slot.state = WorkerState::Idle { rest_at: None },
            _ => {}
        }
    }

    /// It is ready, if it has said who it is (I9).
    pub(crate) fn prepared(&mut self, worker: WorkerId, actions: &mut Vec<Action>) {
        let Some(slot) = self.slot(worker) else { return };
        if slot.state.is_preparing() {
            slot.state = WorkerState::Idle { rest_at: None };
            self.false_starts.clear();
        } else if !matches!(slot.state, WorkerState::Stopping(_)) {
            self.broke(worker, "spoke of an initializer out of turn".to_owned(), actions);
        }
    }

    /// It never was ready, and never will be. Of one that was ready it is no word to be believed (I9).
    pub(crate) fn unprepared(&mut self, now: Instant, worker: WorkerId, reason: String, actions: &mut Vec<Action>) {
        let kill_at = now.checked_add(self.config.grace);
        match self.slot(worker).map(|slot| &slot.state) {
            // It is ending by itself.
            Some(WorkerState::Starting { stage: Stage::Preparing, .. }) => {
                self.end_worker(worker, Ending::Unprepared(reason), kill_at);
            }
            Some(WorkerState::Starting { .. } | WorkerState::Idle { .. } | WorkerState::Busy(_)) => {
                self.broke(worker, reason, actions);
            }
            Some(
                WorkerState::Stopping(_)
                | WorkerState::Vacant
                | WorkerState::Cooling { .. }
                | WorkerState::Resting
                | WorkerState::Retired,
            )
            | None => {}
        }
    }

    /// It is ending, most probably, and its exit is about to be seen.
    pub(crate) fn hung_up(&mut self, now: Instant, worker: WorkerId) {
        let kill_at = now.checked_add(self.config.grace);
        if let Some(slot) = self.slot(worker)
            && !matches!(slot.state, WorkerState::Stopping(_))
        {
            let why = if slot.state.is_preparing() {
                Ending::Unprepared("ended before its initializer had".to_owned())
            } else {
                Ending::Broken("closed its line".to_owned())
            };
            self.end_worker(worker, why, kill_at);
        }
    }

    /// It should have begun something by now.
    pub(crate) fn look_whether_begun(&mut self, now: Instant, worker: WorkerId, actions: &mut Vec<Action>) {
        let Some(slot) = self.slot(worker) else { return };
        if slot.begin_by.take_if(|at| *at <= now).is_some()
            && let WorkerState::Busy(busy) = &mut slot.state
        {
            busy.due = true;
            actions.push(Action::Inspect(worker));
        }
    }

    /// It was not ready in time.
    pub(crate) fn overdue(&mut self, worker: WorkerId, stage: Stage, actions: &mut Vec<Action>) {
        match (stage, self.config.initializer) {
            (Stage::Preparing, Some(limit)) => {
                let reason = format!("initializer did not end within {limit:?}");
                self.end_worker(worker, Ending::Unprepared(reason), None);
                actions.push(Action::Kill(worker));
            }
            (Stage::Preparing, None) | (Stage::Ordered | Stage::Born, _) => {
                let limit = self.config.start_timeout;
                self.broke(worker, format!("no hello within {limit:?}"), actions);
            }
        }
    }
}

impl WorkerState {
    pub(crate) fn is_preparing(&self) -> bool {
        matches!(self, Self::Starting { stage: Stage::Preparing, .. })
    }
}
