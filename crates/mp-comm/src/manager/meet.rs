//! `ConditionProxy` and `BarrierProxy`: where processes wait for one another, in a manager.
//!
//! Does **not** wait in the server for long: who waits has a place there, and asks again.

use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::proxy::{Proxy, proxied};
use super::session::{self, Session};
use super::waiting::{LockError, LockGuard, acquire, acquire_by};
use super::wire::{BarrierCall, Call, ConditionCall, Reply};
use crate::until::Until;

/// A condition of a [`crate::Manager`], wherever it is, with its lock. Python's `Manager().Condition()`.
///
/// A notification of one who ends before he goes on is passed on to the next.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct ConditionProxy {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn()>,
}

proxied!(ConditionProxy, "condition", kind);

/// All methods of which a guard is an argument: [`ManagerError::NotHeld`] where it is that of another lock.
#[expect(
    clippy::missing_errors_doc,
    reason = "all of them have the same: LockError of a lock, and any ManagerError of a call"
)]
impl ConditionProxy {
    /// Takes the lock; waits until nobody else holds it.
    pub fn lock(&self) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::Forever)
    }

    /// As [`Self::lock`], waiting for at most `timeout`.
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard, LockError> {
        acquire(&self.proxy, Until::after(timeout))
    }

    /// Gives the lock back, waits until notified, takes the lock again.
    pub fn wait(&self, guard: LockGuard) -> Result<LockGuard, LockError> {
        self.wait_until(guard, Until::Forever).map(|(guard, _)| guard)
    }

    /// As [`Self::wait`], at most for `timeout`: whether it was notified. The lock is held again in both cases.
    pub fn wait_timeout(&self, guard: LockGuard, timeout: Duration) -> Result<(LockGuard, bool), LockError> {
        self.wait_until(guard, Until::after(timeout))
    }

    /// Waits until `condition` holds, which is looked at under the lock. Python's `wait_for`.
    pub fn wait_for(&self, mut guard: LockGuard, mut condition: impl FnMut() -> bool) -> Result<LockGuard, LockError> {
        while !condition() {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Wakes the one who has waited longest, if anybody waits: how many.
    pub fn notify_one(&self, guard: &LockGuard) -> Result<u64, ManagerError> {
        self.notify(guard, 1)
    }

    /// Wakes all who wait: how many.
    pub fn notify_all(&self, guard: &LockGuard) -> Result<u64, ManagerError> {
        self.notify(guard, u64::MAX)
    }

    /// Wakes up to `count` of those who wait: how many. Python's `notify(n)`.
    pub fn notify(&self, guard: &LockGuard, count: u64) -> Result<u64, ManagerError> {
        match self.call(self.of(guard)?, ConditionCall::Notify(count))? {
            Reply::Count(count) => Ok(count),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    fn wait_until(&self, guard: LockGuard, until: Until) -> Result<(LockGuard, bool), LockError> {
        self.call(self.of(&guard)?, ConditionCall::Enroll)?;
        // It is given back from now on.
        let session = guard.disarm();
        let waited = self.proxy.wait_by(&session, until, |wait_ms| Call::Condition(ConditionCall::Wait { wait_ms }));
        let notified = match waited {
            Ok(_) => true,
            Err(ManagerError::TimedOut { .. }) => self.withdraw(&session)?,
            Err(error) => return Err(error.into()),
        };
        acquire_by(&self.proxy, session, Until::Forever).map(|guard| (guard, notified))
    }

    fn withdraw(&self, session: &Session) -> Result<bool, ManagerError> {
        match self.call(session, ConditionCall::Withdraw)? {
            Reply::Flag(notified) => Ok(notified),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    fn of<'a>(&self, guard: &'a LockGuard) -> Result<&'a Session, ManagerError> {
        let (proxy, session) = guard.place();
        let is_own = proxy.object == self.proxy.object && proxy.place == self.proxy.place;
        if is_own { Ok(session) } else { Err(ManagerError::NotHeld) }
    }

    fn call(&self, session: &Session, call: ConditionCall) -> Result<Reply, ManagerError> {
        self.proxy.call_by(session, Call::Condition(call))
    }
}

/// A barrier of a [`crate::Manager`], wherever it is. Python's `Manager().Barrier()`.
///
/// One that ends while it waits, and one that waits too long, breaks it: all who wait, and all who come, get
/// [`ManagerError::Broken`] until somebody [resets](Self::reset) it.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct BarrierProxy {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn()>,
}

proxied!(BarrierProxy, "barrier", kind);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl BarrierProxy {
    /// Waits until all are there; gives the number of those who came before, another one for each.
    pub fn wait(&self) -> Result<u32, ManagerError> {
        self.wait_until(Until::Forever)
    }

    /// As [`Self::wait`]; if that takes longer than `timeout`, the barrier is broken.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<u32, ManagerError> {
        self.wait_until(Until::after(timeout))
    }

    /// Breaks it.
    pub fn abort(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::Barrier(BarrierCall::Abort))
    }

    /// Makes it whole and empty again. Who waits gets [`ManagerError::Broken`].
    pub fn reset(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::Barrier(BarrierCall::Reset))
    }

    /// For how many it is.
    pub fn parties(&self) -> Result<u32, ManagerError> {
        self.look().map(|(parties, _, _)| parties)
    }

    /// How many wait.
    pub fn n_waiting(&self) -> Result<u32, ManagerError> {
        self.look().map(|(_, waiting, _)| waiting)
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> Result<bool, ManagerError> {
        self.look().map(|(_, _, is_broken)| is_broken)
    }

    fn wait_until(&self, until: Until) -> Result<u32, ManagerError> {
        let session = session::of(&self.proxy.place, Until::after(self.proxy.limit))?;
        let index = match self.call(&session, BarrierCall::Arrive)? {
            Reply::Arrived { index, is_last: true } => return Ok(index),
            Reply::Arrived { index, is_last: false } => index,
            other => return Err(ManagerError::Malformed(format!("{other:?}"))),
        };
        let waited = self.proxy.wait_by(&session, until, |wait_ms| Call::Barrier(BarrierCall::Wait { wait_ms }));
        match waited {
            Ok(_) => Ok(index),
            Err(ManagerError::TimedOut { .. }) => match self.call(&session, BarrierCall::Leave)? {
                Reply::Flag(true) => Ok(index),
                Reply::Flag(false) => Err(ManagerError::Broken),
                other => Err(ManagerError::Malformed(format!("{other:?}"))),
            },
            Err(error) => Err(error),
        }
    }

    fn look(&self) -> Result<(u32, u32, bool), ManagerError> {
        match self.proxy.call(Call::Barrier(BarrierCall::Look))? {
            Reply::Barrier { parties, waiting, is_broken } => Ok((parties, waiting, is_broken)),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    fn call(&self, session: &Session, call: BarrierCall) -> Result<Reply, ManagerError> {
        self.proxy.call_by(session, Call::Barrier(call))
    }
}
