//! Outcomes that come in any order, brought into the order of the input as soon as they can be.
//!
//! Does **not** know where they come from.
//!
//! ```text
//!  values:  | 0 | 1 | 2 | 4 |         of the items before `next` that have a value
//!  failures:  3                       of any items
//!  later:   [ 9..12 ] [ 20..24 ]      what came before its turn
//! ```
//!
//! Each value is written once to where it stays: fresh memory costs more than all else that is done for a small one.

use std::collections::BTreeMap;

use mp_sys::room::vec_with_room;
use mp_wire::Failure;

#[derive(Debug)]
pub(crate) struct Ordered<R> {
    values: Vec<R>,
    next: u64,
    later: BTreeMap<u64, Run<R>>,
    failures: BTreeMap<u64, Failure>,
}

/// Outcomes of items that follow each other.
#[derive(Debug)]
struct Run<R> {
    count: u64,
    /// Of those that have one.
    values: Vec<R>,
}

impl<R> Ordered<R> {
    /// Nothing yet, and room for so many values.
    pub(crate) fn with_room_for(items: usize) -> Self {
        Self { values: vec_with_room(items), next: 0, later: BTreeMap::new(), failures: BTreeMap::new() }
    }

    /// The `count` items from `first` on have outcomes. `fill` appends the values of those that have one; those that have none are
    /// [told apart](Self::fail).
    pub(crate) fn put(&mut self, (first, count): (u64, u64), fill: impl FnOnce(&mut Vec<R>)) {
        if first == self.next {
            fill(&mut self.values);
            self.next += count;
            self.catch_up();
        } else {
            let mut values = Vec::new();
            fill(&mut values);
            self.later.insert(first, Run { count, values });
        }
    }

    /// An item has no value.
    pub(crate) fn fail(&mut self, index: u64, failure: Failure) {
        self.failures.insert(index, failure);
    }

    fn catch_up(&mut self) {
        while let Some(mut run) = self.later.remove(&self.next) {
            self.values.append(&mut run.values);
            self.next += run.count;
        }
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failures.values()
    }

    /// All values, if all of `items` have one; else the first failure by the order of the input.
    pub(crate) fn into_values(mut self, items: u64) -> Result<Vec<R>, Failure> {
        match self.failures.pop_first() {
            Some((_, failure)) => Err(failure),
            None if self.next == items => Ok(self.values),
            None => Err(missing()),
        }
    }

    /// Each item's own outcome.
    pub(crate) fn into_outcomes(mut self, items: u64) -> Vec<Result<R, Failure>> {
        let mut values = self.values.into_iter();
        let outcome = |index| match self.failures.remove(&index) {
            Some(failure) => Err(failure),
            None => values.next().ok_or_else(missing),
        };
        (0..items).map(outcome).collect()
    }
}

/// I1: it never is.
fn missing() -> Failure {
    Failure::stopped("outcome is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(order: &[u64]) -> Ordered<u64> {
        let mut ordered = Ordered::with_room_for(0);
        for first in order {
            ordered.put((*first, 2), |values| values.extend((*first..first + 2).filter(|index| *index != 3)));
        }
        ordered.fail(3, Failure::Cancelled);
        ordered
    }

    #[test]
    fn the_order_in_which_they_come_does_not_matter() {
        for order in [[0, 2, 4], [4, 2, 0], [2, 0, 4], [0, 4, 2]] {
            let expected = [Ok(0), Ok(1), Ok(2), Err(Failure::Cancelled), Ok(4), Ok(5)];
            assert_eq!(filled(&order).into_outcomes(6), expected, "{order:?}");
            assert_eq!(filled(&order).into_values(6), Err(Failure::Cancelled), "{order:?}");
        }
    }

    #[test]
    fn values_are_all_of_them() {
        let mut ordered = Ordered::with_room_for(3);
        for index in [1, 2, 0] {
            ordered.put((index, 1), |values| values.push(index));
        }
        assert_eq!(ordered.into_values(3), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut ordered = Ordered::with_room_for(3);
        ordered.put((2, 1), |values| values.push(2));
        assert_eq!(ordered.into_values(3), Err(missing()));
    }
}
