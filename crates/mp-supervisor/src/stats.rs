//! Counts and times of a pool.
//!
//! Does **not** decide anything by them.

use std::time::Duration;

use crate::histogram::Histogram;

/// What a pool has done so far.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many workers it is to have.
    pub workers: usize,
    /// Tasks accepted, each item of a map counted.
    pub submitted: u64,
    /// Tasks that ended in a value.
    pub completed: u64,
    /// Tasks that ended in a failure.
    pub failed: u64,
    /// Workers that ended without having been asked to.
    pub deaths: u64,
    /// Workers that were replaced as agreed: after their number of tasks, or for their memory.
    pub recycled: u64,
    /// Time spent inside the functions themselves, summed over the workers.
    pub run: Duration,
    /// Time during which workers had work, summed over them. What it has above `run` is hand-off: encoding, sockets,
    /// wake-ups, and waiting for a processor.
    pub busy: Duration,
    /// How long tasks ran. Those that take some microseconds are timed several at once, and count with their mean.
    pub run_times: Histogram,
    /// How long tasks waited, from their submission to their beginning; with what was tried before, where they were tried again.
    /// Counted of those that ended in a value, as `run_times`. Tasks of one function that are submitted within some milliseconds
    /// of each other may count from the first of them; begun is a task when it was sent to a free worker, or when what its worker ran
    /// before it was over.
    pub wait_times: Histogram,
    /// How long there has been a pool.
    pub age: Duration,
}

impl Stats {
    /// The share of the workers' time since the pool was made in which tasks ran, from 0 to 1.
    #[must_use]
    pub fn utilization(&self) -> f64 {
        let there = self.age.as_secs_f64() * self.workers as f64;
        if there > 0.0 { (self.run.as_secs_f64() / there).min(1.0) } else { 0.0 }
    }

    /// So many tasks waited for so long each.
    pub(crate) fn waited(&mut self, tasks: u32, wait: Duration) {
        self.wait_times.add(wait, tasks.into());
    }

    /// So many tasks ran for so long together.
    pub(crate) fn ran(&mut self, tasks: u32, spent: Duration) {
        self.run = self.run.saturating_add(spent);
        self.run_times.add(spent / tasks.max(1), tasks.into());
    }
}
