//! A queue in a manager's server.
//!
//! Does **not** know what is in it. Where it can be joined, it knows who has items that are not done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::objects::Caller;
use super::wire::{Bytes, Refusal, Reply};

/// A queue of at most `capacity` items.
pub(super) struct Store {
    capacity: u64,
    /// Whether its items are accounted to who takes them.
    is_joinable: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Bytes>,
    /// Who has how many that are not done.
    takers: Vec<(Caller, u64)>,
    /// Who ended with how many.
    abandoned: VecDeque<(u32, u64)>,
}

impl Store {
    pub(super) fn new(capacity: u64) -> Self {
        Self { capacity, is_joinable: false, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn joinable(capacity: u64) -> Self {
        Self { is_joinable: true, ..Self::new(capacity) }
    }

    pub(super) fn put(&self, item: Bytes, wait: Duration) -> Reply {
        let mut state = self.wait(wait, |state| state.items.len() as u64 >= self.capacity);
        if state.items.len() as u64 >= self.capacity {
            return Reply::Late;
        }
        state.items.push_back(item);
        self.changed.notify_all();
        Reply::Done
    }

    pub(super) fn take(&self, caller: Caller, wait: Duration) -> Reply {
        let mut state = self.wait(wait, |state| state.items.is_empty());
        let Some(item) = state.items.pop_front() else { return Reply::Late };
        if self.is_joinable {
            match state.takers.iter_mut().find(|(taker, _)| *taker == caller) {
                Some((_, count)) => *count += 1,
                None => state.takers.push((caller, 1)),
            }
        }
        self.changed.notify_all();
        Reply::Value(Some(item))
    }

    /// Who took it never got it.
    pub(super) fn put_back(&self, item: Bytes, caller: Caller) {
        let mut state = self.state.lock();
        state.items.push_front(item);
        state.settle(|(taker, _)| *taker == caller);
        self.changed.notify_all();
    }

    /// One item is done that the caller took, or another thread of his process.
    pub(super) fn done(&self, caller: Caller) -> Reply {
        let mut state = self.state.lock();
        let settled = state.settle(|(taker, _)| *taker == caller) || state.settle(|(taker, _)| taker.pid == caller.pid);
        if !settled {
            return Reply::Refused(Refusal::NothingTaken);
        }
        self.changed.notify_all();
        Reply::Done
    }

    /// Until all is done, or somebody has ended with items.
    pub(super) fn join(&self, wait: Duration) -> Reply {
        let mut state = self.wait(wait, |state| state.abandoned.is_empty() && state.is_unfinished());
        match state.abandoned.pop_front() {
            Some((pid, items)) => Reply::Refused(Refusal::Abandoned { pid, items }),
            None if state.is_unfinished() => Reply::Late,
            None => Reply::Done,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.state.lock().items.len() as u64
    }

    /// The client is gone.
    pub(super) fn forget(&self, caller: Caller) {
        let mut state = self.state.lock();
        let Some(place) = state.takers.iter().position(|(taker, _)| *taker == caller) else { return };
        let (_, items) = state.takers.swap_remove(place);
        state.abandoned.push_back((caller.pid, items));
        self.changed.notify_all();
    }

    pub(super) fn concerns(&self, caller: Caller) -> bool {
        self.state.lock().takers.iter().any(|(taker, _)| *taker == caller)
    }

    fn wait(&self, wait: Duration, must_wait: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let (deadline, mut state) = (Instant::now() + wait, self.state.lock());
        self.changed.wait_while_until(&mut state, |state| must_wait(state), deadline);
        state
    }
}

impl State {
    fn is_unfinished(&self) -> bool {
        !self.items.is_empty() || !self.takers.is_empty()
    }

    /// One item less for the first such taker.
    fn settle(&mut self, is_he: impl Fn(&(Caller, u64)) -> bool) -> bool {
        let Some(place) = self.takers.iter().position(is_he) else { return false };
        self.takers[place].1 -= 1;
        if self.takers[place].1 == 0 {
            self.takers.swap_remove(place);
        }
        true
    }
}
