//! `Mutex<T>`: plain data under a lock.
//!
//! Does **not** give references into shared memory, where a process that misbehaves could change what they refer to: a guard
//! has a copy, which is written back when it is dropped.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Result;
use crate::block::{Block, Kind, Size};
use crate::error::SyncError;
use crate::lock::{HeldLock, Lock};

const KIND: Kind = Kind("mutex");

/// Plain data in shared memory, under a lock. As `std::sync::Mutex`, between processes.
///
/// `T` is checked when the program is compiled: every byte of it means something, and none is a pointer ([`bytemuck::Pod`]).
///
/// A holder that is killed or panics leaves the value as it was before; the next calls say so, [`SyncError::Abandoned`],
/// until somebody [recovers](Mutex::recover) it. (Killed in the very act of writing a value of more than 8 bytes back, it can leave
/// part of each.)
///
/// # Examples
/// ```
/// let mutex = mp_sync::Mutex::new([0_u64; 4])?;
/// mutex.lock()?[2] = 7;
/// assert_eq!(*mutex.lock()?, [0, 0, 7, 0]);
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
///
/// What is no plain data does not compile:
///
/// ```compile_fail,E0277
/// let _ = mp_sync::Mutex::new(String::new());
/// ```
pub struct Mutex<T> {
    lock: Lock,
    data: PhantomData<fn(T) -> T>,
}

impl<T: Pod> Mutex<T> {
    /// One with this value.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(value: T) -> Result<Self> {
        let size = Size { pages: 1, bytes: size_of::<T>(), unit: size_of::<T>() };
        let mutex = Self { lock: Lock::of(KIND, size)?, data: PhantomData };
        mutex.store(&value)?;
        Ok(mutex)
    }

    /// Waits until it is free, and takes it.
    ///
    /// # Errors
    /// As [`Lock::lock`].
    pub fn lock(&self) -> Result<MutexGuard<'_, T>> {
        self.guarded(self.lock.lock()?)
    }

    /// As [`Mutex::lock`], at most for `timeout`.
    ///
    /// # Errors
    /// As [`Lock::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>> {
        self.guarded(self.lock.lock_timeout(timeout)?)
    }

    /// Takes it if it is free.
    ///
    /// # Errors
    /// As [`Lock::try_lock`].
    pub fn try_lock(&self) -> Result<Option<MutexGuard<'_, T>>> {
        self.lock.try_lock()?.map(|guard| self.guarded(guard)).transpose()
    }

    /// As [`Lock::recover`]: what is in the guard is what is there.
    ///
    /// # Errors
    /// As [`Lock::recover`].
    pub fn recover(&self) -> Result<MutexGuard<'_, T>> {
        self.guarded(self.lock.recover()?)
    }

    fn guarded<'a>(&'a self, guard: HeldLock<'a>) -> Result<MutexGuard<'a, T>> {
        let mut value = T::zeroed();
        let plate = self.lock.block.plate();
        plate.read(0, bytemuck::bytes_of_mut(&mut value)).map_err(SyncError::os("reading a mutex"))?;
        Ok(MutexGuard { mutex: self, value, changed: false, panicking: std::thread::panicking(), _guard: guard })
    }

    fn store(&self, value: &T) -> Result<()> {
        self.lock.block.plate().write(0, bytemuck::bytes_of(value)).map_err(SyncError::os("writing a mutex"))
    }
}

impl<T> Clone for Mutex<T> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), data: PhantomData }
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Mutex").field("lock", &self.lock).finish_non_exhaustive()
    }
}

/// As an argument of a task or a process only.
impl<T> Serialize for Mutex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock.block.pack(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Mutex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { lock: Lock { block: Block::unpack(deserializer, KIND, size_of::<T>())? }, data: PhantomData })
    }
}

/// A mutex, held by this thread, and its value, which is written back when it is dropped.
#[derive(Debug)]
#[must_use = "the mutex is given back when the guard is dropped"]
pub struct MutexGuard<'a, T: Pod> {
    mutex: &'a Mutex<T>,
    value: T,
    changed: bool,
    /// Whether this thread panicked already when it took the mutex.
    panicking: bool,
    _guard: HeldLock<'a>,
}

impl<T: Pod> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Pod> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.value
    }
}

impl<T: Pod> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if !self.panicking && std::thread::panicking() {
            self.mutex.lock.abandon(std::process::id());
        } else if self.changed {
            // It cannot fail: the value lies where it was read.
            let _ = self.mutex.store(&self.value);
        }
    }
}
