//! `SharedMemory`: bytes that processes share, without a lock.
//!
//! Does **not** lie in a file system, named or not: it is gone with the last process that has it, however that ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Result;
use crate::block::{Block, Kind, Size};
use crate::error::SyncError;
use crate::named::{self, Owner};

pub(crate) const KIND: Kind = Kind("shared memory");

/// Bytes that processes share. Python's `multiprocessing.shared_memory.SharedMemory`.
///
/// Without a name it travels as an argument. With one, processes that are no relatives, but of the same user, can
/// [open](SharedMemory::open) it for as long as a handle that [`named`](SharedMemory::named) gave, or a clone of it, is there. There is
/// nothing to unlink, and nothing is left when all are killed.
///
/// Reads and writes copy, and are not ordered among processes: use a [`Lock`](crate::Lock), or take turns by
/// [`Event`](crate::Event)s.
///
/// # Examples
/// ```
/// let memory = mp_sync::SharedMemory::new(1000)?;
/// memory.write(10, b"hello")?;
/// let mut bytes = [0; 5];
/// memory.read(10, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
/// # Ok::<(), mp_sync::SyncError>(())
/// ```
#[derive(Clone)]
pub struct SharedMemory {
    block: Block,
    owner: Option<Arc<Owner>>,
}

impl SharedMemory {
    /// So many bytes, all 0. They take memory when they are written.
    ///
    /// # Errors
    /// [`SyncError::Invalid`] for none; when descriptors or memory run out.
    pub fn new(len: usize) -> Result<Self> {
        if len == 0 {
            return Err(SyncError::Invalid("shared memory has at least 1 byte"));
        }
        Ok(Self { block: Block::create(KIND, Size { pages: 1, bytes: len, unit: 1 })?, owner: None })
    }

    /// So many bytes, with a name by which other processes of this user get them. Python's `SharedMemory(name, create=True, size)`.
    ///
    /// # Errors
    /// [`SyncError::NameTaken`], and as [`SharedMemory::new`].
    ///
    /// # Examples
    /// ```
    /// let name = format!("example-{}", std::process::id());
    /// let memory = mp_sync::SharedMemory::named(&name, 64)?;
    /// mp_sync::SharedMemory::open(&name)?.write(0, b"found")?;
    /// let mut bytes = [0; 5];
    /// memory.read(0, &mut bytes)?;
    /// assert_eq!(&bytes, b"found");
    /// drop(memory);
    /// assert!(matches!(mp_sync::SharedMemory::open(&name), Err(mp_sync::SyncError::NotFound(_))));
    /// # Ok::<(), mp_sync::SyncError>(())
    /// ```
    pub fn named(name: &str, len: usize) -> Result<Self> {
        let mut memory = Self::new(len)?;
        memory.owner = Some(Arc::new(Owner::serve(name, &memory.block)?));
        Ok(memory)
    }

    /// The memory to which a process of this user has given this name.
    ///
    /// # Errors
    /// [`SyncError::NotFound`]; [`SyncError::TimedOut`] when the process that has it does not answer.
    pub fn open(name: &str) -> Result<Self> {
        Ok(Self { block: named::open(name, Duration::from_secs(5))?, owner: None })
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.block.plate().bytes()
    }

    /// Never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies from `offset` on.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`].
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        let len = to.len();
        self.block.plate().read(offset, to).map_err(|_| self.out_of_bounds(offset, len))
    }

    /// Copies to `offset`.
    ///
    /// # Errors
    /// [`SyncError::OutOfBounds`]; then nothing was written.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<()> {
        self.block.plate().write(offset, from).map_err(|_| self.out_of_bounds(offset, from.len()))
    }

    fn out_of_bounds(&self, offset: usize, len: usize) -> SyncError {
        SyncError::OutOfBounds { index: offset.saturating_add(len).saturating_sub(1), len: self.len() }
    }
}

/// As an argument of a task or a process only. The name stays with who gave it.
impl Serialize for SharedMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.block.pack(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { block: Block::unpack(deserializer, KIND, 1)?, owner: None })
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.owner.as_ref().map(|owner| owner.name());
        out.debug_struct("SharedMemory").field("len", &self.len()).field("name", &name).finish()
    }
}
