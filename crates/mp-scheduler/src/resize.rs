//! How many workers there are, and are to be: growing and shrinking, recycling, resting and waking.
//!
//! Does **not** know processes, nor how memory is measured.
//!
//! ```text
//!  slots   0 1 2 3 │ 4 5        workers = 4: 4 and 5 are surplus. They get nothing more; what they have not begun
//!          ◀ target ▶           is given to the others; they end when what they run has ended.
//! ```

use mp_wire::WorkerId;

use crate::config::Config;
use crate::event::{Action, Verdict};
use crate::scheduler::{Phase, Scheduler};
use crate::slot::{Ending, Slot, Wear, WorkerState};

/// Of how many waiting spans the items are counted.
const SEEN: usize = 64;

impl Scheduler {
    /// There shall be so many. Nothing that runs is ended for it.
    pub(crate) fn resize(&mut self, workers: u32, actions: &mut Vec<Action>) {
        if self.phase > Phase::Closing {
            return;
        }
        let slots = self.slots.len().max(workers as usize);
        self.slots.resize(slots, Slot::default());
        self.config.workers = workers;
        (0..slots).for_each(|index| self.fit(index, actions));
    }

    fn fit(&mut self, index: usize, actions: &mut Vec<Action>) {
        let (worker, surplus) = (self.id(index), self.is_surplus(index));
        match &self.slots[index].state {
            WorkerState::Busy(_) if surplus => actions.push(Action::Inspect(worker)),
            // It has nothing to lose.
            WorkerState::Starting { .. } if surplus && self.slots[index].own.is_empty() => {
                self.end_worker(worker, Ending::Asked, None);
                actions.push(Action::Kill(worker));
            }
            _ => {}
        }
    }

    /// Whether this slot is beyond how many there are to be.
    pub(crate) fn is_surplus(&self, index: usize) -> bool {
        index >= self.config.workers as usize
    }

    /// Its memory is looked at before it gets more, where that is limited.
    pub(crate) fn weigh(&mut self, worker: WorkerId, actions: &mut Vec<Action>) {
        if self.config.max_worker_memory.is_none() {
            return;
        }
        if let Some(slot) = self.slot(worker).filter(|slot| slot.wear == Wear::Fresh) {
            slot.wear = Wear::Weighing;
            actions.push(Action::Weigh(worker));
        }
    }

    /// One that has become too large finishes what it runs.
    pub(crate) fn weighed(&mut self, worker: WorkerId, bytes: u64, actions: &mut Vec<Action>) {
        let most = self.config.max_worker_memory.unwrap_or(u64::MAX);
        let Some(slot) = self.slot(worker) else { return };
        if slot.wear == Wear::Worn || !slot.state.is_alive() {
            return;
        }
        slot.wear = if bytes > most { Wear::Worn } else { Wear::Fresh };
        if slot.wear == Wear::Worn && matches!(slot.state, WorkerState::Busy(_)) {
            actions.push(Action::Inspect(worker));
        }
    }

    /// What waits ends, what runs may end by itself.
    pub(crate) fn stop_waiting(&mut self, reason: String, actions: &mut Vec<Action>) {
        if self.phase > Phase::Closing {
            return;
        }
        self.phase = Phase::Stopping(reason);
        for index in 0..self.slots.len() {
            if matches!(self.slots[index].state, WorkerState::Busy(_)) {
                actions.push(Action::Inspect(self.id(index)));
            }
        }
    }

    /// Where nothing more begins, what waits ends.
    pub(crate) fn refuse_waiting(&mut self, actions: &mut Vec<Action>) {
        let Phase::Stopping(reason) = &self.phase else { return };
        let reason = reason.clone();
        let waiting = self.backlog.drain().into_iter().chain(self.later.drain()).chain(self.drain_own());
        actions.extend(waiting.map(|span| Action::Settle(span, Verdict::Stopped(reason.clone()))));
    }

    /// Whether what failed may be tried again.
    pub(crate) fn retries(&self) -> bool {
        self.phase <= Phase::Closing
    }

    /// Whether more could be taken in because somebody rests.
    pub(crate) fn may_wake_more(&self) -> bool {
        self.config.idle_timeout.is_some() && self.phase == Phase::Open && self.backlog.len() < self.resting()
    }

    /// As many of those who rest as there is work for, beside those who are on their way.
    pub(crate) fn wake_resting(&mut self) {
        if self.config.idle_timeout.is_none() || !self.needs_workers() {
            return;
        }
        let wanted = self.untouched();
        let slots = self.slots.iter_mut().take(self.config.workers as usize);
        let (resting, others): (Vec<_>, Vec<_>) = slots.partition(|slot| matches!(slot.state, WorkerState::Resting));
        let coming = others.iter().filter(|slot| slot.state.is_coming()).count();
        let woken = resting.into_iter().take(wanted.saturating_sub(coming));
        woken.for_each(|slot| slot.state = WorkerState::Vacant);
    }

    fn resting(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot.state, WorkerState::Resting)).count()
    }

    /// About how many items have not begun.
    fn untouched(&self) -> usize {
        let waiting: usize = self.backlog.iter().take(SEEN).map(|span| span.len() as usize).sum();
        let held = self.slots.iter().filter_map(|slot| match &slot.state {
            WorkerState::Busy(busy) => busy.load.stealable(),
            _ => None,
        });
        waiting + held.map(|(_, items)| items as usize).sum::<usize>()
    }
}

impl WorkerState {
    /// Whether there will be a worker that has nothing yet.
    fn is_coming(&self) -> bool {
        match self {
            Self::Vacant | Self::Starting { .. } | Self::Cooling { .. } => true,
            Self::Idle { .. } | Self::Busy(_) | Self::Stopping(_) | Self::Resting | Self::Retired => false,
        }
    }
}

impl Config {
    /// How many items this worker may be sent: each a little different, so that not all end at once.
    pub(crate) fn allowance(&self, worker: WorkerId) -> Option<u32> {
        let most = self.max_tasks_per_worker?.max(1);
        let spread = u64::from(self.max_tasks_jitter) + 1;
        let more = scattered((u64::from(worker.slot) << 32) | u64::from(worker.generation)) % spread;
        Some(most.saturating_add(more as u32))
    }
}

/// Neighbours come far from each other: the finalizer of splitmix64.
fn scattered(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowances_are_spread_over_the_jitter_and_stay_the_same() {
        let config = Config { max_tasks_per_worker: Some(100), max_tasks_jitter: 10, ..Config::default() };
        let allowance = |slot| config.allowance(WorkerId { slot, generation: 1 }).expect("limited");
        let all: std::collections::BTreeSet<_> = (0..1000).map(allowance).collect();
        assert_eq!(all, (100..=110).collect());
        assert_eq!(allowance(3), allowance(3));
    }
}
