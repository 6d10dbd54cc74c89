//! The task that is measured: it carries a payload, works for a set time, and says when it began and ended.
//!
//! Does **not** know where it runs.
//!
//! The work is a number of turns of a computation, not a time on a clock: two that share a processor take twice as long, as
//! any work would. How many turns a nanosecond has is measured before.

use std::hint::black_box;
use std::sync::Arc;

use mp_sys::clock::monotonic_ns;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

/// Bytes that a task carries: cheap to clone and to hand to a thread; encoded and decoded by one copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload(Arc<Vec<u8>>);

impl Payload {
    /// So many bytes, none of them like the next.
    #[must_use]
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new((0..bytes).map(|at| at as u8).collect()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ByteBuf::deserialize(deserializer).map(|bytes| Self(Arc::new(bytes.into_vec())))
    }
}

/// When a task's function began and ended, on the clock that all processes share, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) began_ns: u64,
    pub(crate) ended_ns: u64,
}

impl Stamp {
    pub(crate) fn run_ns(self) -> f64 {
        self.ended_ns.saturating_sub(self.began_ns) as f64
    }
}

/// The arguments of [`probe`].
pub(crate) type Item = (u64, Payload);

/// The task.
pub(crate) fn probe(turns: u64, payload: Payload) -> Stamp {
    let began_ns = monotonic_ns();
    work(turns);
    black_box(&payload);
    Stamp { began_ns, ended_ns: monotonic_ns() }
}

#[inline(never)]
fn work(turns: u64) {
    let mut state = black_box(0x9E37_79B9_7F4A_7C15_u64);
    for _ in 0..turns {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
}

/// How fast the work goes here, when nothing is in its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    turns_per_ns: f64,
}

impl Pace {
    /// Times it; the fastest of many tries, for what disturbs only slows.
    pub(crate) fn find() -> Self {
        const TURNS: u64 = 1 << 16;
        const TRIES: u32 = 40;
        Self::of(TURNS, (0..TRIES).map(|_| probe(TURNS, Payload::new(0)).run_ns()))
    }

    /// That of so many turns, when each try took so long.
    fn of(turns: u64, tries: impl Iterator<Item = f64>) -> Self {
        let fastest = tries.fold(f64::INFINITY, f64::min);
        Self { turns_per_ns: turns as f64 / fastest.max(1.0) }
    }

    /// The turns that take so long.
    pub(crate) fn turns(self, ns: u64) -> u64 {
        (ns as f64 * self.turns_per_ns) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_crosses_whole() {
        let payload = Payload::new(300);
        let bytes = mp_wire::codec::encode(&(7_u64, payload.clone())).expect("encodes");
        assert_eq!(mp_wire::codec::decode::<Item>(&bytes), Ok((7, payload)));
    }

    #[test]
    fn turns_are_in_proportion_to_the_time_by_the_fastest_of_all_tries() {
        let pace = Pace::of(3_000, [2_500.0, 2_000.0, 9e9].into_iter());
        assert_eq!([0, 2, 10_000, 100_000].map(|ns| pace.turns(ns)), [0, 3, 15_000, 150_000]);
        assert_eq!(Pace::of(3_000, [0.0].into_iter()).turns(2), 6_000, "a clock that stands still is no division by 0");
    }

    /// How long turns take is the machine's matter; that they are worked off, whatever the optimizer may think of it, is ours.
    #[test]
    fn a_hundred_times_as_many_turns_take_longer() {
        let best = |turns| (0..20).map(|_| probe(turns, Payload::new(0)).run_ns()).fold(f64::INFINITY, f64::min);
        let (few, many) = (best(10_000), best(1_000_000));
        assert!(many > few, "{few} ns for few, {many} ns for many");
        let turns = Pace::find().turns(1_000_000);
        assert!(turns > 0 && turns < u64::MAX, "{turns} turns in a millisecond");
    }
}
