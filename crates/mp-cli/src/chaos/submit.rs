//! Who submits: one thread by `apply_async`, a handle for each task; one by `starmap_async`, some hundred at a time.
//!
//! Does **not** look at outcomes; it passes them on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use mp::{Failure, Pool};

use super::Plan;
use super::marks::Address;
use super::work::{Answer, arguments, work};

/// Tasks that a thread takes at a time.
const BLOCK: u32 = 250;

/// Handles that are open at a time.
const OPEN: usize = 400;

/// What was heard of some tasks.
pub(super) type Told = Vec<(u32, Result<Answer, Failure>)>;

/// What is to be submitted, and how much of it is.
#[derive(Debug)]
pub(super) struct Course {
    tasks: u32,
    seed: u64,
    marks: Address,
    next: AtomicU32,
    submitted: AtomicU64,
    pub(super) stop: Arc<AtomicBool>,
}

impl Course {
    pub(super) fn new(plan: &Plan, marks: Address, stop: &Arc<AtomicBool>) -> Self {
        Self {
            tasks: plan.tasks,
            seed: plan.seed,
            marks,
            next: AtomicU32::new(0),
            submitted: AtomicU64::new(0),
            stop: Arc::clone(stop),
        }
    }

    pub(super) fn submitted(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed)
    }

    /// The next tasks that nobody has submitted; `None` when there are no more, or shall be no more.
    fn take(&self) -> Option<std::ops::Range<u32>> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let take = |next: u32| (next < self.tasks).then(|| next.saturating_add(BLOCK).min(self.tasks));
        let from = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(from..from.saturating_add(BLOCK).min(self.tasks))
    }

    fn accepted(&self, count: usize) {
        self.submitted.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Submits one by one.
pub(super) fn apply(pool: &Pool, course: &Course, told: &Sender<Told>) {
    let mut open = VecDeque::new();
    for index in std::iter::from_fn(|| course.take()).flatten() {
        // A pool that takes no more has ended by itself; what was submitted tells.
        let Ok(handle) = pool.apply_async(work, arguments(course.seed, index, course.marks)) else { break };
        course.accepted(1);
        open.push_back((index, handle));
        if open.len() > OPEN {
            tell_first(&mut open, told);
        }
    }
    while tell_first(&mut open, told) {}
}

fn tell_first(open: &mut VecDeque<(u32, mp::TaskHandle<Answer>)>, told: &Sender<Told>) -> bool {
    let first = open.pop_front().map(|(index, handle)| (index, handle.get()));
    first.is_some_and(|outcome| told.send(vec![outcome]).is_ok())
}

/// Submits many at once.
pub(super) fn map(pool: &Pool, course: &Course, told: &Sender<Told>) {
    while let Some(block) = course.take() {
        let items = block.clone().map(|index| arguments(course.seed, index, course.marks));
        let Ok(handle) = pool.starmap_async(work, items) else { break };
        course.accepted(block.len());
        if told.send(block.zip(handle.outcomes()).collect()).is_err() {
            break;
        }
    }
}
