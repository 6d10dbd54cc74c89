//! The outcome of one task: what its handle waits for.
//!
//! Does **not** know types: a value stays encoded until the caller takes it, in the caller's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, Waker};
use std::time::Instant;

use mp_wire::Failure;
use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::reactor::{Reactor, is_hearing};
use crate::windows::Brought;

/// An encoded value.
#[derive(Debug)]
pub(crate) enum Value {
    /// Most are small: one that fits needs no memory of its own.
    Here(SmallVec<[u8; 24]>),
    /// Where its worker left it.
    Brought(Brought),
}

impl Value {
    /// Hands its bytes to `read`; none where there is no memory for them.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self {
            Self::Here(bytes) => Some(read(bytes)),
            Self::Brought(brought) => brought.read(read),
        }
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Here(bytes.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Here(bytes.into())
    }
}

/// A value as it came, or the failure.
pub(crate) type Raw = Result<Value, Box<Failure>>;

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
    /// How many threads wait.
    waiting: u32,
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
    /// Gives whether somebody is to be woken for it.
    pub(crate) fn put(&self, outcome: Raw) -> bool {
        let mut state = self.state.lock();
        // I1: the first word on a task is the last.
        if state.is_awaited() {
            state.outcome = Outcome::There(outcome);
        }
        state.log_if_abandoned();
        state.waiting > 0 || state.waker.is_some()
    }

    pub(crate) fn wake(&self) {
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

    /// Waits for the outcome, at most until `deadline`; not at all where outcomes come from.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        Reactor::expect_news();
        let mut state = self.state.lock();
        state.waiting += 1;
        while state.is_awaited() && !is_hearing() {
            match deadline {
                None => self.ready.wait(&mut state),
                Some(deadline) => {
                    if self.ready.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        state.waiting -= 1;
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
            crate::log::warning!(%failure, "a task whose handle was dropped has failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::task::Wake;

    #[test]
    fn an_outcome_that_was_taken_is_not_waited_for() {
        // A handle that is polled to its end and asked once more: it hung.
        let one = One::default();
        assert_eq!(one.poll(Waker::noop()), Poll::Pending);
        let _ = one.put(Ok(vec![7].into()));
        assert_eq!(one.poll(Waker::noop()), Poll::Ready(()));
        let value = one.take().and_then(Result::ok).and_then(|value| value.read(<[u8]>::to_vec));
        assert_eq!(value, Some(vec![7]));
        assert!(one.wait(None) && one.is_ready() && one.take().is_none());
        let _ = one.put(Err(Box::new(Failure::Cancelled)));
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
        assert!(one.put(Ok(Value::from(vec![]))), "somebody waits");
        one.wake();
        assert!(one.is_ready());
    }
}
