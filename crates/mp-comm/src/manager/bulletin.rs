//! Events and conditions in a manager's server: who waits to be told something.
//!
//! Does **not** keep a thread waiting for long: a client asks again. What happens between two questions is not lost: an event
//! counts how often it was set, and who waits at a condition has a place there, until he is told or gives up.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::lock::Lock;
use super::objects::Caller;
use super::wire::{Refusal, Reply};

/// An event.
#[derive(Default)]
pub(super) struct Event {
    state: Mutex<(bool, u64)>,
    changed: Condvar,
}

impl Event {
    pub(super) fn set(&self) -> Reply {
        let mut state = self.state.lock();
        *state = (true, state.1 + u64::from(!state.0));
        self.changed.notify_all();
        Reply::Done
    }

    pub(super) fn clear(&self) -> Reply {
        self.state.lock().0 = false;
        Reply::Done
    }

    pub(super) fn look(&self) -> Reply {
        let (is_set, sets) = *self.state.lock();
        Reply::Event { is_set, sets }
    }

    /// Until it is set, or was since it had been set so often.
    pub(super) fn wait(&self, since: u64, wait: Duration) -> Reply {
        let (deadline, mut state) = (Instant::now() + wait, self.state.lock());
        self.changed.wait_while_until(&mut state, |(is_set, sets)| !*is_set && *sets <= since, deadline);
        if state.0 || state.1 > since { Reply::Done } else { Reply::Late }
    }
}

/// A condition, with its lock.
#[derive(Default)]
pub(super) struct Condition {
    pub(super) lock: Lock,
    /// Those who wait, in order.
    places: Mutex<Vec<(Caller, Place)>>,
    notified: Condvar,
}

/// How far the wait of one has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Notified,
    /// Notified, and has the lock again. If he was never told so, the next is to hear it.
    Back,
}

impl Condition {
    /// The caller waits from now on, and gives the lock back.
    pub(super) fn enroll(&self, caller: Caller) -> Reply {
        if !self.lock.is_held_by(caller) {
            return Reply::Refused(Refusal::NotHeld);
        }
        self.leave(caller);
        self.places.lock().push((caller, Place::Waiting));
        self.lock.release(caller)
    }

    pub(super) fn wait(&self, caller: Caller, wait: Duration) -> Reply {
        let (deadline, mut places) = (Instant::now() + wait, self.places.lock());
        let told = (caller, Place::Notified);
        self.notified.wait_while_until(&mut places, |places| !places.contains(&told), deadline);
        if places.contains(&told) { Reply::Done } else { Reply::Late }
    }

    /// The caller waits no longer; whether he was notified in the end.
    pub(super) fn withdraw(&self, caller: Caller) -> Reply {
        let mut places = self.places.lock();
        places.retain(|place| *place != (caller, Place::Waiting));
        Reply::Flag(places.contains(&(caller, Place::Notified)))
    }

    /// Takes the lock, with which a wait is over.
    pub(super) fn acquire(&self, caller: Caller, wait: Duration) -> Reply {
        let reply = self.lock.acquire(caller, wait);
        if matches!(reply, Reply::Acquired { .. }) {
            self.turn(caller, (Place::Notified, Place::Back));
        }
        reply
    }

    /// The caller was not told that he has the lock.
    pub(super) fn take_back(&self, caller: Caller, abandoned_by: Option<u32>) {
        self.turn(caller, (Place::Back, Place::Notified));
        self.lock.let_go(caller, abandoned_by);
    }

    pub(super) fn release(&self, caller: Caller) -> Reply {
        self.leave(caller);
        self.lock.release(caller)
    }

    /// Notifies those who have waited longest.
    pub(super) fn notify(&self, caller: Caller, count: u64) -> Reply {
        if !self.lock.is_held_by(caller) {
            return Reply::Refused(Refusal::NotHeld);
        }
        Reply::Count(self.tell(count))
    }

    fn tell(&self, count: u64) -> u64 {
        let mut places = self.places.lock();
        let waiting = places.iter_mut().filter(|(_, place)| *place == Place::Waiting);
        let told = waiting.take(usize::try_from(count).unwrap_or(usize::MAX));
        let told = told.map(|(_, place)| *place = Place::Notified).count();
        self.notified.notify_all();
        told as u64
    }

    fn turn(&self, caller: Caller, (from, to): (Place, Place)) {
        let mut places = self.places.lock();
        places.iter_mut().filter(|place| **place == (caller, from)).for_each(|(_, place)| *place = to);
    }

    fn leave(&self, caller: Caller) -> Option<Place> {
        let mut places = self.places.lock();
        let index = places.iter().position(|(waiting, _)| *waiting == caller)?;
        Some(places.remove(index).1)
    }

    /// The client is gone: the next hears what he was notified of.
    pub(super) fn forget(&self, caller: Caller) {
        if self.leave(caller) == Some(Place::Notified) {
            self.tell(1);
        }
        self.lock.forget(caller);
    }

    pub(super) fn concerns(&self, caller: Caller) -> bool {
        self.lock.is_held_by(caller) || self.places.lock().iter().any(|(waiting, _)| *waiting == caller)
    }
}
