//! A barrier in a manager's server.
//!
//! Does **not** know the parties, only who waits. One that ends while it waits breaks it.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::objects::Caller;
use super::wire::{Refusal, Reply};

/// A barrier.
pub(super) struct Meeting {
    parties: u32,
    state: Mutex<State>,
    decided: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Caller>,
    /// Those who waited, and have not heard yet whether all came.
    verdicts: Vec<(Caller, bool)>,
    is_broken: bool,
}

impl Meeting {
    pub(super) fn new(parties: u32) -> Self {
        Self { parties, state: Mutex::default(), decided: Condvar::new() }
    }

    /// The number of the caller, and whether he was the last.
    pub(super) fn arrive(&self, caller: Caller) -> Reply {
        let mut state = self.state.lock();
        // Our own clients have heard how their last wait ended, and do not come twice.
        state.hear(caller);
        if state.is_broken {
            return Reply::Refused(Refusal::Broken);
        }
        if state.waiting.contains(&caller) {
            return Reply::Refused(Refusal::NotOfThisKind);
        }
        let index = state.waiting.len() as u32;
        let is_last = index + 1 >= self.parties;
        if is_last {
            self.decide(&mut state, true);
        } else {
            state.waiting.push(caller);
        }
        Reply::Arrived { index, is_last }
    }

    pub(super) fn wait(&self, caller: Caller, wait: Duration) -> Reply {
        let (deadline, mut state) = (Instant::now() + wait, self.state.lock());
        self.decided.wait_while_until(&mut state, |state| state.waiting.contains(&caller), deadline);
        match state.hear(caller) {
            Some(true) => Reply::Done,
            None if state.waiting.contains(&caller) => Reply::Late,
            Some(false) | None => Reply::Refused(Refusal::Broken),
        }
    }

    /// The caller waits no longer, which breaks it, unless all have come in the end.
    pub(super) fn leave(&self, caller: Caller) -> Reply {
        let mut state = self.state.lock();
        if state.waiting.contains(&caller) {
            state.is_broken = true;
            self.decide(&mut state, false);
        }
        Reply::Flag(state.hear(caller) == Some(true))
    }

    pub(super) fn abort(&self) -> Reply {
        let mut state = self.state.lock();
        state.is_broken = true;
        self.decide(&mut state, false);
        Reply::Done
    }

    pub(super) fn reset(&self) -> Reply {
        let mut state = self.state.lock();
        state.is_broken = false;
        self.decide(&mut state, false);
        Reply::Done
    }

    pub(super) fn look(&self) -> Reply {
        let state = self.state.lock();
        Reply::Barrier { parties: self.parties, waiting: state.waiting.len() as u32, is_broken: state.is_broken }
    }

    /// The client is gone.
    pub(super) fn forget(&self, caller: Caller) {
        self.leave(caller);
    }

    pub(super) fn concerns(&self, caller: Caller) -> bool {
        let state = self.state.lock();
        state.waiting.contains(&caller) || state.verdicts.iter().any(|(waited, _)| *waited == caller)
    }

    fn decide(&self, state: &mut State, all_came: bool) {
        let waiting = std::mem::take(&mut state.waiting);
        state.verdicts.extend(waiting.into_iter().map(|caller| (caller, all_came)));
        self.decided.notify_all();
    }
}

impl State {
    fn hear(&mut self, caller: Caller) -> Option<bool> {
        let place = self.verdicts.iter().position(|(waited, _)| *waited == caller)?;
        Some(self.verdicts.remove(place).1)
    }
}
