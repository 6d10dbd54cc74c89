//! `QueueProxy`, `JoinableQueueProxy` and `LockProxy`: what one may have to wait for, in a manager.
//!
//! Does **not** wait in the server for long: it asks again, so that neither end waits for one that is gone.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::proxy::{Proxied, Proxy, decode, encode, proxied};
use super::session::{self, Session};
use super::wire::{Bytes, Call, Reply, Request};
use crate::until::Until;

/// A queue of a [`crate::Manager`], wherever it is. Python's `Manager().Queue()`. Between processes of one tree a
/// [`mp_supervisor::Queue`] is faster; this one reaches other trees as well.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct QueueProxy<T> {
    proxy: Proxy,
    #[serde(skip)]
    items: PhantomData<fn(T) -> T>,
}

proxied!(QueueProxy<T>, "queue", items);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl<T: Serialize + DeserializeOwned + 'static> QueueProxy<T> {
    /// Puts an item at the end. Waits for room if the queue is bounded.
    pub fn put(&self, item: &T) -> Result<(), ManagerError> {
        self.put_until(item, Until::Forever)
    }

    /// As [`Self::put`], waiting for at most `timeout`.
    pub fn put_timeout(&self, item: &T, timeout: Duration) -> Result<(), ManagerError> {
        self.put_until(item, Until::after(timeout))
    }

    /// Takes the first item; waits until there is one.
    pub fn get(&self) -> Result<T, ManagerError> {
        self.get_until(Until::Forever)
    }

    /// As [`Self::get`], waiting for at most `timeout`.
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, ManagerError> {
        self.get_until(Until::after(timeout))
    }

    /// How many items there are. Python's `qsize`.
    pub fn len(&self) -> Result<u64, ManagerError> {
        self.proxy.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        Ok(self.len()? == 0)
    }

    fn put_until(&self, item: &T, until: Until) -> Result<(), ManagerError> {
        let item = encode(item)?;
        self.proxy.wait(until, |wait_ms| Call::Put { item: Bytes::clone(&item), wait_ms }).map(drop)
    }

    fn get_until(&self, until: Until) -> Result<T, ManagerError> {
        match self.proxy.wait(until, |wait_ms| Call::Take { wait_ms })?.0 {
            Reply::Value(Some(item)) => decode(&item),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }
}

/// A queue of a [`crate::Manager`] whose items are done when their getter says so. Python's `Manager().JoinableQueue()`. It is a
/// [`QueueProxy`] beside that, to which it derefs.
///
/// Items are accounted to the thread that got them. If that ends, killed or not, before they are done, [`Self::join`] does not
/// hang: it says who, once, and they are off the account.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct JoinableQueueProxy<T> {
    queue: QueueProxy<T>,
}

impl<T> Proxied for JoinableQueueProxy<T> {
    fn proxy(&self) -> &Proxy {
        &self.queue.proxy
    }

    fn over(proxy: Proxy) -> Self {
        Self { queue: QueueProxy::over(proxy) }
    }

    fn types() -> String {
        format!("joinable {}", QueueProxy::<T>::types())
    }
}

impl<T> Clone for JoinableQueueProxy<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> fmt::Debug for JoinableQueueProxy<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "joinable {:?}", self.queue)
    }
}

impl<T> Deref for JoinableQueueProxy<T> {
    type Target = QueueProxy<T>;

    fn deref(&self) -> &QueueProxy<T> {
        &self.queue
    }
}

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl<T> JoinableQueueProxy<T> {
    /// One item that this thread got, or else another of its process, is done. [`ManagerError::NothingTaken`] where none is left.
    pub fn task_done(&self) -> Result<(), ManagerError> {
        self.proxy().done(Call::TaskDone)
    }

    /// Waits until all items are done. [`ManagerError::Abandoned`] when somebody has ended with some.
    pub fn join(&self) -> Result<(), ManagerError> {
        self.join_until(Until::Forever)
    }

    /// As [`Self::join`], for at most `timeout`.
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), ManagerError> {
        self.join_until(Until::after(timeout))
    }

    fn join_until(&self, until: Until) -> Result<(), ManagerError> {
        self.proxy().wait(until, |wait_ms| Call::Join { wait_ms }).map(drop)
    }
}

/// A lock of a [`crate::Manager`], wherever it is. Python's `Manager().Lock()`.
///
/// It is held by a thread of a process. If that ends, killed or not, the lock is free, and the next to lock it is told
/// once, as by std's poisoning: see [`LockError::Abandoned`].
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct LockProxy {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn()>,
}

proxied!(LockProxy, "lock", kind);

/// A lock, or a permit of a semaphore, held. Dropped, it is given back.
#[must_use = "dropped, the lock is given back"]
pub struct LockGuard {
    proxy: Proxy,
    session: Arc<Session>,
    is_held: bool,
}

/// Why a lock is not held, or held with care.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It is held, but process `pid` ended while it held it: what it protects may be half changed.
    #[error("process {pid} ended while it held the lock")]
    Abandoned {
        /// Who held it last.
        pid: u32,
        /// The lock is held all the same.
        guard: LockGuard,
    },
    /// It is not held.
    #[error(transparent)]
    Manager(#[from] ManagerError),
}

impl LockProxy {
    /// Waits until nobody else holds it.
    ///
    /// # Errors
    /// [`LockError::Abandoned`], with the lock held; [`LockError::Manager`] without it.
    pub fn lock(&self) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::Forever)
    }

    /// As [`Self::lock`], waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`ManagerError::TimedOut`] within [`LockError::Manager`], and as [`Self::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::after(timeout))
    }
}

/// What is held by one thread at a time, or by so many.
pub(super) fn acquire(proxy: &Proxy, until: Until) -> Result<LockGuard, LockError> {
    let session = session::of(&proxy.place, Until::after(proxy.limit))?;
    acquire_by(proxy, session, until)
}

pub(super) fn acquire_by(proxy: &Proxy, session: Arc<Session>, until: Until) -> Result<LockGuard, LockError> {
    let reply = proxy.wait_by(&session, until, |wait_ms| Call::Acquire { wait_ms })?;
    let guard = LockGuard { proxy: proxy.clone(), session, is_held: true };
    match reply {
        Reply::Acquired { abandoned_by: None } => Ok(guard),
        Reply::Acquired { abandoned_by: Some(pid) } => Err(LockError::Abandoned { pid, guard }),
        other => Err(ManagerError::Malformed(format!("{other:?}")).into()),
    }
}

impl LockGuard {
    /// Where it is held, and by which connection.
    pub(super) fn place(&self) -> (&Proxy, &Arc<Session>) {
        (&self.proxy, &self.session)
    }

    /// It is not held any more.
    pub(super) fn disarm(mut self) -> Arc<Session> {
        self.is_held = false;
        Arc::clone(&self.session)
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if !self.is_held {
            return;
        }
        let request = Request::Call(self.proxy.object, Call::Release);
        // Where the manager does not answer, it is gone, or takes the end of the connection for the release.
        let _ = self.session.call(&request, Until::after(self.proxy.limit));
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "lock {} of a manager, held", self.proxy.object)
    }
}
