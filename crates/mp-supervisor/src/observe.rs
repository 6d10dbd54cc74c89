//! What can be asked of an engine while it runs, and when it has ended.
//!
//! Does **not** change anything.

use std::time::Instant;

use mp_wire::WorkerExit;

use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::Draft;
use crate::stats::Stats;

impl Engine {
    /// Why the pool ended by itself, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        let state = self.state.lock();
        state.over.clone().flatten().filter(|_| !state.asked)
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.state.lock().workers.iter().flatten().map(|(io, _)| io.pid()).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.state.lock();
        let submitted = self.inbox.accepted();
        let scheduler = &state.scheduler;
        let (workers, deaths, recycled) =
            (scheduler.config().workers as usize, scheduler.deaths(), scheduler.recycled());
        Stats { workers, deaths, recycled, submitted, ..state.stats.clone() }
    }

    /// Where the time went, if that is kept.
    pub(crate) fn insights(&self) -> Option<Draft> {
        let state = self.state.lock();
        let pid = |slot: u32| state.workers.get(slot as usize)?.as_ref().map(|(io, _)| io.pid());
        state.ledger.as_ref().map(|ledger| ledger.draft(Instant::now(), pid))
    }

    /// What each worker is doing, for who wonders why nothing happens.
    pub(crate) fn describe(&self) -> Vec<String> {
        let state = self.state.lock();
        let pid = |slot: u32| state.workers[slot as usize].as_ref().map_or(0, |(io, _)| io.pid());
        let workers = state.scheduler.workers();
        workers.map(|(id, what)| format!("{id} (pid {}): {what:?}", pid(id.slot))).collect()
    }

    /// How the last worker of a slot ended, if it has.
    pub(crate) fn exit_of(&self, slot: usize) -> Option<WorkerExit> {
        self.state.lock().exits[slot].as_ref().map(|exit| exit.exit)
    }

    pub(crate) fn spawn_error(&self) -> Option<Error> {
        self.state.lock().start_error.take().map(Error::Spawn)
    }
}
