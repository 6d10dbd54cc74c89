//! A queue in a manager's server.
//!
//! Does **not** know what is in it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::wire::{Bytes, Reply};

/// A queue of at most `capacity` items.
pub(super) struct Store {
    capacity: u64,
    items: Mutex<VecDeque<Bytes>>,
    changed: Condvar,
}

impl Store {
    pub(super) fn new(capacity: u64) -> Self {
        Self { capacity, items: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn put(&self, item: Bytes, wait: Duration) -> Reply {
        let (deadline, mut items) = (Instant::now() + wait, self.items.lock());
        while items.len() as u64 >= self.capacity {
            if self.changed.wait_until(&mut items, deadline).timed_out() && items.len() as u64 >= self.capacity {
                return Reply::Late;
            }
        }
        items.push_back(item);
        self.changed.notify_all();
        Reply::Done
    }

    pub(super) fn take(&self, wait: Duration) -> Reply {
        let (deadline, mut items) = (Instant::now() + wait, self.items.lock());
        loop {
            if let Some(item) = items.pop_front() {
                self.changed.notify_all();
                return Reply::Value(Some(item));
            }
            if self.changed.wait_until(&mut items, deadline).timed_out() && items.is_empty() {
                return Reply::Late;
            }
        }
    }

    /// Who took it never got it.
    pub(super) fn put_back(&self, item: Bytes) {
        self.items.lock().push_front(item);
        self.changed.notify_all();
    }

    pub(super) fn len(&self) -> u64 {
        self.items.lock().len() as u64
    }
}
