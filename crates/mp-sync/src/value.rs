//! `Value<T>`: plain data that is read and replaced as a whole. Does **not** lock by itself: it is a `Mutex` with shorter calls.

use std::time::Duration;

use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::mutex::{Mutex, MutexGuard};

/// A value in shared memory. Python's `multiprocessing.Value`. For counters, [`AtomicU64`](crate::AtomicU64) is faster.
///
/// # Examples
/// ```
/// let value = mp_sync::Value::new(1.5_f64)?;
/// value.update(|x| *x *= 2.0)?;
/// assert_eq!(value.get()?, 3.0);
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Value<T> {
    mutex: Mutex<T>,
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self { mutex: self.mutex.clone() }
    }
}

impl<T: Pod> Value<T> {
    /// One with this value.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(value: T) -> Result<Self> {
        Ok(Self { mutex: Mutex::new(value)? })
    }

    /// What it is at the moment.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    pub fn get(&self) -> Result<T> {
        Ok(*self.mutex.lock()?)
    }

    /// Makes it `value`; gives what it was.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    pub fn set(&self, value: T) -> Result<T> {
        Ok(std::mem::replace(&mut *self.mutex.lock()?, value))
    }

    /// Changes it, while nobody else can. Python's `with value.get_lock(): …`.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R> {
        Ok(change(&mut *self.mutex.lock()?))
    }

    /// As [`Mutex::lock`]. Python's `get_lock()`.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    pub fn lock(&self) -> Result<MutexGuard<'_, T>> {
        self.mutex.lock()
    }

    /// As [`Mutex::lock_timeout`].
    ///
    /// # Errors
    /// As [`Mutex::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>> {
        self.mutex.lock_timeout(timeout)
    }

    /// As [`Mutex::recover`].
    ///
    /// # Errors
    /// As [`Mutex::recover`].
    pub fn recover(&self) -> Result<MutexGuard<'_, T>> {
        self.mutex.recover()
    }
}
