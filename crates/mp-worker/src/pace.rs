//! How often a worker looks at the clock: before and after each item where that is little beside the item, else for a group of
//! items together.
//!
//! Does **not** know what the items do.
//!
//! ```text
//!  items of 1 ms:     | item |      | item |      | item |         each is timed, each has a start of its own
//!  items of 100 ns:   | item item item item .. | item item ..      the first of a group is timed and stands for the others;
//!                     ^ start                  ^ start             the group's time decides how many the next one has
//! ```
//!
//! A look costs some 30 ns, in a virtual machine. An item with a time limit is always a group of its own.

use mp_wire::record::Times;

use crate::clock::monotonic_ns;
use crate::task::Ran;

/// The most items in a group: so many may run, when items suddenly become long, before that is noticed.
const MOST: u32 = 128;

/// A group should take so long, in nanoseconds: the time that a look costs is a hundredth of it.
const GROUP_NS: u64 = 5_000;

/// A group that took so long, in nanoseconds, was taken for shorter items.
const SURPRISE_NS: u64 = 1_000_000;

/// An item that ran so long, in nanoseconds, is answered at once: a send costs a fifth of it. ..
const LONG_NS: u64 = 10_000;

/// .. But where many wait, not so soon after the one before, in nanoseconds: who hears each answer takes 25 µs of a processor,
/// perhaps this one's. It is less than the silence after which a supervisor looks by itself.
const GAP_NS: u64 = 2_500_000;

#[derive(Debug)]
pub(crate) struct Pace {
    /// How many items the next group has.
    group: u32,
    /// How many of this group have been begun, and how many it has.
    begun: u32,
    size: u32,
    began_ns: u64,
    /// What the first of the group took.
    sample_ns: u64,
    /// When a long item was last answered.
    answered_ns: u64,
}

/// The time that a group took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lap {
    /// How long its functions ran, in nanoseconds.
    pub(crate) spent_ns: u64,
    /// Whether somebody may have waited for what it found.
    pub(crate) long: bool,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { group: 1, begun: 0, size: 0, began_ns: 0, sample_ns: 0, answered_ns: 0 }
    }

    /// The next item is about to begin. Where it begins a group, gives the time, and it is to be timed.
    #[inline]
    pub(crate) fn begin(&mut self, alone: bool) -> Option<u64> {
        self.begun += 1;
        if self.begun > 1 { None } else { Some(self.begin_group(alone)) }
    }

    #[cold]
    fn begin_group(&mut self, alone: bool) -> u64 {
        self.size = if alone { 1 } else { self.group };
        self.began_ns = monotonic_ns();
        self.began_ns
    }

    /// The item that was begun last does not count: it was not ours, or has no value.
    #[inline]
    pub(crate) fn unbegin(&mut self) {
        self.begun = self.begun.saturating_sub(1);
    }

    /// So many items may be begun without a look at the clock, and none of them is the group's last.
    #[inline]
    pub(crate) fn middle(&self) -> u32 {
        if self.begun == 0 { 0 } else { self.size.saturating_sub(self.begun + 1) }
    }

    /// So many of them were begun.
    #[inline]
    pub(crate) fn began(&mut self, items: u32) {
        self.begun += items;
    }

    /// The times of the item that has just ended, which is a group of its own and ran so long.
    #[cold]
    pub(crate) fn times(&self, ran: Ran) -> Times {
        Times { begun_ns: self.began_ns, ran_from_ns: ran.from_ns, ran_ns: ran.run_ns, done_ns: monotonic_ns() }
    }

    /// As [`Pace::times`], of one that has no value: how far it came is not known.
    #[cold]
    pub(crate) fn times_of_failed(&self) -> Times {
        let (begun_ns, done_ns) = (self.began_ns, monotonic_ns());
        Times { begun_ns, ran_from_ns: begun_ns, ran_ns: done_ns.saturating_sub(begun_ns), done_ns }
    }

    /// The item has ended. The first of its group ran so long. Gives whether it was the group's last.
    #[inline]
    pub(crate) fn ends(&mut self, run_ns: u64) -> bool {
        if self.begun == 1 {
            self.sample_ns = run_ns;
        }
        self.begun == self.size
    }

    /// The group ends here.
    #[cold]
    pub(crate) fn lap(&mut self) -> Option<Lap> {
        let items = std::mem::take(&mut self.begun);
        match items {
            0 => None,
            1 => Some(self.single()),
            _ => Some(self.several(items)),
        }
    }

    fn single(&mut self) -> Lap {
        self.adapt(1, self.sample_ns);
        let over_ns = self.began_ns.saturating_add(self.sample_ns);
        let long = self.sample_ns >= LONG_NS && over_ns.saturating_sub(self.answered_ns) >= GAP_NS;
        if long {
            self.answered_ns = over_ns;
        }
        Lap { spent_ns: self.sample_ns, long }
    }

    fn several(&mut self, items: u32) -> Lap {
        let took = monotonic_ns().saturating_sub(self.began_ns);
        self.adapt(items, took);
        let surprise = took >= SURPRISE_NS;
        // What the first took says nothing, where the others took so much more.
        let spent_ns = if surprise { took } else { took.min(self.sample_ns.saturating_mul(u64::from(items))) };
        Lap { spent_ns, long: surprise }
    }

    /// Groups grow step by step, and shrink at once.
    fn adapt(&mut self, items: u32, took_ns: u64) {
        let each = (took_ns / u64::from(items)).max(1);
        let fits = u32::try_from(GROUP_NS / each).unwrap_or(MOST);
        self.group = fits.min(items.max(1) * 2).clamp(1, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_items_are_timed_one_by_one() {
        let mut pace = Pace::new();
        for n in 1..=3 {
            assert!(pace.begin(false).is_some());
            pace.began_ns = n * GAP_NS;
            assert!(pace.ends(GAP_NS));
            assert_eq!(pace.lap(), Some(Lap { spent_ns: GAP_NS, long: true }));
        }
    }

    #[test]
    fn long_items_are_answered_at_once_but_not_one_right_after_the_other() {
        let mut pace = Pace::new();
        let answered = (1..=9).filter(|n| {
            assert!(pace.begin(false).is_some());
            // As if they had followed each other.
            pace.began_ns = n * 1_000_000 + GAP_NS;
            assert!(pace.ends(1_000_000));
            pace.lap().is_some_and(|lap| lap.long)
        });
        assert_eq!(answered.collect::<Vec<_>>(), [1, 4, 7]);
    }

    #[test]
    fn short_items_are_timed_in_groups_unless_each_has_its_limit() {
        let mut pace = Pace { group: 4, ..Pace::new() };
        assert!(pace.begin(false).is_some());
        assert!(!pace.ends(10));
        assert_eq!((pace.begin(false), pace.ends(0)), (None, false));
        let lap = pace.lap().expect("two items");
        assert!(lap.spent_ns <= 20 && !lap.long, "{lap:?}");
        assert_eq!(pace.lap(), None);
        assert!(pace.begin(true).is_some());
        assert!(pace.ends(10));
        assert_eq!(pace.lap(), Some(Lap { spent_ns: 10, long: false }));
    }

    #[test]
    fn groups_grow_by_steps_and_never_beyond_their_bound() {
        let mut pace = Pace::new();
        let mut sizes = Vec::new();
        for _ in 0..8 {
            pace.adapt(pace.group, 0);
            sizes.push(pace.group);
        }
        assert_eq!(sizes, [2, 4, 8, 16, 32, 64, 128, 128]);
        pace.adapt(32, SURPRISE_NS);
        assert_eq!(pace.group, 1);
    }
}
