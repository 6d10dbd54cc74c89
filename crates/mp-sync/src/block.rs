//! Memory that processes share, with a kind, and how it travels: as a descriptor beside the arguments of a task.
//!
//! Does **not** know what its words mean.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use mp_link::baggage;
use mp_sys::plate::Plate;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::SyncError;

const KIND_AT: usize = 0;
const UNIT_AT: usize = 8;

/// More pages nothing has: what says so was not made here.
const MOST_PAGES: usize = 4096;

/// What the memory is, in errors and in its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) &'static str);

impl Kind {
    fn word(self) -> u64 {
        self.0.bytes().fold(u64::from_le_bytes(*b"mp-sync\0"), |hash, byte| hash.rotate_left(7) ^ u64::from(byte))
    }
}

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Pages of latches and words.
    pub(crate) pages: usize,
    /// Bytes behind them, for data.
    pub(crate) bytes: usize,
    /// Of how many of these an element has.
    pub(crate) unit: usize,
}

impl Size {
    pub(crate) fn pages(pages: usize) -> Self {
        Self { pages, bytes: 0, unit: 0 }
    }
}

/// All handles of it, in all processes, are the same.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    plate: Arc<Plate>,
    pages: usize,
}

impl Block {
    pub(crate) fn create(kind: Kind, size: Size) -> Result<Self, SyncError> {
        let plate = Plate::create(c"mp-sync", size.pages, size.bytes).map_err(SyncError::os("making shared memory"))?;
        plate.u64_at(0, UNIT_AT).store(size.unit as u64, Relaxed);
        plate.u64_at(0, KIND_AT).store(kind.word(), Release);
        Ok(Self { plate: Arc::new(plate), pages: size.pages })
    }

    #[inline]
    pub(crate) fn plate(&self) -> &Plate {
        &self.plate
    }

    pub(crate) fn pages(&self) -> usize {
        self.pages
    }

    pub(crate) fn pack<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = baggage::pack(&*self.plate).map_err(S::Error::custom)?;
        (number, self.pages as u32).serialize(serializer)
    }

    /// What travelled here as a `kind`, whose elements have `unit` bytes.
    pub(crate) fn unpack<'de, D: Deserializer<'de>>(from: D, kind: Kind, unit: usize) -> Result<Self, D::Error> {
        let (number, pages) = <(u32, u32)>::deserialize(from)?;
        let fd = baggage::unpack(number).map_err(D::Error::custom)?;
        Self::adopt(fd, kind, pages as usize, unit).map_err(D::Error::custom)
    }

    /// The block behind `fd`, if it is one of this kind, whose elements have `unit` bytes.
    pub(crate) fn adopt(fd: OwnedFd, kind: Kind, pages: usize, unit: usize) -> Result<Self, SyncError> {
        let wrong = || SyncError::WrongKind { what: kind.0 };
        if !(1..=MOST_PAGES).contains(&pages) {
            return Err(wrong());
        }
        let plate = Plate::adopt(fd, pages).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => wrong(),
            _ => SyncError::Os { doing: "mapping shared memory", source: error },
        })?;
        let word = |at| plate.u64_at(0, at).load(Acquire);
        if word(KIND_AT) != kind.word() || word(UNIT_AT) != unit as u64 {
            return Err(wrong());
        }
        Ok(Self { plate: Arc::new(plate), pages })
    }
}

/// Lets a type that is a block travel, as an argument only.
macro_rules! travels {
    ($type:ident, $kind:expr) => {
        /// As an argument of a task or a process only: the descriptor travels beside the bytes.
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.block.pack(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self { block: $crate::block::Block::unpack(deserializer, $kind, 0)? })
            }
        }
    };
}
pub(crate) use travels;
