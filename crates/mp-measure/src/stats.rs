//! Medians and percentiles.
//!
//! Does **not** know what the numbers mean.

use serde::Serialize;

/// How times are spread, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half of them are below.
    pub p50: f64,
    /// Nine of ten are below.
    pub p90: f64,
    /// 99 of 100 are below; with fewer than 100 it is the longest.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Spread {
    /// Of these, in any order; `None` of none.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at = |share| percentile(&values, share);
        Some(Self { p50: at(0.5)?, p90: at(0.9)?, p99: at(0.99)?, max: *values.last()? })
    }
}

/// The smallest value that at least this share of `sorted` does not exceed; of an even number, the median is the mean of
/// the two in the middle.
#[must_use]
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let count = sorted.len();
    if share == 0.5 && count > 0 && count.is_multiple_of(2) {
        return Some(f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]));
    }
    let rank = (share * count as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(count).checked_sub(1)?).copied()
}

/// The median, in any order; `None` of none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let spread = Spread::of((1..=1000).rev().map(f64::from).collect()).expect("some");
        assert_eq!(spread, Spread { p50: 500.5, p90: 900.0, p99: 990.0, max: 1000.0 });
        let few = Spread::of(vec![3.0, 1.0, 2.0]).expect("some");
        assert_eq!(few, Spread { p50: 2.0, p90: 3.0, p99: 3.0, max: 3.0 });
        assert_eq!(Spread::of(vec![7.0]).expect("one").p99, 7.0);
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn one_outlier_does_not_move_the_median() {
        assert_eq!(median(vec![5.0, 4.0, 1e9, 6.0, 5.0]), Some(5.0));
        assert_eq!(median(Vec::new()), None);
    }
}
