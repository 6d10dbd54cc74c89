//! What waits for a worker: the most urgent first, and in order of arrival within one priority.
//!
//! Does **not** know workers, nor when a span is taken.
//!
//! ```text
//!   others, above 0:   9 ─▶ [ a b ]     1 ─▶ [ c ]
//!   plain, 0:              [ d e f g .. ]             nearly always the only one
//!   others, below 0:  -3 ─▶ [ h ]
//! ```
//!
//! Where no priority is used, `others` is empty, and all is done on one plain queue. No lane of `others` is empty.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use mp_wire::TaskId;

use crate::span::Span;

type Lane = VecDeque<Span>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog {
    plain: Lane,
    others: BTreeMap<Reverse<i32>, Lane>,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.others.is_empty()
    }

    /// How many spans.
    pub(crate) fn len(&self) -> usize {
        self.plain.len() + self.others.values().map(VecDeque::len).sum::<usize>()
    }

    /// Behind all that are as urgent.
    pub(crate) fn push_back(&mut self, span: Span) {
        self.lane(span.terms.priority).push_back(span);
    }

    /// Before all that are as urgent.
    pub(crate) fn push_front(&mut self, span: Span) {
        self.lane(span.terms.priority).push_front(span);
    }

    pub(crate) fn front(&self) -> Option<&Span> {
        self.iter().next()
    }

    pub(crate) fn front_mut(&mut self) -> Option<&mut Span> {
        match self.first_other() {
            None => self.plain.front_mut(),
            Some(key) => self.others.get_mut(&key)?.front_mut(),
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<Span> {
        match self.first_other() {
            None => self.plain.pop_front(),
            Some(key) => {
                let lane = self.others.get_mut(&key)?;
                let span = lane.pop_front();
                if lane.is_empty() {
                    self.others.remove(&key);
                }
                span
            }
        }
    }

    /// In the order in which they are taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Span> {
        let above = self.others.range(..Reverse(0)).flat_map(|(_, lane)| lane);
        let below = self.others.range(Reverse(0)..).flat_map(|(_, lane)| lane);
        above.chain(&self.plain).chain(below)
    }

    /// Takes out all, in the order in which they would have been taken.
    pub(crate) fn drain(&mut self) -> Vec<Span> {
        std::iter::from_fn(|| self.pop_front()).collect()
    }

    /// Takes out this one item.
    pub(crate) fn take(&mut self, task: TaskId) -> Option<Span> {
        if let Some(item) = take_from(&mut self.plain, task) {
            return Some(item);
        }
        let item = self.others.values_mut().find_map(|lane| take_from(lane, task))?;
        self.others.retain(|_, lane| !lane.is_empty());
        Some(item)
    }

    /// Whether what is submitted without a priority would overtake something here.
    pub(crate) fn has_milder(&self) -> bool {
        self.others.last_key_value().is_some_and(|(key, _)| key.0 < 0)
    }

    fn lane(&mut self, priority: i32) -> &mut Lane {
        match priority {
            0 => &mut self.plain,
            other => self.others.entry(Reverse(other)).or_default(),
        }
    }

    /// The lane from which the next is taken, unless that is the plain one.
    fn first_other(&self) -> Option<Reverse<i32>> {
        let (key, _) = self.others.first_key_value()?;
        (key.0 > 0 || self.plain.is_empty()).then_some(*key)
    }
}

fn take_from(lane: &mut Lane, task: TaskId) -> Option<Span> {
    let within = |span: &Span| span.first <= task && task < span.first.plus(span.len());
    let at = lane.iter().position(within)?;
    let mut after = lane.remove(at)?;
    let before = after.take_front((task.0 - after.first.0) as u32);
    let item = after.take_front(1);
    for part in [after, before].into_iter().filter(|part| !part.is_empty()) {
        lane.insert(at, part);
    }
    Some(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terms;

    fn span(first: u64, len: u32, priority: i32) -> Span {
        let terms = Terms { priority, ..Terms::default() };
        Span { job: 0, from: 0, to: len, first: TaskId(first), weight: 1, attempt: 1, terms }
    }

    fn firsts(backlog: &mut Backlog) -> Vec<u64> {
        let seen: Vec<_> = backlog.iter().map(|span| span.first.0).collect();
        let taken: Vec<_> = backlog.drain().iter().map(|span| span.first.0).collect();
        assert_eq!(seen, taken);
        assert!(backlog.is_empty() && backlog.front().is_none());
        taken
    }

    #[test]
    fn the_most_urgent_comes_first_and_within_one_priority_the_first() {
        let mut backlog = Backlog::default();
        for (first, priority) in [(1, 0), (2, -1), (3, 7), (4, 0), (5, i32::MAX), (6, i32::MIN), (7, 7), (8, -1)] {
            backlog.push_back(span(first, 1, priority));
        }
        backlog.push_front(span(9, 1, 7));
        backlog.push_front(span(10, 1, 0));
        assert_eq!((backlog.len(), backlog.front().map(|span| span.first.0)), (10, Some(5)));
        assert_eq!(firsts(&mut backlog), [5, 9, 3, 7, 10, 1, 4, 2, 8, 6]);
    }

    #[test]
    fn one_item_is_taken_out_of_any_lane() {
        let mut backlog = Backlog::default();
        backlog.push_back(span(1, 3, 0));
        backlog.push_back(span(10, 3, 5));
        backlog.push_back(span(20, 1, -5));
        assert!(backlog.has_milder());
        let mut take = |task| backlog.take(TaskId(task)).map(|span| (span.first.0, span.len()));
        assert_eq!(
            [take(2), take(2), take(11), take(20), take(99)],
            [Some((2, 1)), None, Some((11, 1)), Some((20, 1)), None]
        );
        assert!(!backlog.has_milder(), "an empty lane is none");
        assert_eq!(firsts(&mut backlog), [10, 12, 1, 3]);
    }
}
