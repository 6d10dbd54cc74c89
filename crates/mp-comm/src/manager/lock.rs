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
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Free,
    /// Its last holder ended with it; the next one is told.
    Abandoned(u32),
    Held(Caller),
}

impl Lock {
    pub(super) fn acquire(&self, caller: Caller, wait: Duration) -> Reply {
        let deadline = Instant::now() + wait;
        let mut state = self.state.lock();
        let is_held = |state: &mut State| matches!(state, State::Held(_));
        self.freed.wait_while_until(&mut state, is_held, deadline);
        let abandoned_by = match *state {
            State::Held(_) => return Reply::Late,
            State::Free => None,
            State::Abandoned(pid) => Some(pid),
        };
        *state = State::Held(caller);
        Reply::Acquired { abandoned_by }
    }

    pub(super) fn release(&self, caller: Caller) -> Reply {
        if self.let_go(caller, None) { Reply::Done } else { Reply::Refused(Refusal::NotHeld) }
    }

    /// Frees it, if `caller` has it.
    pub(super) fn let_go(&self, caller: Caller, abandoned_by: Option<u32>) -> bool {
        let mut state = self.state.lock();
        let is_holder = matches!(*state, State::Held(holder) if holder == caller);
        if is_holder {
            *state = abandoned_by.map_or(State::Free, State::Abandoned);
            self.freed.notify_one();
        }
        is_holder
    }
}
