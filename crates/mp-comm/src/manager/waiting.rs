//! `QueueProxy` and `LockProxy`: what one may have to wait for, in a manager.
//!
//! Does **not** wait in the server for long: it asks again, so that neither end waits for one that is gone.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::proxy::{Proxy, decode, encode, proxied};
use super::session::Session;
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

/// A lock, held. Dropped, it is given back.
#[must_use = "dropped, the lock is given back"]
pub struct LockGuard {
    proxy: Proxy,
    session: Arc<Session>,
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
        self.lock_until(Until::Forever)
    }

    /// As [`Self::lock`], waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`ManagerError::TimedOut`] within [`LockError::Manager`], and as [`Self::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard, LockError> {
        self.lock_until(Until::after(timeout))
    }

    fn lock_until(&self, until: Until) -> Result<LockGuard, LockError> {
        let (reply, session) = self.proxy.wait(until, |wait_ms| Call::Acquire { wait_ms })?;
        let guard = LockGuard { proxy: self.proxy.clone(), session };
        match reply {
            Reply::Acquired { abandoned_by: None } => Ok(guard),
            Reply::Acquired { abandoned_by: Some(pid) } => Err(LockError::Abandoned { pid, guard }),
            other => Err(ManagerError::Malformed(format!("{other:?}")).into()),
        }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
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
