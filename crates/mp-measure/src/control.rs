//! How the caller follows a measurement, and ends it before its time.
//!
//! Does **not** know what is measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a measurement asks and tells while it runs.
pub struct Control<'a> {
    stop: &'a AtomicBool,
    step: &'a dyn Fn(u64, u64),
    end: Instant,
}

/// Nobody asks, nobody is told.
static GO_ON: AtomicBool = AtomicBool::new(false);

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl<'a> Control<'a> {
    /// Ends early once `stop` is set; `step` hears how many of how many blocks are done.
    #[must_use]
    pub fn new(stop: &'a AtomicBool, step: &'a dyn Fn(u64, u64)) -> Self {
        Self { stop, step, end: Instant::now() }
    }

    /// Runs to its end, silently.
    #[must_use]
    pub fn none() -> Self {
        Control { stop: &GO_ON, step: &|_, _| {}, end: Instant::now() }
    }

    pub(crate) fn within(&self, budget: Duration) -> Self {
        Self { stop: self.stop, step: self.step, end: Instant::now() + budget }
    }

    /// The same for a part, whose steps `step` hears.
    pub(crate) fn telling<'b>(&'b self, step: &'b dyn Fn(u64, u64)) -> Control<'b> {
        Control { stop: self.stop, step, end: self.end }
    }

    /// Until the time is up.
    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    pub(crate) fn step(&self, done: u64, total: u64) {
        (self.step)(done, total);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Why nothing more is to be begun.
    pub(crate) fn ended(&self) -> Option<Ended> {
        match (self.stopped(), Instant::now() >= self.end) {
            (true, _) => Some(Ended::Interrupted),
            (false, true) => Some(Ended::TimeBudget),
            (false, false) => None,
        }
    }
}

/// Why a measurement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// All was measured, in all rounds.
    Complete,
    /// The time was up before the last round was complete.
    TimeBudget,
    /// It was asked to stop.
    Interrupted,
}
