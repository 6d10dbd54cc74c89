//! What a worker was sent, item by item, as long as it has not said what became of it: only where each item is timed.
//!
//! Does **not** know what the worker does with it, nor a clock.
//!
//! ```text
//!  sent:   | frame 7: items 0 1 2 | frame 8: items 0 .. 5 |
//!            ▲ the outcome that comes next         ▲ what is taken back is taken from the end of a frame
//! ```

use std::collections::VecDeque;

use mp_scheduler::{JobKey, Span};
use mp_wire::TaskId;
use mp_wire::frame::{CREDITS, ITEMS_MAX};

/// As many spans as are in flight, and more.
const MOST: usize = ITEMS_MAX * CREDITS;

#[derive(Debug, Default)]
pub(crate) struct Sent {
    parts: VecDeque<Part>,
}

/// Items of one span.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The first item.
    item: Item,
    /// Its place in the frame.
    place: u32,
    count: u32,
}

/// An item that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) task: TaskId,
    pub(crate) job: JobKey,
    pub(crate) attempt: u32,
    pub(crate) frame: u32,
    /// In nanoseconds of CLOCK_MONOTONIC.
    pub(crate) sent_ns: u64,
}

impl Sent {
    /// A frame was sent.
    pub(crate) fn note(&mut self, frame: u32, spans: &[Span], sent_ns: u64) {
        let mut place = 0;
        for span in spans {
            if self.parts.len() >= MOST {
                self.parts.pop_front();
            }
            let item = Item { task: span.first, job: span.job, attempt: span.attempt, frame, sent_ns };
            self.parts.push_back(Part { item, place, count: span.len() });
            place += span.len();
        }
    }

    /// The worker has said what became of this item: what was sent before it is forgotten, and it as well.
    pub(crate) fn take(&mut self, task: TaskId) -> Option<Item> {
        let at = self.parts.iter().position(|part| part.holds(task))?;
        self.parts.drain(..at);
        let part = self.parts.front_mut()?;
        let passed = (task.0 - part.item.task.0) as u32 + 1;
        let item = Item { task, ..part.item };
        (part.item.task, part.place, part.count) = (task.plus(1), part.place + passed, part.count - passed);
        if part.count == 0 {
            self.parts.pop_front();
        }
        Some(item)
    }

    /// So many items at the end of `frame` were taken back.
    pub(crate) fn taken_back(&mut self, frame: u32, items: u16) {
        let mut left = u32::from(items);
        for part in self.parts.iter_mut().rev().filter(|part| part.item.frame == frame) {
            let fewer = left.min(part.count);
            part.count -= fewer;
            left -= fewer;
        }
        if items > 0 {
            self.parts.retain(|part| part.count > 0);
        }
    }

    /// What was begun last, and has no outcome that was heard of: it runs. By the numbers of the frames, and of the items that
    /// were begun of each.
    pub(crate) fn running(&self, begun: &[(u32, u16)]) -> Option<Item> {
        self.parts.iter().rev().find_map(|part| {
            let (_, items) = begun.iter().find(|(frame, _)| *frame == part.item.frame)?;
            let beyond = u32::from(*items).checked_sub(part.place + 1).filter(|beyond| *beyond < part.count)?;
            Some(Item { task: part.item.task.plus(beyond), ..part.item })
        })
    }
}

impl Part {
    fn holds(&self, task: TaskId) -> bool {
        self.item.task <= task && task < self.item.task.plus(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_scheduler::Terms;

    fn span(first: u64, len: u32) -> Span {
        Span { job: 3, from: 0, to: len, first: TaskId(first), weight: 1, attempt: 2, terms: Terms::default() }
    }

    fn found(item: Option<Item>) -> Option<(u64, u32, u64)> {
        item.map(|item| (item.task.0, item.frame, item.sent_ns))
    }

    #[test]
    fn an_item_is_found_with_its_frame_once() {
        let mut sent = Sent::default();
        sent.note(7, &[span(10, 3), span(20, 1)], 70);
        sent.note(8, &[span(30, 2)], 80);
        assert_eq!(found(sent.take(TaskId(10))), Some((10, 7, 70)));
        assert_eq!(found(sent.take(TaskId(12))), Some((12, 7, 70)), "11 was passed over");
        assert_eq!(found(sent.take(TaskId(11))), None);
        assert_eq!(found(sent.take(TaskId(31))), Some((31, 8, 80)));
        assert_eq!(found(sent.take(TaskId(20))), None);
    }

    #[test]
    fn what_comes_back_and_is_sent_again_was_sent_then() {
        let mut sent = Sent::default();
        sent.note(7, &[span(10, 2), span(20, 2)], 70);
        sent.taken_back(7, 3);
        sent.note(8, &[span(11, 1), span(20, 2)], 80);
        assert_eq!(found(sent.take(TaskId(10))), Some((10, 7, 70)));
        assert_eq!(found(sent.take(TaskId(11))), Some((11, 8, 80)));
        assert_eq!(found(sent.take(TaskId(21))), Some((21, 8, 80)));
    }

    #[test]
    fn what_was_begun_last_runs_unless_it_is_over() {
        let mut sent = Sent::default();
        sent.note(7, &[span(10, 2), span(20, 2)], 70);
        sent.note(8, &[span(30, 2)], 80);
        let running = |sent: &Sent, begun: [(u32, u16); 2]| found(sent.running(&begun)).map(|(task, ..)| task);
        assert_eq!(running(&sent, [(8, 0), (7, 0)]), None);
        assert_eq!(running(&sent, [(8, 0), (7, 3)]), Some(20));
        assert_eq!(running(&sent, [(8, 2), (7, 4)]), Some(31));
        assert_eq!(running(&sent, [(8, 9), (7, 9)]), None, "there are no 9");
        let _ = sent.take(TaskId(20));
        assert_eq!(running(&sent, [(8, 0), (7, 3)]), None);
        assert_eq!(running(&sent, [(8, 0), (7, 4)]), Some(21));
    }
}
