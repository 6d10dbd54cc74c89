//! The items of a queue as bytes in its file, one behind the other.
//!
//! Does **not** know locks, waiting or types. From a state it makes the next one; the caller publishes it.
//! Small items are copied through a mapping, large ones by a system call: which is faster is all that decides it.
//!
//! ```text
//!  DATA      DATA+KEEP      freed      head              tail
//!   ├─ stays ────┼─ given back ─┼─ consumed ┼─ len│bytes ┬─ … ┼─ not yet
//!   └ where the next item goes once the queue is empty
//! ```
//!
//! - L1 What is behind `tail` is nobody's, what is in front of `head` is nobody's any more. An item is written
//!   before it is in the state, so who dies leaves bytes that the next one writes over.
//! - L2 Memory is given back when it is out of the published state, never before. Who dies in between leaves some
//!   behind; [`Log::tidy`] gives that back.
//! - L3 A length is believed only if so many bytes are there: in the state, and in memory if it is a large one.

use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use mp_sys::memfile::{MemFile, PAGE};
use mp_sys::stretch::Stretch;
use parking_lot::Mutex;

use super::error::QueueError;
use super::header::{DATA, PREFIX, State};

/// Memory that an empty queue keeps: to use it again is ten times as fast as to get it anew.
const KEEP: u64 = 2 << 20;

/// Consumed memory is given back when there is this much of it.
const STEP: u64 = 1 << 20;

/// Read at once, so that one system call gets a small item with its length.
const FIRST_READ: u64 = 4096;

/// Items are copied to and from the memory of two such blocks of the file, of which the first has the item's first byte.
const BLOCK: u64 = 1 << 20;

/// Larger items are worth a system call, unless their memory is kept: to write fresh memory through a mapping takes twice as long.
const NEAR: u64 = 64 << 10;

/// Beyond this a length must be backed by memory, not only by the file's size, which costs nothing to raise.
const TRUSTED: u64 = 1 << 20;

/// In the upper bits of each length, so that a hole is no item of no bytes.
const TAG: u64 = 0x4d51 << 48;

/// What goes in front of an item of `len` bytes.
pub(super) fn prefix(len: usize) -> [u8; PREFIX as usize] {
    (TAG | len as u64).to_le_bytes()
}

/// The bytes behind the header.
#[derive(Debug)]
pub(super) struct Log {
    file: MemFile,
    /// The file had this size once, and never shrinks: spares asking.
    size: AtomicU64,
    /// Where this process last put, and last got.
    mapped: Mutex<[Option<Stretch>; 2]>,
}

/// The two ends, by their place in `Log::mapped`.
#[derive(Clone, Copy)]
enum End {
    Tail,
    Head,
}

impl Log {
    pub(super) fn new(file: MemFile) -> Self {
        Self { file, size: AtomicU64::new(DATA), mapped: Mutex::default() }
    }

    pub(super) fn file(&self) -> &MemFile {
        &self.file
    }

    /// Writes `record`, a prefix and the item, behind the last one. Gives the state that has it.
    pub(super) fn append(&self, state: State, record: &[u8]) -> Result<State, QueueError> {
        self.check_size(state.tail)?;
        let len = record.len() as u64;
        let written = self.mapped(End::Tail, state.tail, len, |stretch| stretch.write(record, state.tail));
        if !written {
            self.file.write_all_at(record, state.tail).map_err(QueueError::os("writing an item to a queue"))?;
        }
        let tail = state.tail + len;
        self.size.fetch_max(tail, Relaxed);
        Ok(State { tail, count: state.count + 1, ..state })
    }

    /// Reads the first record into `record`. Gives the state that is without it. There is one, says the caller.
    pub(super) fn first(&self, state: State, record: &mut Vec<u8>) -> Result<State, QueueError> {
        self.check_size(state.tail)?;
        let there = state.tail - state.head;
        if let Some(len) = self.first_mapped(state, record)? {
            return after(state, len);
        }
        let guess = there.min(FIRST_READ);
        self.read(record, 0, guess, state.head)?;
        let len = self.record_len(record, there)?;
        if len <= guess {
            record.truncate(len as usize);
        } else {
            self.read(record, guess as usize, len, state.head)?;
        }
        after(state, len)
    }

    /// As [`Self::first`], of a small record; gives its length.
    fn first_mapped(&self, state: State, record: &mut Vec<u8>) -> Result<Option<u64>, QueueError> {
        record.clear();
        let there = state.tail - state.head;
        let found =
            self.mapped(End::Head, state.head, PREFIX, |stretch| stretch.copy_out(state.head, PREFIX as usize, record));
        if !found {
            return Ok(None);
        }
        let len = self.record_len(record, there)?;
        let rest = state.head + PREFIX;
        let copied =
            self.mapped(End::Head, state.head, len, |stretch| stretch.copy_out(rest, (len - PREFIX) as usize, record));
        Ok(copied.then_some(len))
    }

    /// Has `body` copy a record of `len` bytes at `offset`, if it lies in memory that is mapped, or is worth mapping.
    fn mapped(&self, end: End, offset: u64, len: u64, body: impl FnOnce(&Stretch) -> bool) -> bool {
        let start = offset - offset % BLOCK;
        if len > NEAR && start > 0 || len > BLOCK {
            return false;
        }
        // Nobody else is here: it is under the queue's lock. But a copy of this process may have been forked just now.
        let Some(mut mapped) = self.mapped.try_lock() else { return false };
        let place = &mut mapped[end as usize];
        if !place.as_ref().is_some_and(|stretch| stretch.has(start, 1) && stretch.has(offset, len as usize)) {
            *place = self.map(start);
        }
        place.as_ref().is_some_and(body)
    }

    /// None where the system refuses: then it is done by system calls.
    #[cold]
    fn map(&self, start: u64) -> Option<Stretch> {
        let end = start + 2 * BLOCK;
        self.file.grow(end).ok()?;
        self.size.fetch_max(end, Relaxed);
        Stretch::map(&self.file, start, 2 * BLOCK as usize).ok()
    }

    /// Gives back what `old` had and `new` has not, if it is worth the call. Gives the state that says so.
    ///
    /// It is called before `new` is published, and so frees only what was consumed in `old` already (L2).
    pub(super) fn free_consumed(&self, old: State, new: State) -> State {
        if new.count == 0 || old.head - old.freed < STEP {
            return new;
        }
        let freed = old.head - old.head % PAGE;
        self.punch(old.freed..freed);
        State { freed, ..new }
    }

    /// Gives back what a queue that just became empty had in `old`. It is published as empty.
    pub(super) fn free_emptied(&self, old: State) {
        self.punch(old.freed..old.tail);
    }

    /// Gives back all that is not in `state`, after a death.
    pub(super) fn tidy(&self, state: State) -> Result<(), QueueError> {
        self.punch(DATA..state.head - state.head % PAGE);
        let size = self.file.size().map_err(QueueError::os("asking for a queue's size"))?;
        self.punch(state.tail.next_multiple_of(PAGE)..size);
        Ok(())
    }

    /// Memory that could not be given back is no reason to fail: it will be reused, or go with the queue.
    fn punch(&self, range: Range<u64>) {
        let (start, end) = (range.start.max(DATA + KEEP), range.end.next_multiple_of(PAGE));
        if start < end {
            let _ = self.file.punch(start..end);
        }
    }

    /// Makes `bytes[..end]` what is at `offset` in the file; the first `done` are there.
    fn read(&self, bytes: &mut Vec<u8>, done: usize, end: u64, offset: u64) -> Result<(), QueueError> {
        bytes.resize(end as usize, 0);
        let rest = &mut bytes[done..];
        self.file.read_exact_at(rest, offset + done as u64).map_err(QueueError::os("reading an item from a queue"))
    }

    /// The length of the record that `start` is the start of, at most `there` (L3).
    fn record_len(&self, start: &[u8], there: u64) -> Result<u64, QueueError> {
        let word = start.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let len = (word ^ TAG).saturating_add(PREFIX);
        let limit = if len <= TRUSTED { there } else { there.min(self.allocated()?) };
        if len > limit {
            return Err(QueueError::Corrupted { what: "the length of the first item", value: word });
        }
        Ok(len)
    }

    fn allocated(&self) -> Result<u64, QueueError> {
        self.file.allocated().map_err(QueueError::os("asking for a queue's memory"))
    }

    fn check_size(&self, tail: u64) -> Result<(), QueueError> {
        if tail <= self.size.load(Relaxed) {
            return Ok(());
        }
        let size = self.file.size().map_err(QueueError::os("asking for a queue's size"))?;
        self.size.fetch_max(size, Relaxed);
        if tail <= size { Ok(()) } else { Err(QueueError::Corrupted { what: "the end of the items", value: tail }) }
    }
}

/// `state` without its first record, of `len` bytes. An empty queue starts at the front again.
fn after(state: State, len: u64) -> Result<State, QueueError> {
    let (head, count, taken) = (state.head + len, state.count - 1, state.taken.wrapping_add(1));
    match (head == state.tail, count == 0) {
        (true, true) => Ok(State { taken, ..State::EMPTY }),
        (false, false) => Ok(State { head, count, taken, ..state }),
        (true, false) | (false, true) => Err(QueueError::Corrupted { what: "the number of items", value: count + 1 }),
    }
}
