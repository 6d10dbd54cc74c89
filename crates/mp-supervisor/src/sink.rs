//! Where outcomes go: one for a single task, one for all items of a map.
//!
//! Does **not** know types: a value stays encoded until the caller takes it, in the caller's thread.
//!
//! `put` is called under the engine's lock, `wake` after it: nobody is woken into a lock that is still held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::Instant;

use mp_wire::Failure;
use parking_lot::{Condvar, Mutex};

/// A value as it came, or the failure.
pub(crate) type Raw = Result<Vec<u8>, Failure>;

/// Where the outcomes of a job go.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    One(Arc<One>),
    Many(Arc<Many>),
}

impl Sink {
    /// Item `index` of the caller's input has this outcome.
    pub(crate) fn put(&self, index: u64, outcome: Result<&[u8], Failure>) {
        match self {
            Self::One(one) => one.put(outcome.map(<[u8]>::to_vec)),
            Self::Many(many) => many.put(index, outcome),
        }
    }

    /// As [`Sink::put`], for a value that is in a buffer of its own.
    pub(crate) fn put_owned(&self, index: u64, value: Vec<u8>) {
        match self {
            Self::One(one) => one.put(Ok(value)),
            Self::Many(many) => many.put(index, Ok(&value)),
        }
    }

    pub(crate) fn wake(&self) {
        match self {
            Self::One(one) => one.wake(),
            Self::Many(many) => many.wake(),
        }
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Arc::ptr_eq(a, b),
            (Self::Many(a), Self::Many(b)) => Arc::ptr_eq(a, b),
            (Self::One(_), Self::Many(_)) | (Self::Many(_), Self::One(_)) => false,
        }
    }
}

/// The outcome of one task.
#[derive(Debug, Default)]
pub(crate) struct One {
    state: Mutex<OneState>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct OneState {
    outcome: Outcome,
    waker: Option<Waker>,
    abandoned: bool,
}

#[derive(Debug, Default)]
enum Outcome {
    #[default]
    Awaited,
    There(Raw),
    Taken,
}

impl One {
    fn put(&self, outcome: Raw) {
        let mut state = self.state.lock();
        // I1: the first word on a task is the last.
        if state.is_awaited() {
            state.outcome = Outcome::There(outcome);
        }
        state.log_if_abandoned();
    }

    fn wake(&self) {
        let waker = self.state.lock().waker.take();
        self.ready.notify_all();
        if let Some(waker) = waker {
            // It is the caller's code, in the thread that hears all workers of all pools.
            let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            // A payload whose drop panics would end that thread as well.
            woken.unwrap_or_else(std::mem::forget);
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.state.lock().is_awaited()
    }

    /// `None` while it is awaited, and once it was taken.
    pub(crate) fn is_value(&self) -> Option<bool> {
        match &self.state.lock().outcome {
            Outcome::There(outcome) => Some(outcome.is_ok()),
            Outcome::Awaited | Outcome::Taken => None,
        }
    }

    /// Waits for the outcome, at most until `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.is_awaited() {
            match deadline {
                None => self.ready.wait(&mut state),
                Some(deadline) => {
                    if self.ready.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        !state.is_awaited()
    }

    /// Takes the outcome, if it is there.
    pub(crate) fn take(&self) -> Option<Raw> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.outcome, Outcome::Taken) {
            Outcome::There(outcome) => Some(outcome),
            Outcome::Taken => None,
            Outcome::Awaited => {
                state.outcome = Outcome::Awaited;
                None
            }
        }
    }

    /// Ready when there is nothing to wait for. A waker is cloned and dropped without the lock: it is the caller's code.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let mut state = self.state.lock();
        if !state.is_awaited() {
            return Poll::Ready(());
        }
        let before = state.waker.replace(waker);
        drop(state);
        drop(before);
        Poll::Pending
    }

    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.abandoned = true;
        state.log_if_abandoned();
        let waker = state.waker.take();
        drop(state);
        drop(waker);
    }
}

impl OneState {
    fn is_awaited(&self) -> bool {
        matches!(self.outcome, Outcome::Awaited)
    }

    fn log_if_abandoned(&self) {
        if let (true, Outcome::There(Err(failure))) = (self.abandoned, &self.outcome) {
            tracing::warn!(%failure, "a task whose handle was dropped has failed");
        }
    }
}

/// The outcomes of many items, as they come.
#[derive(Debug, Default)]
pub(crate) struct Many {
    state: Mutex<ManyState>,
    ready: Condvar,
    abandoned: AtomicBool,
}

#[derive(Debug, Default)]
struct ManyState {
    block: Block,
    nudged: bool,
}

/// Some outcomes. Values lie one behind the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Block {
    values: Vec<u8>,
    items: Vec<(u64, Result<usize, Box<Failure>>)>,
}

impl Block {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The items, in the order in which they came.
    pub(crate) fn into_items(self) -> impl Iterator<Item = (u64, Raw)> {
        let mut at = 0;
        let values = self.values;
        self.items.into_iter().map(move |(index, outcome)| {
            let raw = match outcome {
                Ok(len) => {
                    at += len;
                    Ok(values[at - len..at].to_vec())
                }
                Err(failure) => Err(*failure),
            };
            (index, raw)
        })
    }

    /// Hands each item to `each`, in the order in which they came, without a copy.
    pub(crate) fn for_each(self, mut each: impl FnMut(u64, Result<&[u8], Failure>)) {
        let mut at = 0;
        for (index, outcome) in self.items {
            match outcome {
                Ok(len) => {
                    at += len;
                    each(index, Ok(&self.values[at - len..at]));
                }
                Err(failure) => each(index, Err(*failure)),
            }
        }
    }
}

impl Many {
    fn put(&self, index: u64, outcome: Result<&[u8], Failure>) {
        if self.abandoned.load(Ordering::Acquire) {
            return;
        }
        let block = &mut self.state.lock().block;
        let outcome = match outcome {
            Ok(value) => {
                block.values.extend_from_slice(value);
                Ok(value.len())
            }
            Err(failure) => Err(Box::new(failure)),
        };
        block.items.push((index, outcome));
    }

    fn wake(&self) {
        self.ready.notify_all();
    }

    /// Makes who waits look again.
    pub(crate) fn nudge(&self) {
        self.state.lock().nudged = true;
        self.wake();
    }

    /// Takes all that has come; waits for the first of it, at most until `deadline`. Empty only when that has passed,
    /// or after a nudge.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Block {
        let mut state = self.state.lock();
        while state.block.items.is_empty() && !std::mem::take(&mut state.nudged) {
            match deadline {
                None => self.ready.wait(&mut state),
                Some(deadline) => {
                    if self.ready.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        std::mem::take(&mut state.block)
    }

    /// Nobody will take anything any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.state.lock().block = Block::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;

    #[test]
    fn an_outcome_that_was_taken_is_not_waited_for() {
        // A handle that is polled to its end and asked once more: it hung.
        let one = One::default();
        assert_eq!(one.poll(Waker::noop()), Poll::Pending);
        one.put(Ok(vec![7]));
        assert_eq!(one.poll(Waker::noop()), Poll::Ready(()));
        assert_eq!(one.take(), Some(Ok(vec![7])));
        assert!(one.wait(None) && one.is_ready() && one.take().is_none());
        one.put(Err(Failure::Cancelled));
        assert!(one.take().is_none(), "the first word is the last");
    }

    #[test]
    fn a_waker_that_panics_harms_nobody() {
        // It is called in the thread that hears all workers: no pool heard of anything any more.
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("the executor is gone");
            }
        }
        let one = One::default();
        let _ = one.poll(&Waker::from(Arc::new(Panics)));
        one.put(Ok(Vec::new()));
        one.wake();
        assert!(one.is_ready());
    }
}
