//! How long tasks run, as far as that is known.
//!
//! Does **not** know which tasks: it is an average over a pool, the last ones counting most.

use std::time::Duration;

/// A task that runs so long is worth a frame of its own: what a frame costs on its way is a tenth of it.
const LONG: Duration = Duration::from_micros(50);

/// The mean run time of the last tasks, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    mean_ns: Option<u64>,
}

impl Pace {
    /// `items` tasks have run for `spent`, together.
    pub(crate) fn ran(&mut self, items: u32, spent: Duration) {
        if items == 0 {
            return;
        }
        let each = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX) / u64::from(items);
        self.mean_ns = Some(match self.mean_ns {
            None => each,
            Some(mean) => mean - mean / 4 + each / 4,
        });
    }

    /// Whether tasks are short, and so better sent many together. Nothing known is no.
    pub(crate) fn is_short(&self) -> bool {
        self.mean_ns.is_some_and(|mean| u128::from(mean) < LONG.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_short_when_most_of_the_last_were() {
        let mut pace = Pace::default();
        assert!(!pace.is_short(), "nothing is known");
        pace.ran(1000, Duration::from_micros(100));
        assert!(pace.is_short());
        pace.ran(1, Duration::from_millis(10));
        assert!(!pace.is_short());
        (0..40).for_each(|_| pace.ran(100, Duration::from_micros(10)));
        assert!(pace.is_short());
        pace.ran(0, Duration::MAX);
        pace.ran(1, Duration::MAX);
        assert!(!pace.is_short());
    }
}
