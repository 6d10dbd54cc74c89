//! Waiting awake for a moment, where that pays.
//!
//! Does **not** know what is waited for.
//!
//! To wake a thread on an idle processor costs 5 µs on bare metal and 25 µs and more in a virtual machine, several times
//! what a small task takes. So who has just been answered quickly looks again for a moment before it sleeps. Who was not
//! answered in that moment loses hope, and soon sleeps at once; a short sleep gives hope again. An idle pool does not
//! spin: nobody's hope outlives a few moments.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long a moment is.
const MOMENT: Duration = Duration::from_micros(40);

/// A sleep that was shorter than this would better have been a moment awake.
const SHORT: Duration = Duration::from_micros(250);

/// So many moments in vain end all hope.
const HOPE: u8 = 4;

/// Whether one thread's next wait is likely to be short.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spin {
    hope: u8,
}

impl Spin {
    /// Without hope.
    #[must_use]
    pub const fn new() -> Self {
        Self { hope: 0 }
    }

    /// Asks now what is asked at the first moment otherwise.
    pub fn prepare() {
        LazyLock::force(&MANY);
    }

    /// Looks for a moment, if there is hope; then sleeps, if it must. Other threads are let through meanwhile.
    pub fn wait<T>(&mut self, look: impl FnMut() -> Option<T>, sleep: impl FnOnce() -> T) -> T {
        self.awake(look).unwrap_or_else(|| self.asleep(sleep))
    }

    /// The first half of [`Spin::wait`].
    pub fn awake<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        if self.hope == 0 || !*MANY {
            return None;
        }
        let began = Instant::now();
        while began.elapsed() < MOMENT {
            if let Some(found) = look() {
                self.hope = HOPE;
                return Some(found);
            }
            std::thread::yield_now();
        }
        self.hope -= 1;
        None
    }

    /// The second half of [`Spin::wait`].
    pub fn asleep<T>(&mut self, sleep: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let found = sleep();
        if began.elapsed() < SHORT {
            self.hope = HOPE;
        }
        found
    }
}

/// With one processor, who spins keeps from working whom he waits for.
static MANY: LazyLock<bool> = LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|count| count.get() > 1));

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn hope_ends_after_some_moments_in_vain_and_returns_after_a_short_sleep() {
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            None::<()>
        };
        let mut spin = Spin { hope: HOPE };
        for _ in 0..HOPE {
            spin.wait(look, || std::thread::park_timeout(SHORT * 4));
        }
        assert_eq!(spin.hope, 0);
        looks.set(0);
        spin.wait(look, || std::thread::park_timeout(SHORT * 4));
        assert_eq!(looks.get(), 0, "it sleeps at once");
        spin.wait(look, || ());
        assert_eq!(spin.hope, HOPE);
    }
}
