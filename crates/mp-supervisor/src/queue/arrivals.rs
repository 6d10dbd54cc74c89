//! That something has come to a queue, for who waits for several.
//!
//! Does **not** take it.

use std::sync::atomic::AtomicU32;

use super::error::QueueError;
use super::patience::Patience;
use super::shared::Shared;
use super::{JoinableQueue, PriorityQueue, Queue, SimpleQueue};
use crate::wait_any::{Source, Waitable};

/// See the file's head.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals<'a>(&'a Shared);

impl<'a> Arrivals<'a> {
    /// Whether there is an item, or will never be one.
    pub(crate) fn are_there(&self) -> bool {
        self.0.count() > 0 || self.0.is_closed()
    }

    /// The word to sleep on, and what it is while nothing comes; `None` where something has.
    pub(crate) fn ticket(&self) -> Result<Option<(&'a AtomicU32, u32)>, QueueError> {
        let shared = self.0;
        let ticket =
            |_| Ok((!self.are_there()).then(|| (shared.header().items().word(), shared.header().items().ticket())));
        shared.locked(Patience::None, ticket)
    }
}

impl<T> Waitable for Queue<T> {
    fn source(&self) -> Source<'_> {
        Source::Queue(Arrivals(&self.shared))
    }
}

impl<T> Waitable for JoinableQueue<T> {
    fn source(&self) -> Source<'_> {
        self.queue().source()
    }
}

impl<T> Waitable for SimpleQueue<T> {
    fn source(&self) -> Source<'_> {
        self.queue().source()
    }
}

impl<T> Waitable for PriorityQueue<T> {
    fn source(&self) -> Source<'_> {
        self.tokens().source()
    }
}
