//! What a manager can hold, made by its clients.
//!
//! Does **not** hold it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ManagerClient;
use super::dict::{DictProxy, Namespace};
use super::error::ManagerError;
use super::list::{ArrayProxy, ListProxy, ValueProxy};
use super::meet::{BarrierProxy, ConditionProxy};
use super::proxy::encode;
use super::sync::{EventProxy, RLockProxy, SemaphoreProxy};
use super::waiting::{JoinableQueueProxy, LockProxy, QueueProxy};
use super::wire::Make;

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl ManagerClient {
    /// An empty dictionary.
    pub fn dict<K, V>(&self) -> Result<DictProxy<K, V>, ManagerError> {
        self.make(Make::Dict)
    }

    /// An empty list.
    pub fn list<T>(&self) -> Result<ListProxy<T>, ManagerError> {
        self.make(Make::List)
    }

    /// A namespace without names.
    pub fn namespace(&self) -> Result<Namespace, ManagerError> {
        self.make(Make::Dict)
    }

    /// One value.
    pub fn value<T: Serialize + DeserializeOwned + 'static>(&self, value: &T) -> Result<ValueProxy<T>, ManagerError> {
        self.make(Make::Value(encode(value)?))
    }

    /// An empty queue without a bound.
    pub fn queue<T>(&self) -> Result<QueueProxy<T>, ManagerError> {
        self.make(Make::Queue { capacity: u64::MAX })
    }

    /// An empty queue of at most `capacity` items, but at least one.
    pub fn bounded_queue<T>(&self, capacity: u64) -> Result<QueueProxy<T>, ManagerError> {
        self.make(Make::Queue { capacity: capacity.max(1) })
    }

    /// A lock that nobody holds.
    pub fn lock(&self) -> Result<LockProxy, ManagerError> {
        self.make(Make::Lock)
    }

    /// An array of these values, as many as there will ever be.
    pub fn array<T>(&self, values: impl IntoIterator<Item = T>) -> Result<ArrayProxy<T>, ManagerError>
    where
        T: Serialize + DeserializeOwned + 'static,
    {
        let list = self.list()?;
        list.extend(values)?;
        Ok(ArrayProxy::of(list))
    }

    /// An empty queue without a bound, whose items are done when it is said so.
    pub fn joinable_queue<T>(&self) -> Result<JoinableQueueProxy<T>, ManagerError> {
        self.make(Make::JoinableQueue { capacity: u64::MAX })
    }

    /// As [`Self::joinable_queue`], of at most `capacity` items, but at least one.
    pub fn bounded_joinable_queue<T>(&self, capacity: u64) -> Result<JoinableQueueProxy<T>, ManagerError> {
        self.make(Make::JoinableQueue { capacity: capacity.max(1) })
    }

    /// A lock that its holder can take again.
    pub fn rlock(&self) -> Result<RLockProxy, ManagerError> {
        self.make(Make::RLock)
    }

    /// A semaphore with so many permits.
    pub fn semaphore(&self, permits: u32) -> Result<SemaphoreProxy, ManagerError> {
        self.make(Make::Semaphore { permits, is_bounded: false })
    }

    /// A semaphore that never has more permits than these.
    pub fn bounded_semaphore(&self, permits: u32) -> Result<SemaphoreProxy, ManagerError> {
        self.make(Make::Semaphore { permits, is_bounded: true })
    }

    /// An event that is not set.
    pub fn event(&self) -> Result<EventProxy, ManagerError> {
        self.make(Make::Event)
    }

    /// A condition, with a lock of its own.
    pub fn condition(&self) -> Result<ConditionProxy, ManagerError> {
        self.make(Make::Condition)
    }

    /// A barrier for so many parties, but at least one.
    pub fn barrier(&self, parties: u32) -> Result<BarrierProxy, ManagerError> {
        self.make(Make::Barrier { parties: parties.max(1) })
    }
}
