//! The names of things: a task, and a worker in one of its incarnations.
//!
//! Does **not** know what a task does or where a worker runs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of one task within its pool, counted from 1 in the order of submission.
///
/// Each item of a `map` has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId(pub u64);

impl TaskId {
    /// The id `n` places after this one.
    #[must_use]
    pub fn plus(self, n: u32) -> Self {
        Self(self.0 + u64::from(n))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One worker: a slot of the pool, and which incarnation of it. Printed as `3.2`: slot 3, generation 2.
///
/// Slots count from 0, generations from 1. A message that names an earlier generation is stale (I5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkerId {
    /// The place in the pool, counted from 0.
    pub slot: u32,
    /// Which process (or thread) in that place, counted from 1.
    pub generation: u32,
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}
