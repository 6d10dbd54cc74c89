//! Waiting awake for a moment, where that pays.
//!
//! Does **not** know what is waited for.
//!
//! To wake a thread on an idle processor costs 5 µs on bare metal and 25 µs and more in a virtual machine, several times
//! what a small task takes. So who has just been answered quickly looks again for a moment before it sleeps. Who was not
//! answered in that moment loses hope, and soon sleeps at once; a short sleep gives hope again, and makes the moment so much
//! longer that it would have been enough: a large argument is copied for longer than a moment. An idle pool does not
//! spin: nobody's hope outlives a few moments.
//!
//! Who looks lets others through between his looks. If one of them keeps the processor for long, there is none to spare: a thread that
//! yields waits for the other's whole turn, some milliseconds, where one that sleeps is let in as soon as it is woken. So who is
//! robbed like that sleeps at once the next times, twice as often each time it happens again.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long a moment is at least.
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
    /// By how many microseconds a moment is longer than [`MOMENT`], as sleeps were so long.
    longer: u16,
    /// How often it was robbed, as far as that is not forgotten, and how often it will sleep at once for that.
    caution: u8,
    shuns: u16,
}

impl Spin {
    /// Without hope.
    #[must_use]
    pub const fn new() -> Self {
        Self { hope: 0, longer: 0, caution: 0, shuns: 0 }
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
        // Without hope it is not asked how many processors there are, which takes twenty system calls: some workers live for one task.
        if !self.hopes() || !*MANY {
            return None;
        }
        let (began, moment) = (Instant::now(), self.moment());
        let mut waited = Duration::ZERO;
        while waited < moment {
            if let Some(found) = look() {
                self.found();
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

    /// Whether to look at all this time.
    fn hopes(&mut self) -> bool {
        let shuns = self.shuns;
        if self.hope > 0 {
            self.shuns = shuns.saturating_sub(1);
        }
        self.hope > 0 && shuns == 0
    }

    fn moment(&self) -> Duration {
        MOMENT + Duration::from_micros(self.longer.into())
    }

    fn found(&mut self) {
        (self.hope, self.caution) = (HOPE, self.caution.saturating_sub(1));
    }

    /// Nothing was found, in a moment that took so long.
    fn missed(&mut self, waited: Duration) {
        self.hope -= 1;
        self.longer /= 2;
        if waited > ROBBED {
            self.caution = (self.caution + 1).min(CAUTION);
            self.shuns = 1 << self.caution;
        }
    }

    fn slept(&mut self, took: Duration) {
        if took < SHORT {
            self.hope = HOPE;
            // And a quarter, since not each is the same.
            let enough = (took + took / 4).as_micros() as u16;
            self.longer = self.longer.max(enough);
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

    #[test]
    fn hope_ends_after_some_moments_in_vain_and_returns_after_a_short_sleep() {
        let mut spin = hopeful();
        for _ in 0..HOPE {
            assert!(spin.hopes());
            spin.missed(MOMENT);
        }
        assert!(!spin.hopes(), "it sleeps at once");
        spin.slept(SHORT);
        assert!(!spin.hopes(), "that was no short sleep");
        spin.slept(SHORT / 2);
        assert!(spin.hopes());
    }

    #[test]
    fn a_moment_in_vain_ends() {
        let mut spin = hopeful();
        assert_eq!(spin.awake(|| None::<()>), None);
        assert_eq!(spin.hope, if *MANY { HOPE - 1 } else { HOPE }, "with one processor nobody looks");
    }

    #[test]
    fn a_moment_becomes_as_long_as_it_should_have_been_and_never_much_longer() {
        let mut spin = hopeful();
        spin.slept(Duration::from_micros(100));
        assert_eq!(spin.moment(), MOMENT + Duration::from_micros(125));
        spin.slept(Duration::from_micros(20));
        assert_eq!(spin.moment(), MOMENT + Duration::from_micros(125), "that one would have been short enough");
        spin.slept(SHORT);
        assert_eq!(spin.moment(), MOMENT + Duration::from_micros(125), "that was no short sleep");
        spin.slept(SHORT - Duration::from_micros(1));
        assert!(spin.moment() < SHORT * 3 / 2, "{:?}", spin.moment());
        (0..HOPE).for_each(|_| spin.missed(MOMENT));
        assert!(spin.moment() < MOMENT + SHORT / 8, "{:?}", spin.moment());
    }

    #[test]
    fn who_is_robbed_of_the_processor_sleeps_at_once_ever_longer() {
        let mut spin = hopeful();
        for shuns in [2, 4, 8] {
            spin.hope = HOPE;
            spin.missed(ROBBED * 2);
            assert_eq!((0..shuns).filter(|_| spin.hopes()).count(), 0, "{shuns} times it sleeps at once");
        }
        assert!(spin.hopes());
        (0..3).for_each(|_| spin.found());
        spin.missed(ROBBED * 2);
        assert_eq!(spin.shuns, 2, "who was answered in time forgets by and by");
        for _ in 0..100 {
            spin.hope = HOPE;
            spin.missed(ROBBED * 2);
        }
        assert_eq!(spin.shuns, 1 << CAUTION);
    }
}
