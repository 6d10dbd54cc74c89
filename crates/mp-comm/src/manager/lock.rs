//! A lock in a manager's server: held by a connection, and given back when that ends.
//!
//! Does **not** know who waits: they ask again.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::objects::Caller;
use super::wire::{Refusal, Reply};

/// A lock.
#[derive(Default)]
pub(super) struct Lock {
    /// Whether its holder can take it once more.
    reentrant: bool,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Free,
    /// Its last holder ended with it; the next one is told.
    Abandoned(u32),
    Held {
        by: Caller,
        times: u32,
    },
}

impl Lock {
    pub(super) fn reentrant() -> Self {
        Self { reentrant: true, ..Self::default() }
    }

    pub(super) fn acquire(&self, caller: Caller, wait: Duration) -> Reply {
        let deadline = Instant::now() + wait;
        let mut state = self.state.lock();
        let must_wait = |state: &mut State| match state {
            State::Held { by, .. } => !self.reentrant || *by != caller,
            State::Free | State::Abandoned(_) => false,
        };
        if self.freed.wait_while_until(&mut state, must_wait, deadline).timed_out() && must_wait(&mut state) {
            return Reply::Late;
        }
        let (abandoned_by, times) = match *state {
            State::Free => (None, 1),
            State::Abandoned(pid) => (Some(pid), 1),
            State::Held { times, .. } => (None, times.saturating_add(1)),
        };
        *state = State::Held { by: caller, times };
        Reply::Acquired { abandoned_by }
    }

    pub(super) fn release(&self, caller: Caller) -> Reply {
        if self.let_go(caller, None) { Reply::Done } else { Reply::Refused(Refusal::NotHeld) }
    }

    /// Once, if `caller` has it. If that was the last time, it is free, as it was before.
    pub(super) fn let_go(&self, caller: Caller, abandoned_by: Option<u32>) -> bool {
        let mut state = self.state.lock();
        match &mut *state {
            State::Held { by, times } if *by == caller && *times > 1 => *times -= 1,
            State::Held { by, .. } if *by == caller => {
                *state = abandoned_by.map_or(State::Free, State::Abandoned);
                self.freed.notify_one();
            }
            State::Held { .. } | State::Free | State::Abandoned(_) => return false,
        }
        true
    }

    /// The client is gone.
    pub(super) fn forget(&self, caller: Caller) {
        while self.let_go(caller, Some(caller.pid)) {}
    }

    pub(super) fn is_held_by(&self, caller: Caller) -> bool {
        matches!(*self.state.lock(), State::Held { by, .. } if by == caller)
    }
}
