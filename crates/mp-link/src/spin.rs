//! Waiting awake for a moment, where that pays.
//!
//! Does **not** know what is waited for.
//!
//! To wake a thread on an idle processor costs 5 µs on bare metal and 25 µs and more in a virtual machine, several times
//! what a small task takes. So who has just been answered quickly looks again for a moment before it sleeps. Who was not
//! answered in that moment loses hope, and soon sleeps at once; a short sleep gives hope again. An idle pool does not
//! spin: nobody's hope outlives a few moments.
//!
//! Who looks lets others through between his looks. If one of them keeps the processor for long, there is none to spare: a thread that
//! yields waits for the other's whole turn, some milliseconds, where one that sleeps is let in as soon as it is woken. So who is
//! robbed like that sleeps at once the next times, twice as often each time it happens again.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long a moment is.
const MOMENT: Duration = Duration::from_micros(40);

/// A sleep that was shorter than this would better have been a moment awake.
const SHORT: Duration = Duration::from_micros(250);

/// So many moments in vain end all hope.
const HOPE: u8 = 4;

/// Who had to wait so long for the processor that he let others have was robbed of it.
const ROBBED: Duration = Duration::from_micros(400);

/// Who was robbed again and again sleeps at once 2 to the power of so many times.
const CAUTION: u8 = 10;

/// Whether one thread's next wait is likely to be short.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spin {
    hope: u8,
    /// How often it was robbed, as far as that is not forgotten, and how often it will sleep at once for that.
    caution: u8,
    shuns: u16,
}

impl Spin {
    /// Without hope.
    #[must_use]
    pub const fn new() -> Self {
        Self { hope: 0, caution: 0, shuns: 0 }
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
        if self.shuns > 0 {
            self.shuns -= 1;
            return None;
        }
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        while waited < MOMENT {
            if let Some(found) = look() {
                (self.hope, self.caution) = (HOPE, self.caution.saturating_sub(1));
                return Some(found);
            }
            std::thread::yield_now();
            waited = began.elapsed();
        }
        self.missed(waited);
        None
    }

    /// The second half of [`Spin::wait`].
    pub fn asleep<T>(&mut self, sleep: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let found = sleep();
        self.slept(began.elapsed());
        found
    }

    /// Nothing was found, in a moment that took so long.
    fn missed(&mut self, waited: Duration) {
        self.hope -= 1;
        if waited > ROBBED {
            self.caution = (self.caution + 1).min(CAUTION);
            self.shuns = 1 << self.caution;
        }
    }

    fn slept(&mut self, took: Duration) {
        if took < SHORT {
            self.hope = HOPE;
        }
    }
}

/// With one processor, who spins keeps from working whom he waits for.
static MANY: LazyLock<bool> = LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|count| count.get() > 1));

#[cfg(test)]
mod tests {
    use super::*;

    fn hopeful() -> Spin {
        Spin { hope: HOPE, ..Spin::new() }
    }

    /// Whether it looks at all.
    fn looks(spin: &mut Spin) -> bool {
        let mut looked = false;
        let _ = spin.awake(|| {
            looked = true;
            Some(())
        });
        looked
    }

    #[test]
    fn hope_ends_after_some_moments_in_vain_and_returns_after_a_short_sleep() {
        let mut spin = hopeful();
        for _ in 0..HOPE {
            let mut now = spin;
            assert!(looks(&mut now));
            spin.missed(MOMENT);
        }
        assert!(!looks(&mut spin), "it sleeps at once");
        spin.slept(SHORT);
        assert!(!looks(&mut spin), "that was no short sleep");
        spin.slept(SHORT / 2);
        assert!(looks(&mut spin));
    }

    #[test]
    fn a_moment_in_vain_ends() {
        let mut spin = hopeful();
        assert_eq!((spin.awake(|| None::<()>), spin.hope), (None, HOPE - 1));
    }

    #[test]
    fn who_is_robbed_of_the_processor_sleeps_at_once_ever_longer() {
        let mut spin = hopeful();
        for shuns in [2, 4, 8] {
            spin.hope = HOPE;
            spin.missed(ROBBED * 2);
            assert_eq!((0..shuns).filter(|_| looks(&mut spin)).count(), 0, "{shuns} times it sleeps at once");
        }
        assert!((0..3).all(|_| looks(&mut spin)));
        spin.missed(ROBBED * 2);
        assert_eq!(spin.shuns, 2, "who was answered in time forgets by and by");
        for _ in 0..100 {
            spin.hope = HOPE;
            spin.missed(ROBBED * 2);
        }
        assert_eq!(spin.shuns, 1 << CAUTION);
    }
}
