//! Job control: while the program is stopped, so are its workers, and no clock of theirs runs.
//!
//! Does **not** know signals of terminals: who hears Ctrl-Z calls [`suspend`], stops, and resumes.
//!
//! ```text
//!  suspend ─▶ every pool: SIGSTOP to its workers, deadlines rest ─▶ (the program stops, and goes on) ─▶ resume:
//!             every pool: all its times move by what has passed, SIGCONT
//! ```
//!
//! Workers are in process groups of their own, so a terminal's Ctrl-Z does not come to them.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mp_sys::child::Signal;
use mp_sys::clock::monotonic_ns;
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::state::State;

/// Of so many suspensions the times are remembered: a task that goes on through more of them may be called late.
const REMEMBERED: usize = 64;

static ENGINES: Mutex<Vec<Weak<Engine>>> = Mutex::new(Vec::new());

/// When a pool was suspended.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    since: Option<(Instant, u64)>,
    /// From when to when, in nanoseconds of CLOCK_MONOTONIC.
    before: VecDeque<(u64, u64)>,
}

impl Pauses {
    /// Whether it is suspended now.
    pub(crate) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// How much of the time since then, in nanoseconds of CLOCK_MONOTONIC, the pool was suspended.
    pub(crate) fn since_ns(&self, start_ns: u64) -> u64 {
        self.before.iter().map(|(from, to)| to.saturating_sub(start_ns.max(*from))).sum()
    }

    fn begin(&mut self) {
        self.since.get_or_insert_with(|| (Instant::now(), monotonic_ns()));
    }

    fn end(&mut self) -> Option<Duration> {
        let (since, from) = self.since.take()?;
        self.before.truncate(REMEMBERED - 1);
        self.before.push_front((from, monotonic_ns()));
        Some(since.elapsed())
    }
}

/// All pools and processes of this program, at rest. They go on when it is dropped.
#[must_use = "what is suspended goes on when this is dropped"]
#[derive(Debug)]
pub struct Suspension(());

/// Stops the workers of all pools and all processes of this program, and the clocks of their time limits, until the
/// suspension is dropped: what a handler of SIGTSTP does before it stops the program itself.
///
/// ```
/// let suspension = mp_supervisor::suspend();
/// // Here the program stops: raise(SIGSTOP). After SIGCONT:
/// drop(suspension);
/// ```
pub fn suspend() -> Suspension {
    engines().iter().for_each(|engine| engine.suspend());
    Suspension(())
}

impl Drop for Suspension {
    fn drop(&mut self) {
        engines().iter().for_each(|engine| engine.resume());
    }
}

/// It is suspended with all others from now on.
pub(crate) fn enlist(engine: &Arc<Engine>) {
    let mut engines = ENGINES.lock();
    engines.retain(|engine| engine.strong_count() > 0);
    engines.push(Arc::downgrade(engine));
}

fn engines() -> Vec<Arc<Engine>> {
    ENGINES.lock().iter().filter_map(Weak::upgrade).collect()
}

impl Engine {
    fn suspend(&self) {
        let mut state = self.state.lock();
        state.pauses.begin();
        state.signal_all(Signal::SIGSTOP);
    }

    fn resume(&self) {
        let mut state = self.state.lock();
        let Some(by) = state.pauses.end() else { return };
        state.scheduler.shift(by);
        // They were set for times that have moved.
        state.alarms.clear();
        for (io, _) in state.workers.iter_mut().flatten() {
            io.busy_since = io.busy_since.and_then(|since| since.checked_add(by));
        }
        state.signal_all(Signal::SIGCONT);
        self.finish(state);
    }
}

impl State {
    fn signal_all(&self, signal: Signal) {
        let children = self.workers.iter().flatten().filter_map(|(io, _)| io.child.as_ref());
        children.for_each(|child| child.signal(signal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_after_the_start_counts() {
        let pauses = Pauses { since: None, before: VecDeque::from([(100, 200), (50, 60)]) };
        assert_eq!(pauses.since_ns(0), 110);
        assert_eq!(pauses.since_ns(55), 105);
        assert_eq!(pauses.since_ns(150), 50);
        assert_eq!(pauses.since_ns(300), 0);
    }
}
