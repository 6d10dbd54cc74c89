//! Counts and times of a pool.
//!
//! Does **not** decide anything by them.

use std::time::Duration;

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
}
