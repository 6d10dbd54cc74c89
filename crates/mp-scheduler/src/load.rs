//! What one worker has been sent and not yet answered.
//!
//! Does **not** know why it was sent, or what follows from a death.
//!
//! ```text
//!   frames:   [ number 7: items a b c | done 2 ]  [ number 8: items d e f g | done 0 ]
//!                           ▲ head: the next outcome must be c's
//! ```
//!
//! A frame of which something was taken back stays until the worker has walked past it and said so: until then it lies in
//! the kernel's buffer or before the worker, its credit is spent (I3), and its claim word is in use.

use std::collections::VecDeque;
use std::time::Duration;

use mp_wire::TaskId;

use crate::retry::Retry;
use crate::span::Span;

#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    frames: VecDeque<Frame>,
}

#[derive(Clone, Debug)]
struct Frame {
    number: u32,
    done: u16,
    /// The items in `spans`, which are too many to be counted for each decision.
    open: u32,
    /// The shortest time limit in it.
    limit: Option<Duration>,
    /// All that is left has begun.
    begun: bool,
    /// Something was taken back, and the worker has not said that it is past it.
    unwalked: bool,
    /// It is for this worker and no other.
    own: bool,
    spans: VecDeque<Span>,
}

/// Of each frame in flight: its number, and how many items.
type Counts = [(u32, u16)];

impl Frame {
    fn new(number: u32, spans: &[Span]) -> Self {
        let open = spans.iter().map(Span::len).sum();
        let limit = spans.iter().filter_map(|span| span.terms.timeout).min();
        let own = spans.iter().any(|span| span.terms.own);
        let spans = spans.iter().copied().collect();
        Self { number, done: 0, open, limit, begun: false, unwalked: false, own, spans }
    }

    /// Takes up to `count` items of the first span.
    fn take_front(&mut self, count: u32) -> Option<Span> {
        let front = self.spans.front_mut()?;
        let items = front.take_front(count);
        if front.is_empty() {
            self.spans.pop_front();
        }
        self.done += items.len() as u16;
        self.open -= items.len();
        Some(items)
    }

    /// Takes `count` items from the end, in order.
    fn take_back(&mut self, count: u16) -> Vec<Span> {
        let mut taken = VecDeque::new();
        let mut left = u32::from(count).min(self.open);
        self.open -= left;
        self.unwalked |= left > 0;
        while left > 0
            && let Some(last) = self.spans.back_mut()
        {
            let part = last.take_back(left);
            left -= part.len();
            if last.is_empty() {
                self.spans.pop_back();
            }
            taken.push_front(part);
        }
        taken.into()
    }

    /// How many items have been begun and have no outcome, by what the worker wrote. What cannot be is read as the
    /// nearest that can.
    fn unanswered(&self, begun: &Counts) -> u32 {
        let begun = begun.iter().find(|(number, _)| *number == self.number).map_or(0, |(_, items)| *items);
        u32::from(begun.saturating_sub(self.done)).min(self.open)
    }

    fn nth(&self, n: u32) -> Option<Span> {
        let mut before = n;
        for span in &self.spans {
            if before < span.len() {
                let mut rest = *span;
                rest.take_front(before);
                return Some(rest.take_front(1));
            }
            before -= span.len();
        }
        None
    }
}

impl Load {
    pub(crate) fn push(&mut self, number: u32, spans: &[Span]) {
        self.frames.push_back(Frame::new(number, spans));
    }

    /// Whether any of it may have to be sent once more.
    pub(crate) fn may_return(&self) -> bool {
        self.frames.iter().flat_map(|frame| &frame.spans).any(|span| span.terms.retry != Retry::default())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many credits are spent.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The item whose outcome must come next.
    pub(crate) fn head(&self) -> Option<Span> {
        let mut first = *self.next()?.spans.front()?;
        Some(first.take_front(1))
    }

    /// The frame that the worker is at, or comes to next.
    fn next(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.open > 0)
    }

    /// The shortest time limit of what may be running. Not only the head may: outcomes come later than they were found.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.next()?.limit
    }

    /// Whether an item may have finished unsent while another one runs: outcomes are sent at the latest at a frame's end.
    pub(crate) fn may_hold_back(&self) -> bool {
        self.next().is_some_and(|frame| frame.open > 1)
    }

    /// Takes up to `count` items that follow each other from the head on, if that is `first`.
    pub(crate) fn finish(&mut self, first: TaskId, count: u32) -> Option<Span> {
        self.head().filter(|head| head.first == first)?;
        let items = self.frames.iter_mut().find(|frame| frame.open > 0)?.take_front(count);
        self.tidy();
        items
    }

    /// Takes `count` items from the end of frame `number`, in order.
    pub(crate) fn revoke(&mut self, number: u32, count: u16) -> Vec<Span> {
        let frame = self.frames.iter_mut().find(|frame| frame.number == number);
        let taken = frame.map_or(Vec::new(), |frame| frame.take_back(count));
        self.tidy();
        taken
    }

    /// Takes items from the ends of all frames, in order.
    pub(crate) fn revoke_all(&mut self, counts: &Counts) -> Vec<Span> {
        let count = |number| counts.iter().find(|count| count.0 == number).map_or(0, |count| count.1);
        let taken = self.frames.iter_mut().flat_map(|frame| frame.take_back(count(frame.number))).collect();
        self.tidy();
        taken
    }

    /// Takes frame `number`, which was not sent.
    pub(crate) fn withdraw(&mut self, number: u32) -> Vec<Span> {
        let at = self.frames.iter().position(|frame| frame.number == number);
        let frame = at.and_then(|at| self.frames.remove(at));
        self.tidy();
        frame.map_or(Vec::new(), |frame| frame.spans.into())
    }

    /// The worker is past frame `number`, of which something had been taken back.
    pub(crate) fn walked(&mut self, number: u32) {
        let frame = self.frames.iter_mut().find(|frame| frame.number == number);
        frame.into_iter().for_each(|frame| frame.unwalked = false);
        self.tidy();
    }

    /// Nothing more can be taken back from frame `number`.
    pub(crate) fn has_begun(&mut self, number: u32) {
        let frame = self.frames.iter_mut().find(|frame| frame.number == number);
        frame.into_iter().for_each(|frame| frame.begun = true);
    }

    /// The item that was begun last: it runs, those before it have finished.
    pub(crate) fn running(&self, begun: &Counts) -> Option<Span> {
        let last = self.frames.iter().rev().find(|frame| frame.unanswered(begun) > 0)?;
        last.nth(last.unanswered(begun) - 1)
    }

    /// Takes all that was begun, in order. It is one item at most, if every outcome of a dead worker was read.
    pub(crate) fn take_begun(&mut self, begun: &Counts) -> Vec<Span> {
        let take =
            |frame: &mut Frame| (0..frame.unanswered(begun)).map_while(|_| frame.take_front(1)).collect::<Vec<_>>();
        self.frames.iter_mut().flat_map(take).collect()
    }

    /// All that is left, in order.
    pub(crate) fn drain(&mut self) -> Vec<Span> {
        self.frames.drain(..).flat_map(|frame| frame.spans).collect()
    }

    /// The last frame with an item that may not have begun and that another may run, and how many of them it has.
    pub(crate) fn stealable(&self) -> Option<(u32, u32)> {
        let last = self.frames.iter().rfind(|frame| frame.open > 0 && !frame.own)?;
        let is_next = self.next().is_some_and(|next| next.number == last.number);
        let unbegun = if is_next { last.open - 1 } else { last.open };
        (unbegun > 0 && !last.begun).then_some((last.number, unbegun))
    }

    pub(crate) fn holds(&self, task: TaskId) -> bool {
        let within = |span: &Span| span.first <= task && task < span.first.plus(span.len());
        self.frames.iter().flat_map(|frame| &frame.spans).any(within)
    }

    fn tidy(&mut self) {
        while self.frames.front().is_some_and(|frame| frame.open == 0 && !frame.unwalked) {
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terms;

    fn span(first: u64, len: u32) -> Span {
        Span { job: 0, from: 0, to: len, first: TaskId(first), weight: 1, attempt: 1, terms: Terms::default() }
    }

    #[test]
    fn outcomes_come_in_order_or_not_at_all() {
        let mut load = Load::default();
        load.push(1, &[span(1, 2), span(10, 1)]);
        assert_eq!(load.finish(TaskId(2), 1), None, "1 is first");
        assert_eq!(load.finish(TaskId(1), 1).map(|item| item.first), Some(TaskId(1)));
        assert_eq!(load.finish(TaskId(1), 1), None, "once");
        assert!(load.finish(TaskId(2), 1).is_some() && load.finish(TaskId(10), 1).is_some());
        assert!(load.is_empty());
    }

    #[test]
    fn what_was_begun_last_runs_if_more_was_begun_than_answered() {
        let mut load = Load::default();
        load.push(7, &[span(1, 3)]);
        let running = |load: &Load, begun: [(u32, u16); 2]| load.running(&begun).map(|item| item.first.0);
        assert_eq!(running(&load, [(7, 0), (6, 9)]), None);
        assert_eq!(running(&load, [(6, 9), (7, 1)]), Some(1));
        assert_eq!(running(&load, [(7, 2), (8, 0)]), Some(2), "1 has finished, nobody has heard of it");
        load.finish(TaskId(1), 1);
        assert_eq!(running(&load, [(7, 1), (0, 0)]), None);
        assert_eq!(running(&load, [(7, 9), (0, 0)]), Some(3), "there are no 9");
    }

    #[test]
    fn what_was_begun_is_taken_in_order() {
        let mut load = Load::default();
        load.push(3, &[span(1, 1), span(10, 2)]);
        load.push(4, &[span(20, 2)]);
        let begun: Vec<_> = load.take_begun(&[(4, 1), (3, 3)]).iter().map(|item| item.first.0).collect();
        assert_eq!(begun, [1, 10, 11, 20]);
        assert_eq!(load.drain().len(), 1);
    }

    #[test]
    fn what_is_revoked_leaves_from_the_end() {
        let mut load = Load::default();
        load.push(1, &[span(1, 2), span(10, 3)]);
        let taken: Vec<_> = load.revoke(1, 4).iter().map(|span| (span.first.0, span.len())).collect();
        assert_eq!(taken, [(2, 1), (10, 3)]);
        assert_eq!(load.stealable(), None, "the one that is left may run");
        assert_eq!(load.drain().len(), 1);
    }

    #[test]
    fn a_credit_is_spent_until_all_before_it_has_come_back() {
        let mut load = Load::default();
        load.push(1, &[span(1, 1)]);
        load.push(2, &[span(2, 1)]);
        assert_eq!((load.revoke(2, 1).len(), load.frames()), (1, 2), "3 would take the word of 1");
        load.finish(TaskId(1), 1);
        assert_eq!(load.frames(), 1, "it still lies before the worker");
        load.walked(2);
        assert!(load.is_empty());
    }
}
