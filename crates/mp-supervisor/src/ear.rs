//! Who hears the workers just now: the reactor's thread, or a caller who is awake and waits for an outcome.
//!
//! Does **not** know what is heard.
//!
//! A thread that sleeps in `epoll_wait` is woken by every frame, also by those that a caller who is awake takes in anyway: for
//! a small task that wake-up cost as much as all the rest. So as long as a caller listens, the reactor's thread rests
//! elsewhere, where no frame wakes it.
//!
//! ```text
//!  caller:   listens ─ listens ─ outcome ┄┄┄ listens ─ .. ─ sleeps: gives back ─┐
//!  reactor:  woken in vain ─▶ rests ───────────▶ still lent? rests ──────────────┴▶ sleeps in epoll_wait
//! ```
//!
//! Who falls asleep to wait for something gives it back, for all. Otherwise it ends by itself: what comes when no caller listens
//! any more is heard later by one [`REST`] at most.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mp_sys::clock::monotonic_ns;
use parking_lot::{Condvar, Mutex};

/// So long a caller counts as listening after he did: he has his outcome, and perhaps comes with the next task.
const LENT: Duration = Duration::from_micros(100);

/// So long the reactor's thread rests at a time.
const REST: Duration = Duration::from_micros(400);

/// Nobody listens.
const BACK: u64 = 0;

/// The ear of a reactor.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    /// When a caller has last listened, in nanoseconds of CLOCK_MONOTONIC.
    listened_ns: AtomicU64,
    resting: Mutex<bool>,
    back: Condvar,
}

impl Ear {
    /// The calling thread listens now.
    pub(crate) fn lend(&self) {
        self.listened_ns.store(monotonic_ns(), Ordering::Relaxed);
    }

    /// The calling thread is about to sleep, and wants to be told of what comes.
    pub(crate) fn give_back(&self) {
        let listened = self.listened_ns.load(Ordering::Relaxed) != BACK;
        if listened && self.listened_ns.swap(BACK, Ordering::AcqRel) != BACK && *self.resting.lock() {
            self.back.notify_one();
        }
    }

    /// Rests for a moment, at most for `limit`, if a caller listens; `false` at once, if none does.
    pub(crate) fn rest(&self, limit: Option<Duration>) -> bool {
        if !self.is_lent() {
            return false;
        }
        let mut resting = self.resting.lock();
        // Under the lock: who has given back meanwhile finds nobody to notify.
        if self.is_lent() {
            *resting = true;
            self.back.wait_for(&mut resting, limit.map_or(REST, |limit| limit.min(REST)));
            *resting = false;
        }
        true
    }

    fn is_lent(&self) -> bool {
        let listened_ns = self.listened_ns.load(Ordering::Acquire);
        listened_ns != BACK && u128::from(monotonic_ns().saturating_sub(listened_ns)) < LENT.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn nobody_rests_while_nobody_listens() {
        let ear = Ear::default();
        assert!(!ear.rest(None));
        ear.lend();
        ear.give_back();
        assert!(!ear.rest(None));
    }

    #[test]
    fn what_is_not_given_back_is_over_by_itself() {
        let ear = Ear::default();
        let began = Instant::now();
        ear.lend();
        while ear.rest(None) {
            assert!(began.elapsed() < Duration::from_secs(10), "it rests for ever");
        }
        assert!(began.elapsed() >= LENT);
    }

    #[test]
    fn who_rests_is_told_when_it_is_given_back() {
        // A caller that listens without an end, and gives back: the one who rests gets away each time.
        let ear = Ear::default();
        std::thread::scope(|scope| {
            for _ in 0..100 {
                ear.lend();
                let rests = scope.spawn(|| while ear.rest(None) {});
                ear.lend();
                ear.give_back();
                rests.join().expect("no panic");
            }
        });
    }
}
