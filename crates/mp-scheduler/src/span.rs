//! Work as the scheduler sees it: a run of items of one job.
//!
//! Does **not** know what the items are. A job is one call of submit: one task, or all items of a map.

use std::num::NonZeroU32;
use std::time::Duration;

use mp_wire::TaskId;

use crate::retry::Retry;

/// The submitter's number for a job.
pub type JobKey = usize;

/// The most weight that one frame carries. One unit is a byte.
pub const WEIGHT_MAX: u32 = 60 * 1024;

/// What was agreed for a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// When it is tried again.
    pub retry: Retry,
    /// How many items a frame carries, at most, and none of others beside them; else as many as seems right.
    pub chunk: Option<NonZeroU32>,
    /// What is greater is sent first; what is equal in the order of submission.
    pub priority: i32,
    /// For one worker, and lost with it: see [`crate::Event::SubmitTo`], which sets it.
    pub own: bool,
}

/// Items `from..to` of a job, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Whose.
    pub job: JobKey,
    /// The first item's place in the job.
    pub from: u32,
    /// One after the last item's.
    pub to: u32,
    /// The first item's id; the others follow.
    pub first: TaskId,
    /// What they take up in a frame, at most. A part of a span weighs no more than the whole.
    pub weight: u32,
    /// Which try this is, counted from 1.
    pub attempt: u32,
    /// What was agreed for each.
    pub terms: Terms,
}

impl Span {
    /// How many items.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.to - self.from
    }

    /// Never: a span has an item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Takes the first `count` items, or all.
    pub(crate) fn take_front(&mut self, count: u32) -> Self {
        let count = count.min(self.len());
        let front = Self { to: self.from + count, ..*self };
        self.from += count;
        self.first = self.first.plus(count);
        front
    }

    /// Takes the last `count` items, or all.
    pub(crate) fn take_back(&mut self, count: u32) -> Self {
        let kept = self.len() - count.min(self.len());
        let front = self.take_front(kept);
        std::mem::replace(self, front)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let terms = Terms::default();
        let whole = Span { job: 1, from: 10, to: 20, first: TaskId(110), weight: 5, attempt: 1, terms };
        let mut rest = whole;
        let front = rest.take_front(3);
        assert_eq!((front.from, front.to, front.first), (10, 13, TaskId(110)));
        assert_eq!((rest.from, rest.to, rest.first), (13, 20, TaskId(113)));
        let back = rest.take_back(2);
        assert_eq!((back.from, back.to, back.first), (18, 20, TaskId(118)));
        assert_eq!((rest.from, rest.to, rest.first), (13, 18, TaskId(113)));
        assert_eq!(rest.take_back(99).len(), 5);
        assert!(rest.is_empty());
    }
}
