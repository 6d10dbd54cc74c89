//! `PriorityQueue`: a queue whose most urgent items are got first.
//!
//! Does **not** have a mechanism of its own: it is a queue for each priority, and one more that counts.
//!
//! ```text
//!  put(2, item): levels[2] ◀─ item, then tokens ◀─ ()        get: tokens ─▶ (), then the first item of 0, 1, 2, ..
//! ```
//!
//! - P1 Whoever has a token finds an item: an item is put before its token, and a token is got before its item. So there
//!   are never fewer items than tokens, those in the hands of getters included.
//! - P2 Who is killed between the two steps costs one item: the one that was put has no token, or the token that was got
//!   no item. That is what a queue promises.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Queue;
use super::error::QueueError;
use super::patience::Patience;

/// The most priorities: each is a descriptor.
const MOST: usize = 16;

/// Items with priorities, of which 0 is the most urgent, to many consumers in any process. Python's `queue.PriorityQueue`, which
/// there is for threads only.
///
/// Items of one priority come in the order in which they were put. As a [`Queue`] it can be an argument, and a process that is
/// killed, at any instant, costs at most the one item that it was putting or getting.
///
/// # Examples
/// ```
/// # use mp_supervisor::PriorityQueue;
/// let queue = PriorityQueue::new(3)?;
/// queue.put(2, "later".to_owned())?;
/// queue.put(0, "now".to_owned())?;
/// assert_eq!(queue.get()?, (0, "now".to_owned()));
/// # Ok::<(), mp_supervisor::Error>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct PriorityQueue<T> {
    tokens: Queue<()>,
    levels: Vec<Queue<T>>,
}

impl<T> PriorityQueue<T> {
    /// An empty queue of items with priorities `0..priorities`; there may be 16.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for none, or more; [`QueueError::Os`].
    pub fn new(priorities: usize) -> crate::Result<Self> {
        if !(1..=MOST).contains(&priorities) {
            return Err(crate::Error::Invalid(format!("a queue has 1 to {MOST} priorities, not {priorities}")));
        }
        let levels = (0..priorities).map(|_| Queue::new()).collect::<crate::Result<_>>()?;
        Ok(Self { tokens: Queue::new()?, levels })
    }

    /// As [`Queue::len`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// As [`Queue::is_empty`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// As [`Queue::close`].
    ///
    /// # Errors
    /// As [`Queue::close`].
    pub fn close(&self) -> crate::Result<()> {
        self.tokens.close()
    }
}

impl<T> PriorityQueue<T> {
    /// One for each item.
    pub(super) fn tokens(&self) -> &Queue<()> {
        &self.tokens
    }
}

impl<T: Serialize> PriorityQueue<T> {
    /// Puts `item` behind those of the same priority.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a priority that the queue has not, and as [`Queue::put`].
    pub fn put(&self, priority: usize, item: T) -> crate::Result<()> {
        let unknown = || format!("priority {priority} is none of the {} that the queue has", self.levels.len());
        let level = self.levels.get(priority).ok_or_else(|| crate::Error::Invalid(unknown()))?;
        if self.tokens.is_closed() {
            return Err(QueueError::Closed.into());
        }
        level.put(item)?;
        self.tokens.put(())
    }
}

impl<T: DeserializeOwned> PriorityQueue<T> {
    /// Takes the most urgent item, with its priority. Waits until there is one.
    ///
    /// # Errors
    /// As [`Queue::get`].
    pub fn get(&self) -> crate::Result<(usize, T)> {
        self.get_within(Patience::Forever)
    }

    /// As [`Queue::try_get`].
    ///
    /// # Errors
    /// As [`Queue::try_get`].
    pub fn try_get(&self) -> crate::Result<(usize, T)> {
        self.get_within(Patience::None)
    }

    /// As [`Queue::get_timeout`].
    ///
    /// # Errors
    /// As [`Queue::get_timeout`].
    pub fn get_timeout(&self, timeout: Duration) -> crate::Result<(usize, T)> {
        self.get_within(Patience::timeout(timeout))
    }

    fn get_within(&self, patience: Patience) -> crate::Result<(usize, T)> {
        self.tokens.get_within(patience)?;
        loop {
            for (priority, level) in self.levels.iter().enumerate().filter(|(_, level)| !level.is_empty()) {
                match level.get_within(Patience::None) {
                    Err(QueueError::Empty) => {}
                    item => return Ok((priority, item?)),
                }
            }
            // Another took what was seen here, while what is left for this token was put at a level already passed.
            std::thread::yield_now();
        }
    }
}

impl<T> Clone for PriorityQueue<T> {
    fn clone(&self) -> Self {
        Self { tokens: self.tokens.clone(), levels: self.levels.clone() }
    }
}

impl<T> fmt::Debug for PriorityQueue<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PriorityQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}
