//! An open file that travels: as an argument of a task or a process, or through a pipe.
//!
//! Does **not** know what is behind it.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mp_link::baggage;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A file, socket or other descriptor that can be an argument of a task or a process, or a message through a [`crate::pipe`].
/// Python's `multiprocessing.reduction.DupFd`.
///
/// Who receives it has a duplicate: the same open file, with the same position in it.
#[derive(Debug)]
pub struct Descriptor(OwnedFd);

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<File> for Descriptor {
    fn from(file: File) -> Self {
        Self(file.into())
    }
}

impl From<Descriptor> for OwnedFd {
    fn from(descriptor: Descriptor) -> Self {
        descriptor.0
    }
}

impl From<Descriptor> for File {
    fn from(descriptor: Descriptor) -> Self {
        descriptor.0.into()
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        baggage::pack(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(baggage::unpack(u32::deserialize(deserializer)?).map_err(D::Error::custom)?))
    }
}
