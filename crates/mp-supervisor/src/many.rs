//! The outcomes of many items, as they come: of a map.
//!
//! Does **not** know types: values stay encoded, as they came, until the caller takes them, in the caller's thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mp_wire::Failure;
use mp_wire::item::{Items, push_bytes};
use parking_lot::{Condvar, Mutex};

use crate::reactor::{Reactor, is_hearing};
use crate::windows::Brought;

/// Where the outcomes of a map gather until its caller takes them.
#[derive(Debug, Default)]
pub(crate) struct Many {
    state: Mutex<ManyState>,
    ready: Condvar,
    abandoned: AtomicBool,
}

#[derive(Debug, Default)]
struct ManyState {
    block: Block,
    nudged: bool,
    /// Who waits is woken for so many outcomes.
    wanted: usize,
    /// A failure that nobody takes was logged: of many items, one is.
    logged: bool,
}

/// So much memory is kept for the outcomes that come next, in bytes.
const SPARE: usize = 4 << 20;

/// Some outcomes. Values lie one behind the other in one buffer, as they came: to gather them is to copy bytes.
#[derive(Debug, Default)]
pub(crate) struct Block {
    values: Vec<u8>,
    runs: Vec<(u64, Run)>,
    items: usize,
}

/// The outcomes of items that follow each other.
#[derive(Debug)]
enum Run {
    /// So many values, in so many bytes.
    Values {
        count: u64,
        bytes: usize,
    },
    Failure(Box<Failure>),
    /// A large value, where its worker left it.
    Brought(Brought),
}

impl Block {
    pub(crate) fn len(&self) -> usize {
        self.items
    }

    fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.runs.iter().filter_map(|(_, run)| match run {
            Run::Failure(failure) => Some(&**failure),
            Run::Values { .. } | Run::Brought(_) => None,
        })
    }

    fn push_values(&mut self, index: u64, values: Items<'_>) {
        let (count, bytes) = (u64::from(values.len()), values.as_bytes());
        self.items += count as usize;
        self.values.extend_from_slice(bytes);
        if let Some((first, Run::Values { count: before, bytes: length })) = self.runs.last_mut()
            && *first + *before == index
        {
            *before += count;
            *length += bytes.len();
        } else {
            self.runs.push((index, Run::Values { count, bytes: bytes.len() }));
        }
    }

    /// Hands the outcomes to `each`, in the order in which they came, without a copy. Afterwards there are none, and the
    /// memory is there for others: fresh memory costs more than what is done with it.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Came<'_>)) {
        let mut rest = self.values.as_slice();
        for (first, run) in self.runs.drain(..) {
            match run {
                Run::Failure(failure) => each(Came::Failure(first, *failure)),
                Run::Brought(brought) => {
                    if brought.read(|value| each(Came::Value(first, value))).is_none() {
                        each(Came::Failure(first, Failure::stopped("there is no memory for a large result")));
                    }
                }
                Run::Values { count, bytes } => {
                    let (values, after) = rest.split_at(bytes);
                    rest = after;
                    each(Came::Values(first, Items::known(values, count as u32)));
                }
            }
        }
        self.items = 0;
        if self.values.capacity() > SPARE { self.values = Vec::new() } else { self.values.clear() }
    }
}

/// What came.
pub(crate) enum Came<'a> {
    /// The values of items that follow each other.
    Values(u64, Items<'a>),
    /// One by itself.
    Value(u64, &'a [u8]),
    Failure(u64, Failure),
}

impl Many {
    /// The items from `index` on have these values.
    pub(crate) fn put_values(&self, index: u64, values: Items<'_>) {
        if !self.abandoned.load(Ordering::Acquire) {
            self.state.lock().block.push_values(index, values);
        }
    }

    /// Item `index` has this value.
    pub(crate) fn put_value(&self, index: u64, value: &[u8]) {
        let mut item = Vec::with_capacity(value.len() + 9);
        push_bytes(&mut item, value);
        let (values, _) = Items::split_off(&item);
        self.put_values(index, values);
    }

    /// Item `index` has a large value.
    pub(crate) fn put_brought(&self, index: u64, brought: Brought) {
        if !self.abandoned.load(Ordering::Acquire) {
            let block = &mut self.state.lock().block;
            block.items += 1;
            block.runs.push((index, Run::Brought(brought)));
        }
    }

    /// Item `index` has no value.
    pub(crate) fn put_failure(&self, index: u64, failure: Failure) {
        let mut state = self.state.lock();
        if self.abandoned.load(Ordering::Acquire) {
            return state.log(&failure);
        }
        state.block.items += 1;
        state.block.runs.push((index, Run::Failure(Box::new(failure))));
    }

    /// Something has come.
    pub(crate) fn wake(&self) {
        let state = self.state.lock();
        let enough = state.nudged || state.block.items >= state.wanted;
        drop(state);
        if enough {
            self.ready.notify_all();
        }
    }

    /// Makes who waits look again.
    pub(crate) fn nudge(&self) {
        self.state.lock().nudged = true;
        self.ready.notify_all();
    }

    /// Takes all that has come, when that are `wanted` or more; waits for them, at most until `deadline`. Fewer only when
    /// that has passed, or after a nudge, or where outcomes come from. The memory of `block`, which is empty, is used for
    /// what comes next.
    pub(crate) fn take(&self, deadline: Option<Instant>, wanted: usize, block: &mut Block) {
        Reactor::expect_news();
        let mut state = self.state.lock();
        state.wanted = wanted;
        while state.block.items < wanted && !std::mem::take(&mut state.nudged) && !is_hearing() {
            match deadline {
                None => self.ready.wait(&mut state),
                Some(deadline) => {
                    if self.ready.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        std::mem::swap(&mut state.block, block);
    }

    /// Nobody will take anything any more. What was taken and not looked at has these failures.
    pub(crate) fn abandon<'a>(&self, left: impl Iterator<Item = &'a Failure>) {
        let mut state = self.state.lock();
        self.abandoned.store(true, Ordering::Release);
        let block = std::mem::take(&mut state.block);
        left.for_each(|failure| state.log(failure));
        block.failures().for_each(|failure| state.log(failure));
    }
}

impl ManyState {
    /// What was stopped or cancelled is no news to who did it.
    fn log(&mut self, failure: &Failure) {
        let expected = matches!(failure, Failure::Stopped { .. } | Failure::Cancelled);
        if !expected && !std::mem::replace(&mut self.logged, true) {
            crate::log::warning!(%failure, "a task whose handle was dropped has failed; of others of its map only the number is kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_out_as_they_came_in() {
        let many = Many::default();
        let long = [7; 1000];
        many.put_value(4, b"four");
        many.put_value(5, &long);
        many.put_failure(6, Failure::Cancelled);
        many.put_value(0, b"");
        let mut block = Block::default();
        many.take(None, 1, &mut block);
        assert_eq!((block.len(), block.runs.len()), (4, 3), "4 and 5 are one run");
        let mut seen = Vec::new();
        block.drain(|came| match came {
            Came::Values(first, values) => {
                seen.extend((first..).zip(values).map(|(index, value)| (index, Some(value.to_vec()))));
            }
            Came::Value(index, value) => seen.push((index, Some(value.to_vec()))),
            Came::Failure(index, _) => seen.push((index, None)),
        });
        assert_eq!(seen, [(4, Some(b"four".to_vec())), (5, Some(long.to_vec())), (6, None), (0, Some(Vec::new()))]);
        assert_eq!((block.len(), block.values.len(), block.runs.len()), (0, 0, 0));
    }

    #[test]
    fn what_nobody_wants_is_not_kept() {
        let many = Many::default();
        many.put_value(0, b"zero");
        many.abandon(std::iter::empty());
        many.put_value(1, b"one");
        let mut block = Block::default();
        many.take(Some(Instant::now()), 1, &mut block);
        assert_eq!(block.len(), 0);
    }
}
