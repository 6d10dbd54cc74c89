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
        self.shift.back.took(self.taken, self.shelf.len(), self.task);
        self.shift.walked(self.items, self.begun, self.task);
    }
}
