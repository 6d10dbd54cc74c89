//! Atomic numbers in shared memory. Does **not** add operations: those are the standard library's.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering::{Relaxed, Release};

use crate::Result;
use crate::block::{Block, Kind, Size, travels};

const KIND: Kind = Kind("atomic u64");
const SIGNED: Kind = Kind("atomic i64");
const WORD_AT: usize = 64;

/// A number that all processes change without a lock: dereferences to [`std::sync::atomic::AtomicU64`].
///
/// # Examples
/// ```
/// use std::sync::atomic::Ordering;
/// let counter = mp_sync::AtomicU64::new(40)?;
/// counter.fetch_add(2, Ordering::Relaxed);
/// assert_eq!(counter.load(Ordering::Relaxed), 42);
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct AtomicU64 {
    block: Block,
}

travels!(AtomicU64, KIND);

impl AtomicU64 {
    /// One with this value.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(value: u64) -> Result<Self> {
        let atomic = Self { block: Block::create(KIND, Size::pages(1))? };
        atomic.store(value, Release);
        Ok(atomic)
    }
}

impl Deref for AtomicU64 {
    type Target = std::sync::atomic::AtomicU64;

    fn deref(&self) -> &Self::Target {
        self.block.plate().u64_at(0, WORD_AT)
    }
}

impl fmt::Debug for AtomicU64 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Relaxed).fmt(out)
    }
}

/// As [`AtomicU64`], signed: dereferences to [`std::sync::atomic::AtomicI64`].
#[derive(Clone)]
pub struct AtomicI64 {
    block: Block,
}

travels!(AtomicI64, SIGNED);

impl AtomicI64 {
    /// One with this value.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(value: i64) -> Result<Self> {
        let atomic = Self { block: Block::create(SIGNED, Size::pages(1))? };
        atomic.store(value, Release);
        Ok(atomic)
    }
}

impl Deref for AtomicI64 {
    type Target = std::sync::atomic::AtomicI64;

    fn deref(&self) -> &Self::Target {
        self.block.plate().i64_at(0, WORD_AT)
    }
}

impl fmt::Debug for AtomicI64 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Relaxed).fmt(out)
    }
}
