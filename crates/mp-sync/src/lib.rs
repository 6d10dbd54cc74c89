//! Synchronization between processes: locks, semaphores, events, conditions, barriers, and plain data under a lock.
//!
//! Does **not** know pools, tasks or workers. All of it travels as an argument, as a queue does, and nowhere else.
//!
//! ```text
//!  Mutex, Value, Array ─▶ Lock ─┐
//!  Condition ── Lock, Seats ────┼─▶ Block ─▶ mp_sys: Plate, Latch ─▶ one memory file in all processes
//!  Semaphore, Barrier ── Seats ─┘
//! ```
//!
//! - S1 Who holds or waits has a latch, which the kernel marks when its thread ends, however it ends.
//! - S2 Who sleeps for somebody that may die sleeps on that latch itself, or wakes each `patience::SLICE` to look at
//!   the latches of the others. So no death is waited for without limit.
//! - S3 A state is changed by one store; what surrounds it can be repeated by whoever comes next.

mod array;
mod atomic;
mod barrier;
mod block;
mod bounded;
mod condition;
mod error;
mod event;
mod gate;
mod lock;
mod mutex;
mod named;
mod patience;
mod rlock;
mod seats;
mod semaphore;
mod shared_memory;
mod value;

pub use array::{Array, ArrayGuard};
pub use atomic::{AtomicI64, AtomicU64};
pub use barrier::Barrier;
pub use bounded::BoundedSemaphore;
pub use condition::{Condition, ConditionGuard};
pub use error::SyncError;
pub use event::Event;
#[doc(hidden)]
pub use gate::hurry;
pub use lock::{HeldLock, Lock};
pub use mutex::{Mutex, MutexGuard};
pub use rlock::{RLock, RLockGuard};
pub use semaphore::{Permit, Semaphore};
pub use shared_memory::SharedMemory;
pub use value::Value;

/// What the calls of this crate give.
pub type Result<T, E = SyncError> = std::result::Result<T, E>;
