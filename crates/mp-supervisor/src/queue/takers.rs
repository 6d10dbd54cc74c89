//! Who has taken items of a joinable queue and not said that they are done. In the queue's first page, under its lock.
//!
//! Does **not** wait.
//!
//! ```text
//!  512 + 32·i:  pid | began | not done (24 bits), number (40 bits) | last
//! ```
//!
//! - T1 What a process has not done is one word, and with the queue's state it says at every instant how many items that
//!   are: those counted in it, and one more if its number is that of an item that the state says was taken. So it is
//!   written before the item is, and whoever dies in between has taken nothing.
//! - T2 Nothing is counted beside it: what is unfinished is what is in the queue, and what is here.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use mp_sys::alive;
use mp_sys::memfile::PAGE;

use super::error::QueueError;
use super::header::{Header, State};

const TABLE_AT: usize = 512;
const ROW: usize = 32;

/// How many processes can have items at once.
const MOST: usize = (PAGE as usize - TABLE_AT) / ROW;

const NUMBER_BITS: u32 = 40;
const NUMBER: u64 = (1 << NUMBER_BITS) - 1;

/// A process that has taken items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taker {
    row: usize,
    pid: u64,
    began: u64,
    /// How many it has not done.
    pub(super) items: u64,
    last: u64,
}

impl Taker {
    /// Whether the process is there. Not under the lock: it asks `/proc`.
    pub(super) fn is_alive(&self) -> bool {
        (self.pid, self.began) == ourselves() || u32::try_from(self.pid).ok().and_then(alive::began) == Some(self.began)
    }

    pub(super) fn abandoned(&self) -> QueueError {
        QueueError::Abandoned { pid: self.pid as u32, items: self.items, number: self.last }
    }
}

/// This process. After a fork what is known is the parent's.
fn ourselves() -> (u64, u64) {
    static KNOWN: OnceLock<(u32, u64)> = OnceLock::new();
    let pid = std::process::id();
    let ask = || (pid, alive::began(pid).unwrap_or_default());
    let (known, began) = *KNOWN.get_or_init(ask);
    if known == pid { (pid.into(), began) } else { (pid.into(), ask().1) }
}

fn word(header: &Header, row: usize, index: usize) -> &AtomicU64 {
    header.page().u64_at(TABLE_AT + ROW * row + 8 * index)
}

fn items(header: &Header, row: usize, state: State) -> u64 {
    let packed = word(header, row, 2).load(Acquire);
    let number = packed & NUMBER;
    (packed >> NUMBER_BITS) + u64::from(number != 0 && number <= state.taken & NUMBER)
}

/// All who have items.
pub(super) fn all(header: &Header, state: State) -> Vec<Taker> {
    let taker = |row| Taker {
        row,
        pid: word(header, row, 0).load(Relaxed),
        began: word(header, row, 1).load(Relaxed),
        items: items(header, row, state),
        last: word(header, row, 3).load(Relaxed),
    };
    (0..MOST).map(taker).filter(|taker| taker.items > 0).collect()
}

/// This process is about to take the first item.
pub(super) fn take(header: &Header, state: State) -> Result<(), QueueError> {
    let row = match own(header) {
        Some(row) => row,
        None => claim(header, state)?,
    };
    let number = (state.taken + 1) & NUMBER;
    let packed = items(header, row, state) << NUMBER_BITS | number;
    word(header, row, 3).store(state.taken + 1, Relaxed);
    word(header, row, 2).store(packed, Release);
    Ok(())
}

/// This process is done with one item. `last` is called before that is so, if it is the last one of all.
pub(super) fn done(header: &Header, state: State, last: impl FnOnce()) -> Result<(), QueueError> {
    let row = own(header).ok_or(QueueError::NothingTaken)?;
    let items = items(header, row, state).checked_sub(1).ok_or(QueueError::NothingTaken)?;
    if state.count == 0 && items == 0 && all(header, state).len() == 1 {
        last();
    }
    word(header, row, 2).store(items << NUMBER_BITS, Release);
    Ok(())
}

/// Forgets what `taker` had, if it is still what it was.
pub(super) fn forget(header: &Header, state: State, taker: Taker) -> bool {
    let is_same = all(header, state).contains(&taker);
    if is_same {
        word(header, taker.row, 2).store(0, Release);
    }
    is_same
}

fn own(header: &Header) -> Option<usize> {
    let (pid, began) = ourselves();
    let is_own =
        |row: &usize| word(header, *row, 0).load(Relaxed) == pid && word(header, *row, 1).load(Relaxed) == began;
    (0..MOST).find(is_own)
}

/// A row of nobody's, or of a process that has nothing.
fn claim(header: &Header, state: State) -> Result<usize, QueueError> {
    let (pid, began) = ourselves();
    let row = (0..MOST).find(|row| items(header, *row, state) == 0).ok_or(QueueError::TooManyTakers { max: MOST })?;
    word(header, row, 2).store(0, Relaxed);
    word(header, row, 1).store(began, Relaxed);
    word(header, row, 0).store(pid, Release);
    Ok(row)
}
