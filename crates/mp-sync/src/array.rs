//! `Array<T>`: many elements of plain data under one lock.
//!
//! Does **not** give references into shared memory: elements are copied out and in.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Result;
use crate::block::{Block, Kind, Size};
use crate::error::SyncError;
use crate::lock::{HeldLock, Lock};

const KIND: Kind = Kind("array");

/// Elements in shared memory, under one lock. Python's `multiprocessing.Array`.
///
/// Each call holds the lock for its time; [`lock`](Array::lock) holds it for several, as Python's `get_lock()`. Without a lock
/// there is [`SharedMemory`](crate::SharedMemory), and for what nobody changes `mp::Shared`.
///
/// # Examples
/// ```
/// let array = mp_sync::Array::from_slice(&[1.0, 2.0, 3.0])?;
/// array.set(1, 5.0)?;
/// array.update(2, |x| *x += 1.0)?;
/// assert_eq!(array.to_vec()?, [1.0, 5.0, 4.0]);
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
pub struct Array<T> {
    lock: Lock,
    elements: PhantomData<fn(T) -> T>,
}

impl<T: Pod> Array<T> {
    /// So many elements, all of their bytes 0.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn zeroed(len: usize) -> Result<Self> {
        let unit = size_of::<T>();
        if unit == 0 {
            return Err(SyncError::Invalid("an array has elements of at least 1 byte"));
        }
        let bytes = unit.checked_mul(len).ok_or(SyncError::Invalid("an array of more bytes than there are"))?;
        Ok(Self { lock: Lock::of(KIND, Size { pages: 1, bytes, unit })?, elements: PhantomData })
    }

    /// Copies of these elements.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn from_slice(elements: &[T]) -> Result<Self> {
        let array = Self::zeroed(elements.len())?;
        array.write(0, elements)?;
        Ok(array)
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock.block.plate().bytes().checked_div(size_of::<T>()).unwrap_or(0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `index`.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`], and as [`Lock::lock`].
    pub fn get(&self, index: usize) -> Result<T> {
        self.lock()?.get(index)
    }

    /// Makes element `index` this.
    ///
    /// # Errors
    /// As [`Array::get`].
    pub fn set(&self, index: usize, element: T) -> Result<()> {
        self.lock()?.set(index, element)
    }

    /// Changes element `index`, while nobody else can.
    ///
    /// # Errors
    /// As [`Array::get`].
    pub fn update<R>(&self, index: usize, change: impl FnOnce(&mut T) -> R) -> Result<R> {
        self.lock()?.update(index, change)
    }

    /// Copies of the elements in `range`.
    ///
    /// # Errors
    /// As [`Array::get`].
    pub fn read(&self, range: Range<usize>) -> Result<Vec<T>> {
        self.lock()?.read(range)
    }

    /// Copies of all elements.
    ///
    /// # Errors
    /// As [`Array::get`].
    pub fn to_vec(&self) -> Result<Vec<T>> {
        self.read(0..self.len())
    }

    /// Replaces the elements from `start` on.
    ///
    /// # Errors
    /// As [`Array::get`].
    pub fn write(&self, start: usize, elements: &[T]) -> Result<()> {
        self.lock()?.write(start, elements)
    }

    /// Holds the lock, for several calls.
    ///
    /// # Errors
    /// As [`Lock::lock`].
    pub fn lock(&self) -> Result<ArrayGuard<'_, T>> {
        Ok(ArrayGuard { array: self, _guard: self.lock.lock()? })
    }

    /// As [`Lock::recover`].
    ///
    /// # Errors
    /// As [`Lock::recover`].
    pub fn recover(&self) -> Result<ArrayGuard<'_, T>> {
        Ok(ArrayGuard { array: self, _guard: self.lock.recover()? })
    }

    /// As [`Array::lock`], at most for `timeout`.
    ///
    /// # Errors
    /// As [`Lock::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ArrayGuard<'_, T>> {
        Ok(ArrayGuard { array: self, _guard: self.lock.lock_timeout(timeout)? })
    }

    /// Where these elements begin, in bytes.
    fn offset(&self, start: usize, count: usize) -> Result<usize> {
        let len = self.len();
        match start.checked_add(count) {
            Some(end) if end <= len => Ok(start * size_of::<T>()),
            Some(_) | None => Err(SyncError::OutOfBounds { index: start.saturating_add(count).saturating_sub(1), len }),
        }
    }
}

/// An array, held by this thread. An element that it sets is set at once.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct ArrayGuard<'a, T> {
    array: &'a Array<T>,
    _guard: HeldLock<'a>,
}

impl<T: Pod> ArrayGuard<'_, T> {
    /// Element `index`.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`].
    pub fn get(&self, index: usize) -> Result<T> {
        let mut element = [T::zeroed()];
        self.copy(index, &mut element)?;
        let [element] = element;
        Ok(element)
    }

    /// Makes element `index` this.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`].
    pub fn set(&mut self, index: usize, element: T) -> Result<()> {
        self.write(index, &[element])
    }

    /// Changes element `index`.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`].
    pub fn update<R>(&mut self, index: usize, change: impl FnOnce(&mut T) -> R) -> Result<R> {
        let mut element = self.get(index)?;
        let result = change(&mut element);
        self.set(index, element)?;
        Ok(result)
    }

    /// Copies of the elements in `range`.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`].
    pub fn read(&self, range: Range<usize>) -> Result<Vec<T>> {
        self.array.offset(range.start, range.len())?;
        let mut elements = vec![T::zeroed(); range.len()];
        self.copy(range.start, &mut elements)?;
        Ok(elements)
    }

    /// Replaces the elements from `start` on.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`]; then nothing was replaced.
    pub fn write(&mut self, start: usize, elements: &[T]) -> Result<()> {
        let offset = self.array.offset(start, elements.len())?;
        let plate = self.array.lock.block.plate();
        plate.write(offset, bytemuck::cast_slice(elements)).map_err(SyncError::os("writing an array"))
    }

    fn copy(&self, start: usize, to: &mut [T]) -> Result<()> {
        let offset = self.array.offset(start, to.len())?;
        let plate = self.array.lock.block.plate();
        plate.read(offset, bytemuck::cast_slice_mut(to)).map_err(SyncError::os("reading an array"))
    }
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), elements: PhantomData }
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Array").field("lock", &self.lock).finish_non_exhaustive()
    }
}

/// As an argument of a task or a process only.
impl<T> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock.block.pack(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { lock: Lock { block: Block::unpack(deserializer, KIND, size_of::<T>())? }, elements: PhantomData })
    }
}
