//! `Queue`: items from any process to any process.
//!
//! Does **not** know pools, workers or links; it needs none of them running. A handle is a file of memory, which
//! travels as baggage with the arguments of a task.
//!
//! ```text
//!  put(item) ─ encode ─▶ Shared: lock, room?, Log: append, publish ─┐
//!                                                                   │  one memfd in all processes
//!  get() ◀──── decode ── Shared: lock, item?, Log: first, publish ◀─┘
//! ```
//!
//! Invariants: H1 to H3 in `header.rs`, L1 to L3 in `log.rs`, R1 to R3 and M1 in mp-sys. In short: there is no
//! instant at which the death of a process costs the others more than the item it was putting or getting.

mod arrivals;
mod error;
mod header;
mod joinable;
mod log;
mod patience;
mod priority;
mod scratch;
mod shared;
mod simple;
mod takers;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use mp_link::baggage;
use mp_wire::codec;
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use arrivals::Arrivals;
pub use error::{PutError, QueueError};
use header::PREFIX;
pub use joinable::JoinableQueue;
use patience::Patience;
pub use priority::PriorityQueue;
use shared::Shared;
pub use simple::SimpleQueue;

/// Items from many producers to many consumers, in any process. Python's `multiprocessing.Queue`.
///
/// - Clones, also those in other processes, are the same queue. A queue can be an argument of a task or a process.
/// - Each item is got once. The items of one producer come in the order in which they were put.
/// - What was put is in the queue, whatever becomes of who put it: there is no feeder thread that must be joined
///   first, and a process that put a gigabyte may exit before anybody reads. The items take memory until then.
/// - A process that is killed, at any instant, costs at most the one item that it was putting or getting. Nobody else
///   waits for it.
/// - One file descriptor in each process, however many handles. No thread, and no CPU time while a call waits.
/// - An item wakes all who wait for one, so that none is left lying where the one that was woken is killed or stopped before he
///   takes it. With hundreds that wait on the same queue, that is most of what an item costs.
///
/// An item is encoded by `put` and decoded by `get`. It cannot hold a queue: only arguments carry queues.
///
/// # Examples
/// ```
/// # use mp_supervisor::Queue;
/// # fn main() -> mp_supervisor::Result<()> {
/// let queue = Queue::new()?;
/// queue.put("first".to_owned())?;
/// queue.put("second".to_owned())?;
/// assert_eq!(queue.get()?, "first");
/// assert_eq!(queue.len(), 1);
/// # Ok(()) }
/// ```
pub struct Queue<T> {
    shared: Arc<Shared>,
    items: PhantomData<fn(T) -> T>,
}

impl<T> Queue<T> {
    /// An empty queue without a bound: `put` never waits for room.
    ///
    /// # Errors
    /// [`QueueError::Os`] when the process has no descriptor or memory left.
    pub fn new() -> crate::Result<Self> {
        Ok(Self::over(Shared::create(u64::MAX)?))
    }

    /// An empty queue that holds at most `capacity` items: `put` waits for room. Python's `Queue(maxsize)`.
    ///
    /// # Errors
    /// [`QueueError::NoCapacity`] for 0, and as [`Queue::new`].
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::Queue;
    /// let queue = Queue::bounded(1)?;
    /// queue.put(1)?;
    /// let refused = queue.try_put(2).expect_err("there is room for one");
    /// assert!(matches!(refused.error, mp_supervisor::QueueError::Full { capacity: 1 }));
    /// assert_eq!(refused.item, 2);
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn bounded(capacity: usize) -> crate::Result<Self> {
        if capacity == 0 {
            return Err(QueueError::NoCapacity.into());
        }
        Ok(Self::over(Shared::create(capacity as u64)?))
    }

    /// The number of items, which may have changed by the time it is looked at. Python's `qsize`. Never waits.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.shared.count()).unwrap_or(usize::MAX)
    }

    /// Whether there was no item a moment ago. Python's `empty`. Never waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the queue, for all who have it: putting is [`QueueError::Closed`] from now on, and so is getting, once what is
    /// in the queue has been got. Who waits is told. Python's `Queue.shutdown`; what Python calls `close` is to drop a handle.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`] if for a second some process that is stopped held the queue's lock; [`QueueError::Corrupted`].
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::{Error, Queue, QueueError};
    /// let queue = Queue::new()?;
    /// queue.put(1)?;
    /// queue.close()?;
    /// assert!(matches!(queue.put(2), Err(Error::Queue(QueueError::Closed))));
    /// assert_eq!(queue.get()?, 1);
    /// assert!(matches!(queue.get(), Err(Error::Queue(QueueError::Closed))));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(&self) -> crate::Result<()> {
        Ok(self.shared.close()?)
    }

    /// Whether somebody has closed it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    fn over(shared: Arc<Shared>) -> Self {
        Self { shared, items: PhantomData }
    }
}

impl<T: Serialize> Queue<T> {
    /// Puts `item` at the end. Waits for room if the queue is bounded.
    ///
    /// # Errors
    /// [`QueueError::Encode`], [`QueueError::Os`] when memory is short, [`QueueError::Corrupted`]. Then nothing was put.
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::Queue;
    /// let queue = Queue::<(u32, String)>::new()?;
    /// queue.put((7, "seven".to_owned()))?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn put(&self, item: T) -> crate::Result<()> {
        Ok(self.put_within(&item, Patience::Forever)?)
    }

    /// Puts `item` at the end if there is room. Python's `put_nowait`.
    ///
    /// # Errors
    /// [`QueueError::Full`], and as [`Queue::put`]; the item comes back.
    /// [`QueueError::TimedOut`] if for a second some process that is stopped held the queue's lock.
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_within(&item, Patience::None).map_err(|error| PutError { item, error })
    }

    /// Puts `item` at the end; waits for room at most `timeout`. Python's `put(item, timeout=…)`.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`], and as [`Queue::put`]; the item comes back.
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::Queue;
    /// # use std::time::Duration;
    /// let queue = Queue::bounded(1)?;
    /// queue.put(1)?;
    /// let refused = queue.put_timeout(2, Duration::from_millis(5)).expect_err("there is room for one");
    /// assert!(matches!(refused.error, mp_supervisor::QueueError::TimedOut { .. }));
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_within(&item, Patience::timeout(timeout)).map_err(|error| PutError { item, error })
    }

    fn put_within(&self, item: &T, patience: Patience) -> Result<(), QueueError> {
        scratch::with(|record| {
            encode(item, record)?;
            self.shared.put(record, patience)
        })
    }
}

impl<T: DeserializeOwned> Queue<T> {
    /// Takes the first item. Waits until there is one.
    ///
    /// # Errors
    /// [`QueueError::Decode`], which costs that item and no other, [`QueueError::Os`], [`QueueError::Corrupted`].
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::Queue;
    /// let queue = Queue::new()?;
    /// let producer = queue.clone();
    /// std::thread::spawn(move || producer.put(42));
    /// assert_eq!(queue.get()?, 42);
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn get(&self) -> crate::Result<T> {
        Ok(self.get_within(Patience::Forever)?)
    }

    /// Takes the first item if there is one. Python's `get_nowait`.
    ///
    /// # Errors
    /// [`QueueError::Empty`], and as [`Queue::get`].
    /// [`QueueError::TimedOut`] if for a second some process that is stopped held the queue's lock.
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::Queue;
    /// assert!(matches!(Queue::<u8>::new()?.try_get(), Err(mp_supervisor::Error::Queue(mp_supervisor::QueueError::Empty))));
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn try_get(&self) -> crate::Result<T> {
        Ok(self.get_within(Patience::None)?)
    }

    /// Takes the first item; waits for one at most `timeout`. Python's `get(timeout=…)`.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`], and as [`Queue::get`].
    ///
    /// # Examples
    /// ```
    /// # use mp_supervisor::Queue;
    /// # use std::time::Duration;
    /// let late = Queue::<u8>::new()?.get_timeout(Duration::from_millis(5));
    /// assert!(matches!(late, Err(mp_supervisor::Error::Queue(mp_supervisor::QueueError::TimedOut { .. }))));
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> crate::Result<T> {
        Ok(self.get_within(Patience::timeout(timeout))?)
    }

    fn get_within(&self, patience: Patience) -> Result<T, QueueError> {
        scratch::with(|record| {
            self.shared.get(record, patience)?;
            decode(&record[PREFIX as usize..])
        })
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self::over(Arc::clone(&self.shared))
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Queue").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// As an argument of a task or a process only: the descriptor travels beside the bytes.
impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        baggage::pack(&*self.shared).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fd = baggage::unpack(u32::deserialize(deserializer)?).map_err(D::Error::custom)?;
        Ok(Self::over(Shared::adopt(fd).map_err(D::Error::custom)?))
    }
}

/// Makes `record` a prefix and the encoded item.
fn encode<T: Serialize>(item: &T, record: &mut Vec<u8>) -> Result<(), QueueError> {
    record.extend_from_slice(&[0; PREFIX as usize]);
    codec::encode_into(item, record).map_err(QueueError::Encode)?;
    let len = record.len() - PREFIX as usize;
    record[..PREFIX as usize].copy_from_slice(&log::prefix(len));
    Ok(())
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, QueueError> {
    codec::decode(bytes).map_err(|source| QueueError::Decode { len: bytes.len(), source })
}
