//! What one worker has been sent and not yet answered.
//!
//! Does **not** know why it was sent, or what follows from a death.
//!
//! ```text
//!   frames:   [ number 7: items a b c | done 2 ]  [ number 8: items d e f g | done 0 ]
//!                           ▲ head: the next outcome must be c's
//! ```
//!
//! The first frame has an item. One behind it that thieves have emptied keeps its place: the worker has yet to read past
//! it, and until then a further frame would take the claim word of the first, and a credit that there is not (I3).

use std::collections::VecDeque;
use std::time::Duration;

use mp_wire::TaskId;
use mp_wire::frame::claim_word;

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
    spans: VecDeque<Span>,
}

/// Of each frame in flight: its number, and how many items.
type Counts = [(u32, u16)];

impl Frame {
    fn new(number: u32, spans: &[Span]) -> Self {
        let open = spans.iter().map(Span::len).sum();
        let limit = spans.iter().filter_map(|span| span.terms.timeout).min();
        Self { number, done: 0, open, limit, begun: false, spans: spans.iter().copied().collect() }
    }

    fn take_front(&mut self) -> Option<Span> {
        let front = self.spans.front_mut()?;
        let item = front.take_front(1);
        if front.is_empty() {
            self.spans.pop_front();
        }
        self.done += 1;
        self.open -= 1;
        Some(item)
    }

    /// Takes `count` items from the end, in order.
    fn take_back(&mut self, count: u16) -> Vec<Span> {
        let mut taken = VecDeque::new();
        let mut left = u32::from(count).min(self.open);
        self.open -= left;
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

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many credits are spent.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Whether a frame in flight has the claim word that frame `number` would have.
    pub(crate) fn uses_word_of(&self, number: u32) -> bool {
        self.frames.iter().any(|frame| claim_word(frame.number) == claim_word(number))
    }

    /// The item whose outcome must come next.
    pub(crate) fn head(&self) -> Option<Span> {
        let mut first = *self.frames.front()?.spans.front()?;
        Some(first.take_front(1))
    }

    /// The shortest time limit of what may be running. Not only the head may: outcomes come later than they were found.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.frames.front()?.limit
    }

    /// Takes the head, if it is `task`.
    pub(crate) fn finish(&mut self, task: TaskId) -> Option<Span> {
        self.head().filter(|head| head.first == task)?;
        let item = self.frames.front_mut()?.take_front();
        self.tidy();
        item
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
            |frame: &mut Frame| (0..frame.unanswered(begun)).map_while(|_| frame.take_front()).collect::<Vec<_>>();
        self.frames.iter_mut().flat_map(take).collect()
    }

    /// All that is left, in order.
    pub(crate) fn drain(&mut self) -> Vec<Span> {
        self.frames.drain(..).flat_map(|frame| frame.spans).collect()
    }

    /// The last frame with an item that may not have begun, and how many of them it has.
    pub(crate) fn stealable(&self) -> Option<(u32, u32)> {
        let (place, last) = self.frames.iter().enumerate().rev().find(|(_, frame)| frame.open > 0)?;
        let unbegun = if place == 0 { last.open - 1 } else { last.open };
        (unbegun > 0 && !last.begun).then_some((last.number, unbegun))
    }

    pub(crate) fn holds(&self, task: TaskId) -> bool {
        let within = |span: &Span| span.first <= task && task < span.first.plus(span.len());
        self.frames.iter().flat_map(|frame| &frame.spans).any(within)
    }

    fn tidy(&mut self) {
        while self.frames.front().is_some_and(|frame| frame.open == 0) {
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
        assert_eq!(load.finish(TaskId(2)), None, "1 is first");
        assert_eq!(load.finish(TaskId(1)).map(|item| item.first), Some(TaskId(1)));
        assert_eq!(load.finish(TaskId(1)), None, "once");
        assert!(load.finish(TaskId(2)).is_some() && load.finish(TaskId(10)).is_some());
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
        load.finish(TaskId(1));
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
    fn a_frame_that_thieves_have_emptied_keeps_its_place() {
        let mut load = Load::default();
        load.push(1, &[span(1, 2)]);
        load.push(2, &[span(10, 2)]);
        assert_eq!((load.stealable(), load.revoke(2, 2).len()), (Some((2, 2)), 1));
        assert_eq!(load.frames(), 2, "frame 3 would take the claim word of frame 1");
        assert_eq!(load.stealable(), Some((1, 1)));
        assert!(load.finish(TaskId(1)).is_some() && load.finish(TaskId(2)).is_some());
        assert!(load.is_empty(), "behind the last item it is gone");
    }
}
