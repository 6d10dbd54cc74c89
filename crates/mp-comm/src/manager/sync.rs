//! `RLockProxy`, `SemaphoreProxy` and `EventProxy`: what else one may have to wait for, in a manager.
//!
//! Does **not** wait in the server for long: it asks again.

use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::proxy::{Proxy, proxied};
use super::waiting::{LockError, LockGuard, acquire};
use super::wire::{Call, EventCall, Reply};
use crate::until::Until;

/// A lock of a [`crate::Manager`] that its holder can take again. Python's `Manager().RLock()`.
///
/// It is held by a thread of a process, once for each guard; else it is as a [`crate::LockProxy`].
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct RLockProxy {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn()>,
}

proxied!(RLockProxy, "reentrant lock", kind);

impl RLockProxy {
    /// Waits until nobody else holds it.
    ///
    /// # Errors
    /// As [`crate::LockProxy::lock`].
    pub fn lock(&self) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::Forever)
    }

    /// As [`Self::lock`], waiting for at most `timeout`.
    ///
    /// # Errors
    /// As [`crate::LockProxy::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::after(timeout))
    }
}

/// Permits of a [`crate::Manager`], wherever it is. Python's `Manager().Semaphore()` and `BoundedSemaphore()`.
///
/// A permit is a guard: there again when it is dropped, and also when its thread or process ends; then one who acquires next is
/// told ([`LockError::Abandoned`]). As a mere counter: [`take`](Self::take) and [`release`](Self::release).
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct SemaphoreProxy {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn()>,
}

proxied!(SemaphoreProxy, "semaphore", kind);

impl SemaphoreProxy {
    /// Waits for a permit.
    ///
    /// # Errors
    /// [`LockError::Abandoned`], with the permit; [`LockError::Manager`] without it.
    pub fn acquire(&self) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::Forever)
    }

    /// As [`Self::acquire`], waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`ManagerError::TimedOut`] within [`LockError::Manager`], and as [`Self::acquire`].
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::after(timeout))
    }

    /// Waits for a permit and takes it away for good: until somebody, anywhere, [releases](Self::release) one.
    ///
    /// # Errors
    /// As [`Self::acquire`].
    pub fn take(&self) -> Result<(), LockError> {
        let guard = self.acquire()?;
        self.proxy.call_by(guard.place().1, Call::Keep)?;
        guard.disarm();
        Ok(())
    }

    /// Adds a permit.
    ///
    /// # Errors
    /// [`ManagerError::TooManyReleases`] where that is one too many.
    pub fn release(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::Add)
    }

    /// How many permits nobody has.
    ///
    /// # Errors
    /// As every call.
    pub fn value(&self) -> Result<u64, ManagerError> {
        self.proxy.count()
    }
}

/// An event of a [`crate::Manager`], wherever it is. Python's `Manager().Event()`.
///
/// Who waits while it is set goes on, also if it is cleared the moment after.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct EventProxy {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn()>,
}

proxied!(EventProxy, "event", kind);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl EventProxy {
    /// Sets it: all who wait go on, and nobody waits, until it is cleared.
    pub fn set(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::Event(EventCall::Set))
    }

    /// Makes it not set.
    pub fn clear(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::Event(EventCall::Clear))
    }

    /// Whether it is set.
    pub fn is_set(&self) -> Result<bool, ManagerError> {
        self.look().map(|(is_set, _)| is_set)
    }

    /// Waits until it is set.
    pub fn wait(&self) -> Result<(), ManagerError> {
        self.wait_until(Until::Forever)
    }

    /// As [`Self::wait`], for at most `timeout`: whether it was set.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool, ManagerError> {
        match self.wait_until(Until::after(timeout)) {
            Ok(()) => Ok(true),
            Err(ManagerError::TimedOut { after }) if after == timeout => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn wait_until(&self, until: Until) -> Result<(), ManagerError> {
        let (is_set, since) = self.look()?;
        if is_set {
            return Ok(());
        }
        self.proxy.wait(until, |wait_ms| Call::Event(EventCall::Wait { since, wait_ms })).map(drop)
    }

    fn look(&self) -> Result<(bool, u64), ManagerError> {
        match self.proxy.call(Call::Event(EventCall::Look))? {
            Reply::Event { is_set, sets } => Ok((is_set, sets)),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }
}
