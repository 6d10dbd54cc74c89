//! Items that never became tasks, among those that did: which number each has in the input.
//!
//! Does **not** know why an item was rejected.
//!
//! ```text
//!  input    0  1  2  3  4  5        rejected 1 and 2, so the pool counts
//!  pool     0  x  x  1  2  3        and its number 1 is the input's number 3
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::problem::Problem;

/// Shared between who reads items and who numbers their outcomes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejects(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Numbers in the input, counting up.
    numbers: Vec<u64>,
    /// Those not reported yet.
    pending: VecDeque<(u64, Problem)>,
}

impl Rejects {
    /// Notes that item `number` of the input is no task. Numbers come in order.
    pub(crate) fn add(&self, number: u64, why: Problem) {
        let mut inner = self.lock();
        inner.numbers.push(number);
        inner.pending.push_back((number, why));
    }

    /// The number in the input of the pool's item `number`.
    pub(crate) fn in_input(&self, number: u64) -> u64 {
        let inner = self.lock();
        // numbers[i] - i, the accepted items before the reject i, never falls: the search may be binary.
        let (mut low, mut high) = (0, inner.numbers.len());
        while low < high {
            let middle = low.midpoint(high);
            if inner.numbers[middle] - middle as u64 <= number { low = middle + 1 } else { high = middle }
        }
        number + low as u64
    }

    /// Takes the next one to report, if it comes before `number`.
    pub(crate) fn take_before(&self, number: u64) -> Option<(u64, Problem)> {
        let mut inner = self.lock();
        match inner.pending.front() {
            Some((first, _)) if *first < number => inner.pending.pop_front(),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_skip_what_was_rejected() {
        let rejects = Rejects::default();
        for number in [1, 2, 5] {
            rejects.add(number, Problem::usage("no"));
        }
        assert_eq!([0, 1, 2, 3, 4].map(|number| rejects.in_input(number)), [0, 3, 4, 6, 7]);
        assert_eq!(Rejects::default().in_input(7), 7);
    }

    #[test]
    fn each_is_reported_once_in_its_place() {
        let rejects = Rejects::default();
        rejects.add(1, Problem::usage("no"));
        rejects.add(4, Problem::usage("no"));
        assert_eq!(rejects.take_before(1), None);
        assert_eq!(rejects.take_before(3).map(|(number, _)| number), Some(1));
        assert_eq!(rejects.take_before(3), None);
        assert_eq!(rejects.take_before(u64::MAX).map(|(number, _)| number), Some(4));
    }
}
