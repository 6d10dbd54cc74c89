//! A semaphore in a manager's server: each permit is held by a connection, and there again when that ends.
//!
//! Does **not** know who waits: they ask again.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::objects::Caller;
use super::wire::{Refusal, Reply};

/// A semaphore.
pub(super) struct Permits {
    /// How many there may be, if that is bounded.
    bound: Option<u32>,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    free: u32,
    held: Vec<Caller>,
    /// Those who ended with one; each is told to one who acquires.
    abandoned: Vec<u32>,
}

impl Permits {
    pub(super) fn new(free: u32, is_bounded: bool) -> Self {
        let state = State { free, held: Vec::new(), abandoned: Vec::new() };
        Self { bound: is_bounded.then_some(free), state: Mutex::new(state), freed: Condvar::new() }
    }

    pub(super) fn acquire(&self, caller: Caller, wait: Duration) -> Reply {
        let deadline = Instant::now() + wait;
        let mut state = self.state.lock();
        self.freed.wait_while_until(&mut state, |state| state.free == 0, deadline);
        let Some(free) = state.free.checked_sub(1) else { return Reply::Late };
        state.free = free;
        state.held.push(caller);
        Reply::Acquired { abandoned_by: state.abandoned.pop() }
    }

    pub(super) fn release(&self, caller: Caller) -> Reply {
        if self.let_go(caller, None) { Reply::Done } else { Reply::Refused(Refusal::NotHeld) }
    }

    /// One that `caller` holds is there again, as it was before.
    pub(super) fn let_go(&self, caller: Caller, abandoned_by: Option<u32>) -> bool {
        let mut state = self.state.lock();
        let is_holder = state.take_from(caller);
        if is_holder {
            state.free = state.free.saturating_add(1);
            state.abandoned.extend(abandoned_by);
            self.freed.notify_one();
        }
        is_holder
    }

    /// One that `caller` holds is nobody's any more.
    pub(super) fn keep(&self, caller: Caller) -> Reply {
        if self.state.lock().take_from(caller) { Reply::Done } else { Reply::Refused(Refusal::NotHeld) }
    }

    /// One more.
    pub(super) fn add(&self) -> Reply {
        let mut state = self.state.lock();
        if let Some(bound) = self.bound.filter(|bound| state.free as usize + state.held.len() >= *bound as usize) {
            return Reply::Refused(Refusal::TooManyReleases { bound });
        }
        state.free = state.free.saturating_add(1);
        self.freed.notify_one();
        Reply::Done
    }

    pub(super) fn free(&self) -> u64 {
        self.state.lock().free.into()
    }

    /// The client is gone.
    pub(super) fn forget(&self, caller: Caller) {
        while self.let_go(caller, Some(caller.pid)) {}
    }

    pub(super) fn is_held_by(&self, caller: Caller) -> bool {
        self.state.lock().held.contains(&caller)
    }
}

impl State {
    fn take_from(&mut self, caller: Caller) -> bool {
        let place = self.held.iter().position(|holder| *holder == caller);
        place.map(|place| self.held.swap_remove(place)).is_some()
    }
}
