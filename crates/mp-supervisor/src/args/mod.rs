//! Encoded arguments of one or many items, as they were submitted.
//!
//! Does **not** know tasks or workers.
//!
//! ```text
//!  bytes:  | a | b | c | d | .. 64 items .. | y | z |        marks: [ end of the 64th, end of the 128th, .. ]
//!  items 0..2 are one slice of it, ready for a frame          stride: where all items are numbers, so long is each
//! ```

mod kept;
mod push;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mp_sys::room::vec_with_room;
use mp_wire::frame::INLINE_MAX;
use mp_wire::item::{Items, only_item, push_bytes};
use mp_worker::Task;

use crate::arena::{Arena, Large};

/// Room for one item, in bytes, that saves most arguments from being moved.
pub(crate) const SMALL: usize = 32;

/// So much room in bytes is made beforehand at most: how many items an input has is only what it says.
const ROOM: usize = 256 << 20;

/// Where an item begins is found from the nearest mark before it; there is one for so many items.
const MARK: u32 = 64;

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

    /// The same descriptors, and each item without bytes, as they are elsewhere now.
    pub(crate) fn without_bytes(self) -> Self {
        let mut bytes = Vec::new();
        (0..self.count).for_each(|_| push_bytes(&mut bytes, &[]));
        Self { bytes, marks: Vec::new(), stride: None, ..self }
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
