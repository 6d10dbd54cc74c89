//! The caller's claim on the outcomes of a map.
//!
//! Does **not** know workers. Values are decoded here, in the thread that asks for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_wire::bulk::{decode_value, size_of_number};
use mp_wire::item::Items;
use mp_wire::{CodecError, Failure, TaskId};
use serde::de::DeserializeOwned;

use crate::handle::{Reader, guarded};
use crate::many::{Block, Came, Many};
use crate::ordered::Ordered;
use crate::sink::Sink;
use crate::trace::{Deed, PoolTrace};

/// The claim on the outcomes of a map. Python: `multiprocessing.pool.MapResult`.
///
/// Dropped, its tasks go on; of their failures the first is logged.
#[must_use = "a map's outcomes are in its handle"]
pub struct MapHandle<R> {
    many: Arc<Many>,
    reader: Box<Reader<R>>,
    ordered: Box<Ordered<R>>,
    /// By the place of the first item of each piece, that item's id; not of those that follow the piece before.
    firsts: Vec<(u64, TaskId)>,
    items: usize,
    missing: usize,
    /// What has come and is just being read.
    block: Box<Block>,
    decode_all: DecodeAll<R>,
}

/// Reads items until there are no more or one fails.
type DecodeAll<R> = fn(&mut Items<'_>, &mut Vec<R>) -> Result<(), CodecError>;

fn decode_all<R: DeserializeOwned + 'static>(items: &mut Items<'_>, values: &mut Vec<R>) -> Result<(), CodecError> {
    values.reserve(items.len() as usize);
    if let Some(len) = size_of_number::<R>() {
        // No code of the caller's runs in between, so nobody sees how far it came.
        let mut numbers = *items;
        while let Some(number) = numbers.next_of(len) {
            values.push(decode_value(number)?);
        }
        *items = numbers;
    }
    for item in items {
        values.push(decode_value(item)?);
    }
    Ok(())
}

/// So many outcomes are read at once, where there are so many: to be woken for each would cost more than to read it.
pub(crate) const AT_ONCE: usize = 32 * 1024;

impl<R: DeserializeOwned + 'static> MapHandle<R> {
    /// Of nothing yet, with room for so many items.
    pub(crate) fn with_room_for(items: usize, reader: Reader<R>) -> Self {
        let (many, block, reader) = (Arc::default(), Box::default(), Box::new(reader));
        let ordered = Box::new(Ordered::with_room_for(items));
        Self { many, reader, ordered, firsts: Vec::new(), items: 0, missing: 0, block, decode_all }
    }
}

impl<R> MapHandle<R> {
    /// Where the outcomes of the items that were submitted next go, and the place of the first of them.
    pub(crate) fn sink(&self) -> (Sink, u64) {
        (Sink::Many(Arc::clone(&self.many)), self.items as u64)
    }

    /// So many more items were submitted; the first of them has this id.
    pub(crate) fn expect(&mut self, first: TaskId, items: usize) {
        let base = self.items as u64;
        if items > 0 && self.id(base) != first {
            self.firsts.push((base, first));
        }
        self.items += items;
        self.missing += items;
    }

    /// The id of an item: those of a piece count up.
    fn id(&self, index: u64) -> TaskId {
        let pieces = self.firsts.partition_point(|(base, _)| *base <= index);
        let (base, first) = self.firsts[..pieces].last().copied().unwrap_or((0, self.reader.first));
        TaskId(first.0 + (index - base))
    }

    /// Waits for all items.
    ///
    /// # Errors
    /// The first failure by the order of the input.
    pub fn get(mut self) -> Result<Vec<R>, Failure> {
        self.gather(0, None);
        // The other failures are not told: whoever wants them takes the outcomes.
        self.take_ordered().into_values(self.items as u64)
    }

    /// Waits for all items, at most for `limit`.
    ///
    /// # Errors
    /// The handle itself, if some have no outcome yet.
    pub fn get_timeout(mut self, limit: Duration) -> Result<Result<Vec<R>, Failure>, Self> {
        if self.gather(0, Instant::now().checked_add(limit)) { Ok(self.get()) } else { Err(self) }
    }

    /// Waits for all items; gives each one's own outcome, in the order of the input.
    #[must_use]
    pub fn outcomes(mut self) -> Vec<Result<R, Failure>> {
        self.gather(0, None);
        self.take_ordered().into_outcomes(self.items as u64)
    }

    fn take_ordered(&mut self) -> Ordered<R> {
        std::mem::replace(&mut *self.ordered, Ordered::with_room_for(0))
    }

    /// How many items have an outcome, of how many.
    #[must_use]
    pub fn progress(&mut self) -> (usize, usize) {
        self.gather(0, Some(Instant::now()));
        (self.items - self.missing, self.items)
    }

    /// How many items have no outcome yet that was read.
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// Decodes what has come, while the rest is on its way, until no more than `left` are missing.
    pub(crate) fn gather(&mut self, left: usize, deadline: Option<Instant>) -> bool {
        while self.missing > left {
            self.many.take(deadline, (self.missing - left).min(AT_ONCE), &mut self.block);
            if self.block.len() == 0 {
                return false;
            }
            self.read();
        }
        true
    }

    fn read(&mut self) {
        self.missing = self.missing.saturating_sub(self.block.len());
        let mut block = std::mem::take(&mut self.block);
        block.drain(|came| match came {
            Came::Values(first, items) => self.read_all(first, items),
            Came::Value(index, bytes) => self.put(index, self.reader.read(self.id(index), bytes)),
            Came::Failure(index, failure) => self.put(index, Err(failure)),
        });
        self.block = block;
    }

    fn put(&mut self, index: u64, outcome: Result<R, Failure>) {
        match outcome {
            Ok(value) => self.ordered.put((index, 1), |values| values.push(value)),
            Err(failure) => {
                self.ordered.fail(index, failure);
                self.ordered.put((index, 1), |_| {});
            }
        }
    }

    fn read_all(&mut self, first: u64, mut items: Items<'_>) {
        let (count, mut refused) = (items.len(), Vec::new());
        let (reader, decode_all) = (&self.reader, self.decode_all);
        self.ordered.put((first, u64::from(count)), |values| {
            PoolTrace::time(reader.trace.as_ref(), (Deed::Decode, &reader.name, count), || {
                while let Err(error) = guarded(|| decode_all(&mut items, values)) {
                    // It had its turn, and has no value.
                    refused.push((first + u64::from(count - items.len()) - 1, error));
                }
            });
        });
        for (index, error) in refused {
            self.ordered.fail(index, self.reader.unreadable(self.id(index), error));
        }
    }
}

impl<R> Drop for MapHandle<R> {
    fn drop(&mut self) {
        self.many.abandon(self.ordered.failures());
    }
}

impl<R> std::fmt::Debug for MapHandle<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapHandle").field("items", &self.items).field("missing", &self.missing).finish()
    }
}
