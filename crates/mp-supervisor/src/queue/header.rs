//! The first page of a queue's file: who may write, who waits, and where the items are.
//!
//! Does **not** know items or locks held: [`super::shared`] calls what says "under the lock" only there.
//!
//! ```text
//!  0 magic  8 nonce  16 capacity  24 lock   28 items.changes  32 items.wanted   36 room.changes  40 room.wanted
//!  44 done.changes  48 done.wanted  52 closed
//!  64 version ── even ─▶ 128 head tail count freed taken
//!            └── odd ──▶ 192 head tail count freed taken
//!  512 who has taken items and not said that they are done: takers.rs
//! ```
//!
//! - H1 The state is changed by writing the copy that is not in use and then storing `version + 1`: one store. So
//!   at every instant, whoever dies, the copy in use is whole. Nothing is ever repaired by counting.
//! - H2 While anybody sleeps on `changes`, or is about to, either `wanted` is 1 or `changes` is no longer what they
//!   read. So a `wanted` left by the dead costs one needless wake, and no death loses one.
//! - H3 Nothing in the page is believed: a state is checked each time it is read (I9).

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use mp_sys::futex;
use mp_sys::memfile::{PAGE, Page};

use super::error::QueueError;

/// Where the items begin.
pub(super) const DATA: u64 = PAGE;

/// Bytes in front of each item.
pub(super) const PREFIX: u64 = 8;

const MAGIC: u64 = u64::from_le_bytes(*b"mp-queue");
const MAGIC_AT: usize = 0;
const NONCE_AT: usize = 8;
const CAPACITY_AT: usize = 16;
const LOCK_AT: usize = 24;
const ITEMS_AT: usize = 28;
const ROOM_AT: usize = 36;
const DONE_AT: usize = 44;
const CLOSED_AT: usize = 52;
const VERSION_AT: usize = 64;
const COPIES_AT: [usize; 2] = [128, 192];

/// Where the items are. `head..tail` are offsets in the file, of the first item and behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) head: u64,
    pub(super) tail: u64,
    pub(super) count: u64,
    /// Up to here what was consumed has been given back.
    pub(super) freed: u64,
    /// How many items were taken, ever.
    pub(super) taken: u64,
}

impl State {
    pub(super) const EMPTY: Self = Self { head: DATA, tail: DATA, count: 0, freed: DATA, taken: 0 };

    fn checked(self) -> Result<Self, QueueError> {
        let corrupted = |what, value| Err(QueueError::Corrupted { what, value });
        match self {
            Self { head, .. } if head < DATA => corrupted("the offset of the first item", head),
            Self { head, tail, .. } if tail < head || tail > i64::MAX as u64 => corrupted("the end of the items", tail),
            Self { head, freed, .. } if freed < DATA || freed > head => corrupted("the end of the freed space", freed),
            Self { head, tail, count, .. } if (count == 0) != (head == tail) || count > (tail - head) / PREFIX => {
                corrupted("the number of items", count)
            }
            sound => Ok(sound),
        }
    }
}

/// The page, by the names of its words.
#[derive(Debug)]
pub(super) struct Header(Page);

impl Header {
    /// Makes a zeroed page that of an empty queue.
    pub(super) fn create(page: Page, nonce: u64, capacity: u64) -> Self {
        let header = Self(page);
        header.0.u64_at(NONCE_AT).store(nonce, Relaxed);
        header.0.u64_at(CAPACITY_AT).store(capacity, Relaxed);
        header.publish(State::EMPTY);
        header.0.u64_at(MAGIC_AT).store(MAGIC, Release);
        header
    }

    /// Takes a page that another process made.
    pub(super) fn adopt(page: Page) -> Result<Self, QueueError> {
        if page.u64_at(MAGIC_AT).load(Acquire) == MAGIC { Ok(Self(page)) } else { Err(QueueError::NotAQueue) }
    }

    pub(super) fn nonce(&self) -> u64 {
        self.0.u64_at(NONCE_AT).load(Relaxed)
    }

    pub(super) fn capacity(&self) -> u64 {
        self.0.u64_at(CAPACITY_AT).load(Relaxed)
    }

    pub(super) fn lock(&self) -> &AtomicU32 {
        self.0.u32_at(LOCK_AT)
    }

    pub(super) fn items(&self) -> Bell<'_> {
        Bell { changes: self.0.u32_at(ITEMS_AT), wanted: self.0.u32_at(ITEMS_AT + 4) }
    }

    pub(super) fn room(&self) -> Bell<'_> {
        Bell { changes: self.0.u32_at(ROOM_AT), wanted: self.0.u32_at(ROOM_AT + 4) }
    }

    /// What those sleep on who wait for all items to be done.
    pub(super) fn done(&self) -> Bell<'_> {
        Bell { changes: self.0.u32_at(DONE_AT), wanted: self.0.u32_at(DONE_AT + 4) }
    }

    /// Whether no more items are put.
    pub(super) fn closed(&self) -> &AtomicU32 {
        self.0.u32_at(CLOSED_AT)
    }

    /// The rest of the page is that of `takers.rs`.
    pub(super) fn page(&self) -> &Page {
        &self.0
    }

    /// The state. Under the lock.
    pub(super) fn state(&self) -> Result<State, QueueError> {
        self.copy(self.0.u64_at(VERSION_AT).load(Acquire)).checked()
    }

    /// Makes `state` the state, in one store (H1). Under the lock.
    pub(super) fn publish(&self, state: State) {
        let next = self.0.u64_at(VERSION_AT).load(Relaxed).wrapping_add(1);
        let State { head, tail, count, freed, taken } = state;
        for (index, value) in [head, tail, count, freed, taken].into_iter().enumerate() {
            self.field(next, index).store(value, Release);
        }
        self.0.u64_at(VERSION_AT).store(next, Release);
    }

    /// The number of items, without the lock: a copy counts if it stayed in use while it was read. Who never finds
    /// it so, because others are that busy, takes what it saw last.
    pub(super) fn count(&self) -> u64 {
        let version = self.0.u64_at(VERSION_AT);
        let mut count = 0;
        for _ in 0..1000 {
            let before = version.load(Acquire);
            count = self.field(before, 2).load(Acquire);
            if version.load(Relaxed) == before {
                break;
            }
        }
        count
    }

    fn copy(&self, version: u64) -> State {
        let [head, tail, count, freed, taken] = [0, 1, 2, 3, 4].map(|index| self.field(version, index).load(Relaxed));
        State { head, tail, count, freed, taken }
    }

    fn field(&self, version: u64, index: usize) -> &std::sync::atomic::AtomicU64 {
        self.0.u64_at(COPIES_AT[(version % 2) as usize] + 8 * index)
    }
}

/// What the sleepers of a queue sleep on: those who want items, those who want room, or those who want the end.
pub(super) struct Bell<'a> {
    changes: &'a AtomicU32,
    wanted: &'a AtomicU32,
}

impl<'a> Bell<'a> {
    /// What changes with each ring.
    pub(super) fn word(&self) -> &'a AtomicU32 {
        self.changes
    }

    /// To sleep with, once the lock is given back. Under the lock.
    pub(super) fn ticket(&self) -> u32 {
        self.wanted.store(1, Relaxed);
        self.changes.load(Relaxed)
    }

    /// Wakes all who sleep, since one alone might be killed, or be stopped, before it has taken what it was woken for. Under the
    /// lock and *before* the change they wait for is published: whoever wakes too early waits for the lock, which survives this
    /// process, whereas a wake after the change can be killed.
    pub(super) fn ring(&self) {
        if self.wanted.load(Relaxed) == 0 {
            return;
        }
        self.changes.fetch_add(1, Release);
        futex::wake_all(self.changes);
        self.wanted.store(0, Release);
    }

    /// Sleeps, unless the bell rang since the ticket was drawn. Without the lock; may return early.
    pub(super) fn sleep(&self, ticket: u32, timeout: Option<Duration>) -> Result<(), QueueError> {
        futex::wait(self.changes, ticket, timeout).map_err(QueueError::os("waiting for a queue"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_sys::memfile::MemFile;

    fn header() -> Header {
        Header::create(Page::map(&MemFile::create(c"test", PAGE).expect("creates")).expect("maps"), 1, 2)
    }

    #[test]
    fn a_state_that_is_not_published_does_not_show() {
        let header = header();
        let state = State { head: DATA, tail: DATA + 16, count: 1, freed: DATA, taken: 0 };
        header.publish(state);
        let next = header.0.u64_at(VERSION_AT).load(Relaxed) + 1;
        header.field(next, 0).store(77, Relaxed);
        assert_eq!((header.state().expect("sound"), header.count()), (state, 1));
    }

    #[test]
    fn states_that_no_queue_writes_are_refused() {
        let (d, huge) = (DATA, u64::MAX);
        for (head, tail, count, freed) in [
            (0, d, 0, 0),
            (d, d - 1, 0, d),
            (d, huge, 1, d),
            (huge, huge, 0, d),
            (d, d, 1, d),
            (d, d + 16, 0, d),
            (d, d + 16, 3, d),
            (d, d + 16, huge, d),
            (d, d + 16, 1, d + 1),
        ] {
            let header = header();
            header.publish(State { head, tail, count, freed, taken: 0 });
            assert!(matches!(header.state(), Err(QueueError::Corrupted { .. })), "{head} {tail} {count} {freed}");
        }
    }
}
