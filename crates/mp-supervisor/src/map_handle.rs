//! The caller's claim on the outcomes of a map.
//!
//! Does **not** know workers. Values are decoded here, in the thread that asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_sys::room::vec_with_room;
use mp_wire::bulk::decode_value;
use mp_wire::item::Items;
use mp_wire::{CodecError, Failure};
use serde::de::DeserializeOwned;

use crate::handle::{Reader, guarded};
use crate::many::{Block, Came, Many};
use crate::trace::{Deed, Trace};

/// The claim on the outcomes of a map. Python: `multiprocessing.pool.MapResult`.
///
/// Dropped, its tasks go on; of their failures the first is logged.
#[must_use = "a map's outcomes are in its handle"]
pub struct MapHandle<R> {
    many: Arc<Many>,
    reader: Box<Reader<R>>,
    values: Vec<Option<R>>,
    failures: BTreeMap<u64, Failure>,
    missing: usize,
    /// What has come and is just being read.
    block: Box<Block>,
    decode_all: DecodeAll<R>,
}

/// Reads items, each to its place, until there are no more or one fails. The places that had their turn are split off.
type DecodeAll<R> = fn(&mut Items<'_>, &mut &mut [Option<R>]) -> Result<(), CodecError>;

fn decode_all<R: DeserializeOwned + 'static>(
    items: &mut Items<'_>,
    places: &mut &mut [Option<R>],
) -> Result<(), CodecError> {
    for item in items {
        let Some(place) = places.split_off_first_mut() else { break };
        *place = Some(decode_value(item)?);
    }
    Ok(())
}

/// So many outcomes are read at once, where there are so many: to be woken for each would cost more than to read it.
const AT_ONCE: usize = 32 * 1024;

impl<R: DeserializeOwned + 'static> MapHandle<R> {
    pub(crate) fn new(many: Arc<Many>, reader: Reader<R>, items: usize) -> Self {
        let mut values = vec_with_room(items);
        values.extend(std::iter::repeat_with(|| None).take(items));
        let (failures, block) = (BTreeMap::new(), Box::default());
        let reader = Box::new(reader);
        Self { many, reader, values, failures, missing: items, block, decode_all }
    }
}

impl<R> MapHandle<R> {
    /// Waits for all items.
    ///
    /// # Errors
    /// The first failure by the order of the input.
    pub fn get(mut self) -> Result<Vec<R>, Failure> {
        self.gather(None);
        // The others are not told: whoever wants them takes the outcomes.
        match std::mem::take(&mut self.failures).pop_first() {
            Some((_, failure)) => Err(failure),
            None => std::mem::take(&mut self.values).into_iter().collect::<Option<_>>().ok_or_else(missing),
        }
    }

    /// Waits for all items, at most for `limit`.
    ///
    /// # Errors
    /// The handle itself, if some have no outcome yet.
    pub fn get_timeout(mut self, limit: Duration) -> Result<Result<Vec<R>, Failure>, Self> {
        if self.gather(Instant::now().checked_add(limit)) { Ok(self.get()) } else { Err(self) }
    }

    /// Waits for all items; gives each one's own outcome, in the order of the input.
    #[must_use]
    pub fn outcomes(mut self) -> Vec<Result<R, Failure>> {
        self.gather(None);
        let (values, mut failures) = (std::mem::take(&mut self.values), std::mem::take(&mut self.failures));
        let outcome =
            |(index, value): (u64, Option<R>)| value.ok_or_else(|| failures.remove(&index).unwrap_or_else(missing));
        (0..).zip(values).map(outcome).collect()
    }

    /// How many items have an outcome, of how many.
    #[must_use]
    pub fn progress(&mut self) -> (usize, usize) {
        self.gather(Some(Instant::now()));
        (self.values.len() - self.missing, self.values.len())
    }

    /// Decodes what has come, while the rest is on its way.
    fn gather(&mut self, deadline: Option<Instant>) -> bool {
        while self.missing > 0 {
            self.many.take(deadline, self.missing.min(AT_ONCE), &mut self.block);
            if self.block.len() == 0 {
                return false;
            }
            self.read();
        }
        true
    }

    fn read(&mut self) {
        self.missing = self.missing.saturating_sub(self.block.len());
        let (reader, places, failures) = (&self.reader, &mut self.values, &mut self.failures);
        self.block.drain(|came| match came {
            Came::Values(first, mut items) => {
                let mut places = places.get_mut(first as usize..).unwrap_or_default();
                let count = places.len();
                let (trace, whole) = (reader.trace.as_ref(), (Deed::Decode, &reader.name, items.len()));
                Trace::time(trace, whole, || {
                    while !items.is_empty() && !places.is_empty() {
                        if let Err(error) = guarded(|| (self.decode_all)(&mut items, &mut places)) {
                            // Its place had its turn, and nothing is in it.
                            let index = first + (count - places.len()) as u64 - 1;
                            failures.insert(index, reader.unreadable(index, error));
                        }
                    }
                });
            }
            Came::Value(index, bytes) => match (reader.read(index, bytes), places.get_mut(index as usize)) {
                (Ok(value), Some(place)) => *place = Some(value),
                (Err(failure), _) => _ = failures.insert(index, failure),
                (Ok(_), None) => {}
            },
            Came::Failure(index, failure) => _ = failures.insert(index, failure),
        });
    }
}

/// I1: it never is.
fn missing() -> Failure {
    Failure::stopped("outcome is missing")
}

impl<R> Drop for MapHandle<R> {
    fn drop(&mut self) {
        self.many.abandon(self.failures.values());
    }
}

impl<R> std::fmt::Debug for MapHandle<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapHandle").field("items", &self.values.len()).field("missing", &self.missing).finish()
    }
}
