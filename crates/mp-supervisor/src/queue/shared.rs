//! A queue of byte strings in a file that processes share: the lock, the waiting, and the order of every step.
//!
//! Does **not** know types. Never sleeps, encodes or decodes under the lock.
//!
//! ```text
//!  put: lock ─ room? ─ write behind tail ─ ring items ─ publish ─ unlock
//!              └ no: ticket ─ unlock ─ sleep ─ again
//!  get: lock ─ item? ─ read at head ────── ring room ── publish ─ give memory back ─ unlock
//!              └ no: unlock ─ look for a moment ─ lock ─ ticket ─ unlock ─ sleep ─ again
//! ```
//!
//! Killed before `publish`: nothing happened, but that sleepers woke, found the lock, then nothing, and slept again.
//! Killed after it: it happened, and all who waited for it are awake. Whoever has the lock next is told, and tidies.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, LazyLock, Weak};

use mp_link::Spin;
use mp_sys::memfile::{MemFile, PAGE, Page};
use mp_sys::robust::{self, Left};
use parking_lot::Mutex;

use super::error::QueueError;
use super::header::{Header, State};
use super::log::Log;
use super::patience::Patience;

/// The queues of this process: one that arrives again is the one that is here, with one descriptor.
static KNOWN: LazyLock<Mutex<HashMap<Key, Weak<Shared>>>> = LazyLock::new(Mutex::default);

/// The file's number, and the number its maker drew: file numbers are used again.
type Key = (u64, u64);

/// What all handles of a queue in one process share.
#[derive(Debug)]
pub(super) struct Shared {
    key: Key,
    header: Header,
    log: Log,
}

/// What a look at the queue under the lock led to.
enum Turn {
    Done,
    Wait(u32),
}

impl Shared {
    pub(super) fn create(capacity: u64) -> Result<Arc<Self>, QueueError> {
        let nonce = RandomState::new().build_hasher().finish();
        let (file, page) = create().map_err(QueueError::os("creating a queue"))?;
        Self::register(file, Header::create(page, nonce, capacity))
    }

    pub(super) fn adopt(fd: OwnedFd) -> Result<Arc<Self>, QueueError> {
        let (file, page) = adopt(fd).map_err(not_a_queue)?;
        Self::register(file, Header::adopt(page)?)
    }

    fn register(file: MemFile, header: Header) -> Result<Arc<Self>, QueueError> {
        let key = (file.inode().map_err(QueueError::os("opening a queue"))?, header.nonce());
        let mut known = KNOWN.lock();
        if let Some(here) = known.get(&key).and_then(Weak::upgrade) {
            return Ok(here);
        }
        let shared = Arc::new(Self { key, header, log: Log::new(file) });
        known.insert(key, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Puts `record`, a prefix and the item.
    pub(super) fn put(&self, record: &[u8], patience: Patience) -> Result<(), QueueError> {
        loop {
            match self.locked(patience, |state| self.put_now(state, record, patience))? {
                Turn::Done => return Ok(()),
                Turn::Wait(ticket) => self.header.room().sleep(ticket, patience.left()?)?,
            }
        }
    }

    /// Makes `record` the first one, and takes it out.
    pub(super) fn get(&self, record: &mut Vec<u8>, patience: Patience) -> Result<(), QueueError> {
        self.get_noting(record, patience, |_| Ok(()))
    }

    /// As [`Self::get`]; under the lock `note` is called before the item is taken, with the state that still has it.
    pub(super) fn get_noting(
        &self,
        record: &mut Vec<u8>,
        patience: Patience,
        note: impl Fn(State) -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        thread_local! {
            static SPIN: Cell<Spin> = const { Cell::new(Spin::new()) };
        }
        let mut spin = SPIN.get();
        while !self.locked(patience, |state| self.get_now((state, patience), record, &note))? {
            let found = || (self.count() > 0 || self.is_closed()).then_some(Ok(()));
            let waited = spin.wait(found, || self.wait_for_items(patience));
            SPIN.set(spin);
            waited?;
        }
        Ok(())
    }

    /// Sleeps until something was put, or may have been.
    fn wait_for_items(&self, patience: Patience) -> Result<(), QueueError> {
        let look = |state: State| Ok((state.count == 0 && !self.is_closed()).then(|| self.header.items().ticket()));
        match self.locked(patience, look)? {
            None => Ok(()),
            Some(ticket) => self.header.items().sleep(ticket, patience.left()?),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.header.count()
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn is_closed(&self) -> bool {
        self.header.closed().load(Acquire) != 0
    }

    /// Nothing more is put. Who waits for room, or for an item, is told.
    pub(super) fn close(&self) -> Result<(), QueueError> {
        self.locked(Patience::None, |_| {
            self.header.items().ring();
            self.header.room().ring();
            self.header.closed().store(1, Release);
            Ok(())
        })
    }

    fn put_now(&self, state: State, record: &[u8], patience: Patience) -> Result<Turn, QueueError> {
        let capacity = self.header.capacity();
        if self.is_closed() {
            return Err(QueueError::Closed);
        }
        if state.count >= capacity {
            let full = QueueError::Full { capacity };
            return if patience.is_none() { Err(full) } else { Ok(Turn::Wait(self.header.room().ticket())) };
        }
        let next = self.log.append(state, record)?;
        self.header.items().ring();
        self.header.publish(next);
        Ok(Turn::Done)
    }

    /// Whether an item was taken; where there is none, an error if the call does not wait.
    fn get_now(
        &self,
        (state, patience): (State, Patience),
        record: &mut Vec<u8>,
        note: impl Fn(State) -> Result<(), QueueError>,
    ) -> Result<bool, QueueError> {
        match state.count {
            0 if self.is_closed() => return Err(QueueError::Closed),
            0 if patience.is_none() => return Err(QueueError::Empty),
            0 => return patience.left().map(|_| false),
            _ => {}
        }
        let next = self.log.free_consumed(state, self.log.first(state, record)?);
        note(state)?;
        self.header.room().ring();
        self.header.publish(next);
        if next.count == 0 {
            self.log.free_emptied(state);
        }
        Ok(true)
    }

    pub(super) fn locked<R>(
        &self,
        patience: Patience,
        body: impl FnOnce(State) -> Result<R, QueueError>,
    ) -> Result<R, QueueError> {
        let held = robust::hold(self.header.lock(), patience.lock_deadline(), |left| {
            let state = self.header.state()?;
            if left == Left::Died {
                self.log.tidy(state)?;
            }
            body(state)
        });
        held.unwrap_or_else(|error| Err(patience.lock_error(error)))
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.log.file().as_fd()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut known = KNOWN.lock();
        if known.get(&self.key).is_some_and(|here| here.strong_count() == 0) {
            known.remove(&self.key);
        }
    }
}

fn create() -> io::Result<(MemFile, Page)> {
    let file = MemFile::create(c"mp-queue", PAGE)?;
    let page = Page::map(&file)?;
    Ok((file, page))
}

fn adopt(fd: OwnedFd) -> io::Result<(MemFile, Page)> {
    let file = MemFile::adopt(fd)?;
    let page = Page::map(&file)?;
    Ok((file, page))
}

fn not_a_queue(error: io::Error) -> QueueError {
    if error.kind() == io::ErrorKind::InvalidInput {
        return QueueError::NotAQueue;
    }
    QueueError::os("opening a queue")(error)
}
