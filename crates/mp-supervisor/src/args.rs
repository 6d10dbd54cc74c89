//! Encoded arguments of one or many items, as they were submitted.
//!
//! Does **not** know tasks or workers.
//!
//! ```text
//!  bytes:  | a | b | c | d | .. 64 items .. | y | z |        marks: [ end of the 64th, end of the 128th, .. ]
//!  items 0..2 are one slice of it, ready for a frame
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Weak};

use mp_link::baggage;
use mp_wire::frame::INLINE_MAX;
use mp_wire::item::{Items, only_item, push_bytes, push_item};
use mp_wire::{CodecError, codec};
use parking_lot::Mutex;
use serde::Serialize;

use crate::error::SubmitError;

/// Room for one item, in bytes, that saves most arguments from being moved.
const SMALL: usize = 32;

/// Where an item begins is found from the nearest mark before it; there is one for so many items.
const MARK: u32 = 64;

/// The encoded arguments of one or many items.
#[derive(Debug, Default)]
pub(crate) struct Args {
    bytes: Vec<u8>,
    count: u32,
    marks: Vec<usize>,
    baggage: BTreeMap<u32, Vec<Arc<OwnedFd>>>,
}

impl Args {
    /// Encodes one item more, in the caller's thread.
    pub(crate) fn push<T: Serialize>(&mut self, args: &T, max: usize) -> Result<(), SubmitError> {
        let encode = |out: &mut Vec<u8>| codec::encode_into(args, out);
        self.push_with(max, |bytes| {
            push_item(bytes, |out| {
                catch_unwind(AssertUnwindSafe(|| encode(out)))
                    .unwrap_or_else(|_| Err(CodecError("its Serialize panicked".to_owned())))
            })
        })
    }

    /// One item more that is encoded already.
    pub(crate) fn push_encoded(&mut self, args: &[u8], max: usize) -> Result<(), SubmitError> {
        self.push_with(max, |bytes| {
            push_bytes(bytes, args);
            Ok(())
        })
    }

    fn push_with(
        &mut self,
        max: usize,
        push: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), SubmitError> {
        if self.count == u32::MAX {
            return Err(SubmitError::Full);
        }
        let start = self.bytes.len();
        self.bytes.reserve(SMALL);
        let (pushed, descriptors) = baggage::pack_with(|| push(&mut self.bytes));
        pushed.map_err(SubmitError::Codec)?;
        let len = only_item(&self.bytes[start..]).len();
        if len > max {
            self.bytes.truncate(start);
            return Err(SubmitError::TooLarge { len, max });
        }
        if !descriptors.is_empty() {
            let kept = descriptors.into_iter().map(shared).collect::<io::Result<_>>();
            let kept = kept.map_err(|error| {
                self.bytes.truncate(start);
                SubmitError::Codec(CodecError(error.to_string()))
            })?;
            self.baggage.insert(self.count, kept);
        }
        self.count += 1;
        if self.count.is_multiple_of(MARK) {
            self.marks.push(self.bytes.len());
        }
        Ok(())
    }

    /// Takes in the items of `other`, none of which has descriptors.
    pub(crate) fn append(&mut self, other: &Self) {
        for item in other.items(0, other.count) {
            push_bytes(&mut self.bytes, item);
            self.count += 1;
            if self.count.is_multiple_of(MARK) {
                self.marks.push(self.bytes.len());
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    pub(crate) fn has_baggage(&self) -> bool {
        !self.baggage.is_empty()
    }

    fn start(&self, index: u32) -> usize {
        if index == self.count {
            return self.bytes.len();
        }
        let mark = match (index / MARK).checked_sub(1) {
            None => 0,
            Some(mark) => self.marks[mark as usize],
        };
        let (before, _) = Items::of(&self.bytes[mark..], index % MARK);
        mark + before.as_bytes().len()
    }

    /// Items `from..to`, as a frame carries them.
    pub(crate) fn slice(&self, from: u32, to: u32) -> &[u8] {
        &self.bytes[self.start(from)..self.start(to)]
    }

    /// The same one by one.
    pub(crate) fn items(&self, from: u32, to: u32) -> Items<'_> {
        Items::of(&self.bytes[self.start(from)..], to - from).0
    }

    /// The bytes of one item.
    pub(crate) fn item(&self, index: u32) -> &[u8] {
        only_item(self.slice(index, index + 1))
    }

    /// Whether an item does not fit into a frame.
    pub(crate) fn is_bulk(&self, index: u32) -> bool {
        self.item(index).len() > INLINE_MAX
    }

    /// The descriptors that go with an item.
    pub(crate) fn descriptors(&self, index: u32) -> impl Iterator<Item = &Arc<OwnedFd>> {
        self.baggage.get(&index).into_iter().flatten()
    }
}

/// One descriptor for all values that carry the same queue, however many wait (I6).
fn shared(fd: OwnedFd) -> io::Result<Arc<OwnedFd>> {
    /// By device and inode.
    type Kept = HashMap<(u64, u64), Weak<OwnedFd>>;
    static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);
    let file = std::fs::File::from(fd);
    let metadata = file.metadata()?;
    let mut kept = KEPT.lock();
    kept.retain(|_, weak| weak.strong_count() > 0);
    let key = (metadata.dev(), metadata.ino());
    if let Some(known) = kept.get(&key).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let new = Arc::new(OwnedFd::from(file));
    kept.insert(key, Arc::downgrade(&new));
    Ok(new)
}
