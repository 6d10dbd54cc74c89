//! Encoded arguments of one or many items, as they were submitted.
//!
//! Does **not** know tasks or workers.
//!
//! ```text
//!  bytes:  | a | b | c | d | .. 64 items .. | y | z |        marks: [ end of the 64th, end of the 128th, .. ]
//!  items 0..2 are one slice of it, ready for a frame          stride: where all items are numbers, so long is each
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Weak};

use mp_link::baggage;
use mp_sys::memfile::MemFile;
use mp_sys::room::vec_with_room;
use mp_wire::bulk::encode_value;
use mp_wire::frame::INLINE_MAX;
use mp_wire::item::{Items, only_item, push_bytes, push_item};
use mp_wire::{CodecError, codec};
use mp_worker::Task;
use parking_lot::Mutex;
use serde::Serialize;

use crate::arena::{Arena, Large};
use crate::error::SubmitError;

/// Room for one item, in bytes, that saves most arguments from being moved.
pub(crate) const SMALL: usize = 32;

/// Room in bytes for what is beside the rows of a large item.
const BESIDE: usize = 256;

/// So much room in bytes is made beforehand at most: how many items an input has is only what it says.
const ROOM: usize = 256 << 20;

/// Where an item begins is found from the nearest mark before it; there is one for so many items.
const MARK: u32 = 64;

/// So many tasks of numbers are encoded before the bytes of all are taken in: what is grown for each costs more than to encode it.
const BLOCK: usize = 64;

/// The encoded arguments of one or many items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args {
    bytes: Vec<u8>,
    count: u32,
    marks: Vec<usize>,
    stride: Option<usize>,
    baggage: BTreeMap<u32, Vec<Arc<OwnedFd>>>,
    /// Where large items go, if not among the others.
    arena: Option<Arc<Arena>>,
    /// Items that went there; among the others each has no bytes.
    large: BTreeMap<u32, Arc<Large>>,
}

/// What encodes calls code of the caller's.
fn guarded(encode: impl FnOnce() -> Result<(), CodecError>) -> Result<(), CodecError> {
    catch_unwind(AssertUnwindSafe(encode)).unwrap_or_else(|_| Err(CodecError("its Serialize panicked".to_owned())))
}

/// How many bytes the arguments of one task take, if they are numbers.
#[inline]
fn stride_of<F: Task<A>, A>() -> usize {
    1 + F::fixed_size().unwrap_or_default().min(SMALL)
}

/// Encodes numbers as an item that fills `item`.
#[inline]
fn write_numbers<F: Task<A>, A>(args: &A, item: &mut [u8]) -> Result<(), SubmitError> {
    let (len, mut bytes) = item.split_first_mut().ok_or(SubmitError::Full)?;
    *len = bytes.len() as u8;
    F::encode(args, &mut bytes).map_err(SubmitError::Codec)
}

impl Args {
    /// None yet; large ones go to `arena`, if there is one.
    pub(crate) fn new(arena: Option<&Arc<Arena>>) -> Self {
        Self { arena: arena.cloned(), ..Self::default() }
    }

    /// None yet, and room for so many tasks, if what they take is known.
    pub(crate) fn with_room_for<F: Task<A>, A>(self, tasks: usize) -> Self {
        let bytes = F::fixed_size().map_or(0, |size| tasks.saturating_mul(size + 1));
        Self { bytes: vec_with_room(bytes.min(ROOM)), ..self }
    }

    /// Whether the arguments are numbers, and few: to encode them cannot fail, nor run code of the caller's.
    pub(crate) fn can_always<F: Task<A>, A>(max: usize) -> bool {
        F::fixed_size().is_some_and(|size| size <= max.min(SMALL))
    }

    /// Encodes the arguments of one task more, in the caller's thread.
    pub(crate) fn push_task<F: Task<A>, A>(&mut self, args: &A, max: usize) -> Result<(), SubmitError> {
        if Self::can_always::<F, A>(max) {
            return self.push_numbers::<F, A>(args);
        }
        let rows = F::rows(args);
        if self.is_large(rows) && self.push_in_place(rows, max, |out| F::encode(args, out))? {
            return Ok(());
        }
        self.push_with(max, |bytes| push_item(bytes, |out| guarded(|| F::encode(args, out))))
    }

    /// As [`Args::push_task`], where that [can always be](Self::can_always): most of what is done for others need not be.
    #[inline]
    pub(crate) fn push_numbers<F: Task<A>, A>(&mut self, args: &A) -> Result<(), SubmitError> {
        let stride = stride_of::<F, A>();
        let mut item = [0; 1 + SMALL];
        write_numbers::<F, A>(args, &mut item[..stride])?;
        self.push_row(&item[..stride], stride)
    }

    /// As [`Args::push_numbers`], of the arguments of many tasks.
    #[inline]
    pub(crate) fn push_all_numbers<F: Task<A>, A>(
        &mut self,
        mut tasks: impl Iterator<Item = A>,
    ) -> Result<(), SubmitError> {
        let stride = stride_of::<F, A>();
        let mut block = [0; BLOCK * (1 + SMALL)];
        loop {
            let mut filled = 0;
            for (item, args) in block.chunks_exact_mut(stride).take(BLOCK).zip(&mut tasks) {
                write_numbers::<F, A>(&args, item)?;
                filled += stride;
            }
            if filled == 0 {
                return Ok(());
            }
            self.push_row(&block[..filled], stride)?;
        }
    }

    /// What is encoded already, of so many bytes each.
    fn push_row(&mut self, row: &[u8], stride: usize) -> Result<(), SubmitError> {
        self.bytes.extend_from_slice(row);
        self.stride = Some(stride);
        let count = u32::try_from(row.len() / stride).ok();
        self.count = count.and_then(|count| self.count.checked_add(count)).ok_or(SubmitError::Full)?;
        Ok(())
    }

    fn is_large(&self, len: usize) -> bool {
        len > 0 && self.arena.as_ref().is_some_and(|arena| arena.wants(len))
    }

    /// Encodes one item more, in the caller's thread.
    pub(crate) fn push<T: Serialize>(&mut self, args: &T, max: usize) -> Result<(), SubmitError> {
        self.push_with(max, |bytes| push_item(bytes, |out| guarded(|| codec::encode_into(args, out))))
    }

    /// As [`Args::push`], for a value by itself, which is copied where it is a row of numbers.
    pub(crate) fn push_value<T: Serialize + 'static>(&mut self, value: &T) -> Result<(), SubmitError> {
        self.push_with(usize::MAX, |bytes| push_item(bytes, |out| guarded(|| encode_value(value, out))))
    }

    /// The same descriptors, and each item without bytes, as they are elsewhere now.
    pub(crate) fn without_bytes(self) -> Self {
        let mut bytes = Vec::new();
        (0..self.count).for_each(|_| push_bytes(&mut bytes, &[]));
        Self { bytes, marks: Vec::new(), stride: None, ..self }
    }

    /// Encodes an item of about `size` bytes where it will be read. `false`, with nothing pushed, where that does not go.
    fn push_in_place(
        &mut self,
        size: usize,
        max: usize,
        encode: impl FnOnce(&mut mp_sys::region::Lease) -> Result<(), CodecError>,
    ) -> Result<bool, SubmitError> {
        let room = || self.arena.as_ref()?.lease(size.checked_add(BESIDE)?);
        let Some(mut large) = room() else { return Ok(false) };
        let (encoded, descriptors) = baggage::pack_with(|| guarded(|| encode(&mut large.lease)));
        if encoded.is_err() {
            return Ok(false);
        }
        let len = large.lease.len();
        if len > max {
            return Err(SubmitError::TooLarge { len, max });
        }
        self.pack(descriptors)?;
        self.count_large(large)?;
        Ok(true)
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
        let start = self.bytes.len();
        self.bytes.reserve(SMALL);
        let (pushed, descriptors) = baggage::pack_with(|| push(&mut self.bytes));
        pushed.map_err(SubmitError::Codec)?;
        let len = only_item(&self.bytes[start..]).len();
        if len > max {
            self.bytes.truncate(start);
            return Err(SubmitError::TooLarge { len, max });
        }
        let counted = self.pack(descriptors).and_then(|()| match self.move_out(start) {
            Some(large) => self.count_large(large),
            None => self.count_item(),
        });
        counted.inspect_err(|_| self.bytes.truncate(start))
    }

    /// A copy of the item that was pushed last, if it is large, where it will be read.
    fn move_out(&mut self, start: usize) -> Option<Large> {
        let item = only_item(&self.bytes[start..]);
        let arena = self.arena.as_ref().filter(|arena| arena.wants(item.len()))?;
        let mut large = arena.lease(item.len())?;
        large.lease.write_all(item).ok()?;
        self.bytes.truncate(start);
        Some(large)
    }

    /// The descriptors of the next item.
    fn pack(&mut self, descriptors: Vec<OwnedFd>) -> Result<(), SubmitError> {
        if !descriptors.is_empty() {
            let kept = descriptors.into_iter().map(shared).collect::<io::Result<_>>();
            let kept = kept.map_err(|error| SubmitError::Codec(CodecError(error.to_string())))?;
            self.baggage.insert(self.count, kept);
        }
        Ok(())
    }

    fn count_large(&mut self, large: Large) -> Result<(), SubmitError> {
        self.large.insert(self.count, Arc::new(large));
        push_bytes(&mut self.bytes, &[]);
        self.count_item()
    }

    /// What was pushed last is an item.
    #[inline]
    fn count_item(&mut self) -> Result<(), SubmitError> {
        self.count = self.count.checked_add(1).ok_or(SubmitError::Full)?;
        if self.count.is_multiple_of(MARK) {
            self.marks.push(self.bytes.len());
        }
        Ok(())
    }

    /// Takes in the items of `other`, all of which [are plain](Self::is_plain), and numbers where these are.
    pub(crate) fn append(&mut self, other: &Self) {
        if self.stride.is_some() {
            self.bytes.extend_from_slice(&other.bytes);
            self.count += other.count;
            return;
        }
        for item in other.items(0, other.count) {
            push_bytes(&mut self.bytes, item);
            self.count += 1;
            if self.count.is_multiple_of(MARK) {
                self.marks.push(self.bytes.len());
            }
        }
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len() + self.large.values().map(|large| large.lease.len()).sum::<usize>()
    }

    /// Whether they are bytes and nothing more.
    pub(crate) fn is_plain(&self) -> bool {
        self.baggage.is_empty() && self.large.is_empty()
    }

    /// Where an item is that is not among the others.
    pub(crate) fn large(&self, index: u32) -> Option<&Arc<Large>> {
        self.large.get(&index)
    }

    /// Whether an item is sent without others: it brings something along.
    pub(crate) fn is_alone(&self, index: u32) -> bool {
        !self.is_plain() && (self.large.contains_key(&index) || self.descriptors(index).next().is_some())
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    fn start(&self, index: u32) -> usize {
        if index == self.count {
            return self.bytes.len();
        }
        if let Some(stride) = self.stride {
            return index as usize * stride;
        }
        let mark = match (index / MARK).checked_sub(1) {
            None => 0,
            Some(mark) => self.marks[mark as usize],
        };
        let (before, _) = Items::of(&self.bytes[mark..], index % MARK);
        mark + before.as_bytes().len()
    }

    /// How many bytes each item takes, where all are numbers and none brings anything along.
    pub(crate) fn stride(&self) -> Option<usize> {
        self.stride
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

/// One descriptor for all values that carry the same queue, however many wait (I6). What is no memory is its own: of files
/// and pipes, several that differ are one inode.
fn shared(fd: OwnedFd) -> io::Result<Arc<OwnedFd>> {
    /// By device and inode.
    type Kept = HashMap<(u64, u64), Weak<OwnedFd>>;
    static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);
    let fd = match MemFile::adopt(fd.try_clone()?) {
        Ok(memory) => OwnedFd::from(memory),
        Err(_) => return Ok(Arc::new(fd)),
    };
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
