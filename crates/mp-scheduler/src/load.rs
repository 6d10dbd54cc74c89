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

use mp_wire::TaskId;

use crate::span::Span;

#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    frames: VecDeque<Frame>,
}

#[derive(Clone, Debug)]
struct Frame {
    number: u32,
    done: u16,
    spans: VecDeque<Span>,
}

impl Frame {
    fn pending(&self) -> u32 {
        self.spans.iter().map(Span::len).sum()
    }

    /// The item before which there are `index` others without an outcome.
    fn item(&self, mut index: u32) -> Option<Span> {
        for span in &self.spans {
            if index < span.len() {
                let mut rest = *span;
                rest.take_front(index);
                return Some(rest.take_front(1));
            }
            index -= span.len();
        }
        None
    }
}

impl Load {
    pub(crate) fn push(&mut self, number: u32, spans: &[Span]) {
        self.frames.push_back(Frame { number, done: 0, spans: spans.iter().copied().collect() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The item whose outcome must come next.
    pub(crate) fn head(&self) -> Option<Span> {
        let mut first = *self.frames.front()?.spans.front()?;
        Some(first.take_front(1))
    }

    /// Takes the head, if it is `task`.
    pub(crate) fn finish(&mut self, task: TaskId) -> Option<Span> {
        self.head().filter(|head| head.first == task)?;
        self.take_head()
    }

    pub(crate) fn take_head(&mut self) -> Option<Span> {
        let frame = self.frames.front_mut()?;
        let head = frame.spans.front_mut()?.take_front(1);
        frame.done += 1;
        self.tidy();
        Some(head)
    }

    /// Takes `count` items from the end of frame `number`, in order.
    pub(crate) fn revoke(&mut self, number: u32, count: u16) -> Vec<Span> {
        let mut taken = Vec::new();
        let mut left = u32::from(count);
        if let Some(frame) = self.frames.iter_mut().find(|frame| frame.number == number) {
            while left > 0
                && let Some(last) = frame.spans.back_mut()
            {
                let part = last.take_back(left);
                left -= part.len();
                if last.is_empty() {
                    frame.spans.pop_back();
                }
                taken.insert(0, part);
            }
        }
        self.tidy();
        taken
    }

    /// Whether the head has been begun, by what the worker wrote. An answer that cannot be is read as the nearest
    /// that can: a worker begins one item at a time.
    pub(crate) fn head_begun(&self, begun: &[(u32, u16)]) -> bool {
        let Some(frame) = self.frames.front() else { return false };
        begun.iter().any(|(number, items)| *number == frame.number && *items > frame.done)
    }

    /// The item that was begun last, by what the worker wrote: the one that runs, if any does. Those before it have
    /// finished, though the head is still what was: short items are answered together, at the end of a frame.
    pub(crate) fn running(&self, begun: &[(u32, u16)]) -> Option<Span> {
        self.frames.iter().rev().find_map(|frame| {
            let (_, items) = begun.iter().find(|(number, _)| *number == frame.number)?;
            let unanswered = u32::from(items.saturating_sub(frame.done)).min(frame.pending());
            frame.item(unanswered.checked_sub(1)?)
        })
    }

    /// All that is left, in order.
    pub(crate) fn drain(&mut self) -> Vec<Span> {
        self.frames.drain(..).flat_map(|frame| frame.spans).collect()
    }

    /// The last frame with an item that may not have begun, and how many of them it has.
    pub(crate) fn stealable(&self) -> Option<(u32, u32)> {
        let (index, last) = self.frames.iter().enumerate().rfind(|(_, frame)| !frame.spans.is_empty())?;
        let unbegun = if index == 0 { last.pending().saturating_sub(1) } else { last.pending() };
        (unbegun > 0).then_some((last.number, unbegun))
    }

    pub(crate) fn holds(&self, task: TaskId) -> bool {
        let within = |span: &Span| span.first <= task && task < span.first.plus(span.len());
        self.frames.iter().flat_map(|frame| &frame.spans).any(within)
    }

    fn tidy(&mut self) {
        for frame in &mut self.frames {
            while frame.spans.front().is_some_and(Span::is_empty) {
                frame.spans.pop_front();
            }
        }
        while self.frames.front().is_some_and(|frame| frame.spans.is_empty()) {
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
    fn the_head_is_begun_when_more_is_begun_than_done() {
        let mut load = Load::default();
        load.push(7, &[span(1, 3)]);
        assert!(!load.head_begun(&[(7, 0), (6, 9)]));
        assert!(load.head_begun(&[(6, 9), (7, 1)]));
        load.take_head();
        assert!(!load.head_begun(&[(7, 1), (0, 0)]));
    }

    #[test]
    fn the_running_item_is_the_last_that_was_begun() {
        let mut load = Load::default();
        load.push(7, &[span(1, 2), span(10, 3)]);
        load.push(8, &[span(20, 3)]);
        let running = |load: &Load, begun: [(u32, u16); 2]| load.running(&begun).map(|item| item.first.0);
        assert_eq!(running(&load, [(7, 0), (6, 9)]), None);
        assert_eq!(running(&load, [(7, 4), (8, 0)]), Some(11), "1, 2 and 10 have finished, and are not answered yet");
        load.take_head();
        assert_eq!(running(&load, [(7, 4), (8, 0)]), Some(11));
        assert_eq!(running(&load, [(7, 5), (8, 2)]), Some(21));
        assert_eq!(running(&load, [(7, 5), (8, 999)]), Some(22), "what cannot be is read as the nearest that can");
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
