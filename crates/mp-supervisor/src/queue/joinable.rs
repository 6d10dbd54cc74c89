//! `JoinableQueue`: a queue that says when all that was put into it has been worked on.
//!
//! Does **not** know how it is kept: `takers.rs` does.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{PutError, QueueError};
use super::header::PREFIX;
use super::patience::Patience;
use super::{Queue, decode, scratch, takers};

/// How often who joins looks whether those who have items are alive.
const LOOK: Duration = Duration::from_millis(20);

/// A [`Queue`] whose items are done when their getter says so. Python's `multiprocessing.JoinableQueue`.
///
/// Who got an item calls [`task_done`](Self::task_done) when it is worked on, and [`join`](Self::join) returns when that
/// holds for every item. Items are accounted to the process that got them, so a process calls `task_done` for its own.
///
/// A process that ends, killed or not, with items that it was not done with makes no `join` hang: `join` gives
/// [`QueueError::Abandoned`], which names the process and the item, once; then those items are off the account. Whoever
/// hears it decides: put them again, or go on and join again.
///
/// # Examples
/// ```
/// # use mp_supervisor::JoinableQueue;
/// let queue = JoinableQueue::new()?;
/// queue.put(1)?;
/// let worker = queue.clone();
/// std::thread::spawn(move || {
///     while worker.get().is_ok() {
///         worker.task_done().expect("one was got");
///     }
/// });
/// queue.join()?;
/// queue.close()?; // ends the thread
/// # Ok::<(), mp_supervisor::Error>(())
/// ```
pub struct JoinableQueue<T> {
    queue: Queue<T>,
}

impl<T> JoinableQueue<T> {
    /// As [`Queue::new`].
    ///
    /// # Errors
    /// As [`Queue::new`].
    pub fn new() -> crate::Result<Self> {
        Ok(Self { queue: Queue::new()? })
    }

    /// As [`Queue::bounded`].
    ///
    /// # Errors
    /// As [`Queue::bounded`].
    pub fn bounded(capacity: usize) -> crate::Result<Self> {
        Ok(Self { queue: Queue::bounded(capacity)? })
    }

    /// One item that this process got is done.
    ///
    /// # Errors
    /// [`QueueError::NothingTaken`] where all that this process got is done already.
    pub fn task_done(&self) -> crate::Result<()> {
        let shared = &self.queue.shared;
        let done = |state| takers::done(shared.header(), state, || shared.header().done().ring());
        Ok(shared.locked(Patience::Forever, done)?)
    }

    /// Waits until all items are done: none is in the queue, and none is with a process that has not said so.
    ///
    /// # Errors
    /// [`QueueError::Abandoned`] at once when a process has ended that had items, whatever else is not done.
    pub fn join(&self) -> crate::Result<()> {
        Ok(self.join_within(Patience::Forever)?)
    }

    /// As [`Self::join`], for at most `timeout`.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`], and as [`Self::join`].
    pub fn join_timeout(&self, timeout: Duration) -> crate::Result<()> {
        Ok(self.join_within(Patience::timeout(timeout))?)
    }

    /// How many items are not done: in the queue, or with who got them.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`] if for a second some process that is stopped held the queue's lock; [`QueueError::Corrupted`].
    pub fn unfinished(&self) -> crate::Result<u64> {
        let shared = &self.queue.shared;
        let count = |state: super::header::State| {
            Ok(state.count + takers::all(shared.header(), state).iter().map(|taker| taker.items).sum::<u64>())
        };
        Ok(shared.locked(Patience::None, count)?)
    }

    pub(super) fn queue(&self) -> &Queue<T> {
        &self.queue
    }

    fn join_within(&self, patience: Patience) -> Result<(), QueueError> {
        let (shared, header) = (&self.queue.shared, self.queue.shared.header());
        loop {
            let look = |state: super::header::State| {
                let takers = takers::all(header, state);
                Ok((state.count > 0 || !takers.is_empty()).then(|| (header.done().ticket(), takers)))
            };
            let Some((ticket, takers)) = shared.locked(patience, look)? else { return Ok(()) };
            if let Some(dead) = takers.into_iter().find(|taker| !taker.is_alive()) {
                let forgotten = shared.locked(patience, |state| Ok(takers::forget(header, state, dead)))?;
                return if forgotten { Err(dead.abandoned()) } else { continue };
            }
            let left = patience.left()?.map_or(LOOK, |left| left.min(LOOK));
            header.done().sleep(ticket, Some(left))?;
        }
    }

    /// As [`Queue::len`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// As [`Queue::is_empty`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// As [`Queue::close`].
    ///
    /// # Errors
    /// As [`Queue::close`].
    pub fn close(&self) -> crate::Result<()> {
        self.queue.close()
    }
}

impl<T: Serialize> JoinableQueue<T> {
    /// As [`Queue::put`].
    ///
    /// # Errors
    /// As [`Queue::put`].
    pub fn put(&self, item: T) -> crate::Result<()> {
        self.queue.put(item)
    }

    /// As [`Queue::try_put`].
    ///
    /// # Errors
    /// As [`Queue::try_put`].
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.queue.try_put(item)
    }

    /// As [`Queue::put_timeout`].
    ///
    /// # Errors
    /// As [`Queue::put_timeout`].
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.queue.put_timeout(item, timeout)
    }
}

impl<T: DeserializeOwned> JoinableQueue<T> {
    /// As [`Queue::get`]. An item that cannot be decoded is done.
    ///
    /// # Errors
    /// As [`Queue::get`], and [`QueueError::TooManyTakers`].
    pub fn get(&self) -> crate::Result<T> {
        self.get_within(Patience::Forever)
    }

    /// As [`Queue::try_get`].
    ///
    /// # Errors
    /// As [`Queue::try_get`], and [`QueueError::TooManyTakers`].
    pub fn try_get(&self) -> crate::Result<T> {
        self.get_within(Patience::None)
    }

    /// As [`Queue::get_timeout`].
    ///
    /// # Errors
    /// As [`Queue::get_timeout`], and [`QueueError::TooManyTakers`].
    pub fn get_timeout(&self, timeout: Duration) -> crate::Result<T> {
        self.get_within(Patience::timeout(timeout))
    }

    fn get_within(&self, patience: Patience) -> crate::Result<T> {
        let shared = &self.queue.shared;
        let item = scratch::with(|record| {
            shared.get_noting(record, patience, |state| takers::take(shared.header(), state))?;
            Ok::<_, QueueError>(decode(&record[PREFIX as usize..]))
        })?;
        if item.is_err() {
            self.task_done()?;
        }
        Ok(item?)
    }
}

impl<T> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JoinableQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// As an argument of a task or a process only, like [`Queue`].
impl<T> Serialize for JoinableQueue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.queue.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for JoinableQueue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { queue: Queue::deserialize(deserializer)? })
    }
}
