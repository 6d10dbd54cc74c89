//! `SimpleQueue`: a queue with nothing but its two ends.
//!
//! Does **not** have a mechanism of its own.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Queue;

/// A [`Queue`] without bound, limits of time, or length. Python's `multiprocessing.SimpleQueue`.
///
/// # Examples
/// ```
/// # use mp_supervisor::SimpleQueue;
/// let queue = SimpleQueue::new()?;
/// queue.put(42)?;
/// assert!(!queue.is_empty());
/// assert_eq!(queue.get()?, 42);
/// # Ok::<(), mp_supervisor::Error>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct SimpleQueue<T>(Queue<T>);

impl<T> SimpleQueue<T> {
    /// As [`Queue::new`].
    ///
    /// # Errors
    /// As [`Queue::new`].
    pub fn new() -> crate::Result<Self> {
        Ok(Self(Queue::new()?))
    }

    /// As [`Queue::is_empty`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As [`Queue::close`].
    ///
    /// # Errors
    /// As [`Queue::close`].
    pub fn close(&self) -> crate::Result<()> {
        self.0.close()
    }
}

impl<T> SimpleQueue<T> {
    pub(super) fn queue(&self) -> &Queue<T> {
        &self.0
    }
}

impl<T: Serialize> SimpleQueue<T> {
    /// As [`Queue::put`].
    ///
    /// # Errors
    /// As [`Queue::put`].
    pub fn put(&self, item: T) -> crate::Result<()> {
        self.0.put(item)
    }
}

impl<T: DeserializeOwned> SimpleQueue<T> {
    /// As [`Queue::get`].
    ///
    /// # Errors
    /// As [`Queue::get`].
    pub fn get(&self) -> crate::Result<T> {
        self.0.get()
    }
}

impl<T> Clone for SimpleQueue<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
