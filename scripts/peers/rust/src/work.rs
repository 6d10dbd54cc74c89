//! What is to be done, and how often.

use std::time::{Duration, Instant};

/// All pools have so many workers, but for `ready`.
pub const WORKERS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One task, waited for, then the next.
    Apply,
    /// All submitted, then all waited for.
    Async,
    /// One map of trivial items.
    Map,
    /// One map of tasks of a millisecond each.
    Millisecond,
    /// One task with an argument of a mebibyte, waited for, then the next.
    Mebibyte,
    /// A pool of 8, until its first result.
    Ready,
}

impl Work {
    pub const NAMES: [&str; 6] = ["apply", "async", "map", "map of 1 ms", "1 MiB", "ready 8"];

    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Apply, Self::Async, Self::Map, Self::Millisecond, Self::Mebibyte, Self::Ready];
        Self::NAMES.iter().position(|known| *known == name).map(|at| all[at])
    }

    /// How many tasks or items.
    pub fn count(self) -> u64 {
        match self {
            Self::Apply => 5_000,
            Self::Async => 1_000_000,
            Self::Map => 10_000_000,
            Self::Millisecond => 2_000,
            Self::Mebibyte => 300,
            Self::Ready => 1,
        }
    }

    /// Microseconds for each of [`Work::count`].
    pub fn timed(self, body: impl FnOnce(u64)) -> Option<f64> {
        let began = Instant::now();
        body(self.count());
        Some(began.elapsed().as_secs_f64() * 1e6 / self.count() as f64)
    }
}

pub fn square(n: u64) -> u64 {
    n.wrapping_mul(n)
}

pub fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

/// Keeps a processor busy for a millisecond.
pub fn millisecond(n: u64) -> u64 {
    let until = Instant::now() + Duration::from_millis(1);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    n
}
