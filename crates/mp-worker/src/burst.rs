//! The middle of a group of short items whose arguments and values are numbers: nearly all items of a map of such.
//!
//! Does **not** look at the clock, nor send: the first of a group and its last are `shift`'s.
//!
//! ```text
//!  group:  | timed | burst: claim ─ run ─ value into the outbox, and again .. | the last: laps, sends |
//! ```
//!
//! Each item is claimed, and each value is in shared memory before the next item begins, as for any other; but all that
//! is counted on the way is counted here, and handed back when it ends, also by a panic.

use mp_link::{Claims, Shelf};
use mp_wire::TaskId;
use mp_wire::item::{Items, short_item};

use crate::context;
use crate::shift::Shift;

pub(crate) struct Burst<'b, 's, 'l> {
    shift: &'b mut Shift<'s, 'l>,
    items: Items<'s>,
    claims: Claims<'s>,
    shelf: Shelf<'l>,
    task: TaskId,
    /// So many more may be begun.
    left: u32,
    begun: u32,
    taken: u32,
}

impl<'b, 's, 'l> Burst<'b, 's, 'l> {
    /// Of items whose values have `len` bytes; `None` where the next item is to go the usual way.
    #[inline]
    pub(crate) fn of(shift: &'b mut Shift<'s, 'l>, len: usize) -> Option<Self> {
        let (items, claims, left) = shift.middle()?;
        let (shelf, fits) = shift.back.shelf(shift.task, len)?;
        let task = shift.task;
        Some(Self { shift, items, claims, shelf, task, left: left.min(fits), begun: 0, taken: 0 })
    }

    /// Begins the next item: its arguments, which have `len` bytes. `None` when what is next goes the usual way.
    #[inline]
    pub(crate) fn next_item(&mut self, len: usize) -> Option<&'s [u8]> {
        let mut items = self.items;
        let args = items.next_of(len).filter(|_| self.begun < self.left)?;
        if !self.claims.claim() {
            return None;
        }
        self.items = items;
        self.begun += 1;
        context::turn_to(self.task);
        Some(args)
    }

    /// The value of the item that ran: `len` bytes, the lowest first.
    #[inline]
    pub(crate) fn take(&mut self, value: u64, len: usize) {
        let (item, size) = short_item(value, len);
        self.shelf.append(item, size);
        self.task = self.task.plus(1);
        self.taken += 1;
    }
}

impl Drop for Burst<'_, '_, '_> {
    fn drop(&mut self) {
        self.shift.back.took(self.taken, self.shelf.kept(), self.task);
        self.shift.walked(self.items, self.begun, self.task);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    use mp_link::{Line, Status};
    use mp_wire::frame::{Body, FromWorkerFrame, Segment, from_worker};
    use mp_wire::item::push_bytes;
    use mp_wire::record::{Records, Report, Word};
    use mp_wire::{TaskId, WorkerId};

    use super::Items;
    use crate::clock;
    use crate::outbound::Outbound;
    use crate::runner::{Run, Runner};
    use crate::task::{Entry, entry_of};

    const FIRST: u64 = 7_000;
    const NUMBER: u32 = 5;
    const COUNT: u64 = 5_000;
    /// What a look at the clock finds since the one before: each item is a short one.
    const STEP_NS: u64 = 20;

    thread_local! {
        static STATUS: RefCell<Option<Status>> = const { RefCell::new(None) };
    }

    /// What became of items `0..COUNT`: their values, or nothing for those that have a report; then how the run ended.
    fn ran(entry: Entry, odd_one: Option<u64>, timeout: Option<Duration>) -> (Vec<(u64, Option<u64>)>, bool) {
        let (supervisor, line) = Line::between_threads().expect("a line");
        let status = Status::local().expect("memory");
        clock::goes_on_by(STEP_NS);
        STATUS.set(Some(status.clone()));
        let mut args = Vec::new();
        for n in 0..COUNT {
            let bytes = n.to_le_bytes();
            push_bytes(&mut args, if odd_one == Some(n) { &bytes[..7] } else { &bytes });
        }
        let (items, _) = Items::split_off(&args);
        let segment = Segment {
            entry: 0,
            first: TaskId(FIRST),
            count: items.len(),
            attempt: 1,
            timeout,
            traced: false,
            baggage: 0,
            args: Body::Inline(&args),
        };
        status.publish(NUMBER, items.len() as u16);
        let mut runner = Runner::new((WorkerId { slot: 0, generation: 1 }, 1), &status, Outbound::new(&line, &status));
        let whole = runner.run(&Run { entry, number: NUMBER, segment: &segment }, items, Vec::new()).expect("a line");
        runner.rest().and_then(|()| runner.hand_on()).expect("a line");
        (heard(&supervisor), whole)
    }

    fn heard(supervisor: &Line) -> Vec<(u64, Option<u64>)> {
        let mut all = Vec::new();
        while let Some(frame) = supervisor.try_recv().expect("a line") {
            let Ok(FromWorkerFrame::Outcomes(first, records)) = from_worker(&frame) else { panic!("{frame:?}") };
            assert_eq!(first, all.len() as u64, "the number of the first record");
            all.extend(words(records));
        }
        all
    }

    fn words(records: &[u8]) -> Vec<(u64, Option<u64>)> {
        let mut all = Vec::new();
        for word in Records::new(records) {
            match word.expect("a record") {
                Word::Values(first, values) => {
                    let number = |value: &[u8]| u64::from_le_bytes(value.try_into().expect("8 bytes"));
                    all.extend((first.0 - FIRST..).zip(values.map(|value| Some(number(value)))));
                }
                Word::Report(task, Report::Panicked(_) | Report::Codec(..)) => all.push((task.0 - FIRST, None)),
                Word::Report(_, report) => panic!("{report:?}"),
                Word::Spent(_) | Word::Times(_) => {}
            }
        }
        all
    }

    fn expected(count: u64, without: Option<u64>) -> Vec<(u64, Option<u64>)> {
        (0..count).map(|n| (n, (without != Some(n)).then_some(n * 3))).collect()
    }

    #[test]
    fn each_item_has_its_value_in_its_place() {
        assert_eq!(ran(entry_of(|n: u64| n * 3), None, None), (expected(COUNT, None), true));
        let limit = Some(Duration::from_secs(60));
        assert_eq!(ran(entry_of(|n: u64| n * 3), None, limit), (expected(COUNT, None), true));
    }

    #[test]
    fn a_panic_is_of_the_item_that_ran() {
        let entry = entry_of(|n: u64| if n == 1234 { panic!("at {n}") } else { n * 3 });
        assert_eq!(ran(entry, None, None), (expected(COUNT, Some(1234)), true));
    }

    #[test]
    fn arguments_of_another_length_are_of_the_item_that_has_them() {
        assert_eq!(ran(entry_of(|n: u64| n * 3), Some(1234), None), (expected(COUNT, Some(1234)), true));
    }

    #[test]
    fn what_is_taken_back_in_the_middle_is_not_begun() {
        let entry = entry_of(|n: u64| {
            if n == 1234 {
                let revoked = STATUS.with_borrow(|status| status.as_ref().map(|status| status.revoke(NUMBER, 3000)));
                assert_eq!(revoked, Some(3000));
            }
            n * 3
        });
        assert_eq!(ran(entry, None, None), (expected(COUNT - 3000, None), false));
    }

    #[test]
    fn short_items_share_a_look_at_the_clock() {
        thread_local! {
            /// The start that was seen last, and by how many in a row; by how many at most.
            static SHARED: Cell<(u64, u32, u32)> = const { Cell::new((0, 0, 0)) };
        }
        let entry = entry_of(|n: u64| {
            let start = STATUS.with_borrow(|status| status.as_ref().map_or(0, Status::started_ns));
            let (before, row, most) = SHARED.get();
            let row = if start == before { row + 1 } else { 1 };
            SHARED.set((start, row, most.max(row)));
            n * 3
        });
        assert_eq!(ran(entry, None, None), (expected(COUNT, None), true));
        assert_eq!(SHARED.get().2, 128, "{:?}", SHARED.get());
    }

    #[test]
    fn what_has_finished_is_in_shared_memory_before_the_next_begins() {
        thread_local! {
            static SEEN: Cell<u32> = const { Cell::new(0) };
        }
        // Now and then, as if the worker died there.
        let entry = entry_of(|n: u64| {
            if n % 97 == 96 {
                let last = STATUS.with_borrow(|status| {
                    let status = status.as_ref().expect("set");
                    let begun = status.begun()[mp_wire::frame::claim_word(NUMBER)];
                    assert_eq!((begun.number, u64::from(begun.items)), (NUMBER, n + 1));
                    words(status.unsent().get(9..).unwrap_or_default()).pop()
                });
                // Where there is none, all were sent just before.
                assert!(last.is_none_or(|last| last == (n - 1, Some((n - 1) * 3))), "{n}: {last:?}");
                SEEN.set(SEEN.get() + u32::from(last.is_some()));
            }
            n * 3
        });
        assert_eq!(ran(entry, None, None), (expected(COUNT, None), true));
        assert!(SEEN.get() > 0);
    }
}
