//! How often which time was seen: counts in buckets that grow with the time, each an eighth of its time wide at most.
//!
//! Does **not** know what is timed. It takes 4 KiB at most, whatever it counts.

use std::time::Duration;

/// Buckets of one power of two.
const PARTS: u32 = 8;

/// Times, each known to an eighth.
///
/// # Examples
/// ```
/// # fn pause(ms: u64) { std::thread::sleep(std::time::Duration::from_millis(ms)) } // sleep: so that there is a time
/// # let pool = mp_supervisor::Pool::builder().backend(mp_supervisor::Backend::Threads).workers(2).build()?;
/// pool.map(pause, [1, 1, 1, 500])?;
/// let times = pool.stats().run_times;
/// assert_eq!(times.count(), 4);
/// assert!(times.percentile(50.0) < times.percentile(100.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// As long as the largest time needs.
    counts: Vec<u64>,
}

impl Histogram {
    /// `times` times that took `time` each.
    pub(crate) fn add(&mut self, time: Duration, times: u64) {
        let bucket = bucket_of(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += times;
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that `percent` of all do not exceed, 50 for the median, too large by an eighth at most. `None` where nothing was
    /// counted.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let wanted = (self.count() as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil().max(1.0);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen as f64 >= wanted
        });
        found.map(|bucket| Duration::from_nanos(last_of(bucket)))
    }

    /// Each bucket in which something is: the longest time of it, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (Duration::from_nanos(last_of(bucket)), *count))
    }
}

fn bucket_of(ns: u64) -> usize {
    let power = ns.max(1).ilog2();
    if power < PARTS.ilog2() {
        return ns as usize;
    }
    let shift = power - PARTS.ilog2();
    ((shift * PARTS) as u64 + (ns >> shift)) as usize
}

/// The longest time of a bucket, in nanoseconds.
fn last_of(bucket: usize) -> u64 {
    let (bucket, parts) = (bucket as u64, u64::from(PARTS));
    if bucket < 2 * parts {
        return bucket;
    }
    let shift = bucket / parts - 1;
    let part = u128::from(bucket % parts + parts + 1);
    u64::try_from((part << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_lies_in_its_bucket_and_that_is_narrow() {
        let powers = (0..64).flat_map(|power| [-1_i64, 0, 1].map(|off| (1_u64 << power).wrapping_add_signed(off)));
        let times = (0..100).chain(powers).chain([u64::MAX, 1_000_000_007]);
        for ns in times {
            let bucket = bucket_of(ns);
            let (last, before) = (last_of(bucket), bucket.checked_sub(1).map(last_of));
            assert!(ns <= last && before.is_none_or(|before| before < ns), "{ns} in {before:?}..={last}");
            assert!(last - ns <= ns / u64::from(PARTS), "{ns} in a bucket up to {last}");
        }
        assert!(bucket_of(u64::MAX) < 512);
    }

    #[test]
    fn percentiles_are_those_of_what_was_counted() {
        let mut times = Histogram::default();
        assert_eq!((times.percentile(50.0), times.count()), (None, 0));
        times.add(Duration::from_nanos(5), 98);
        times.add(Duration::from_micros(1), 1);
        times.add(Duration::MAX, 1);
        assert_eq!(times.count(), 100);
        assert_eq!(times.percentile(0.0), Some(Duration::from_nanos(5)));
        assert_eq!(times.percentile(98.0), Some(Duration::from_nanos(5)));
        assert!(times.percentile(99.0).is_some_and(|time| (1000..1125).contains(&time.as_nanos())));
        assert_eq!(times.percentile(100.0), Some(Duration::from_nanos(u64::MAX)));
        assert_eq!(times.buckets().map(|(_, count)| count).collect::<Vec<_>>(), [98, 1, 1]);
    }
}
