//! Multi-process workers for Rust: what Python's `multiprocessing` is to Python, minus its ways of hanging.
//!
//! Does **not** contain any logic: this is the front door. The guide is in [`guide`].
//!
//! ```
//! #[mp::task]
//! fn square(n: u64) -> u64 {
//!     n * n
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init(); // in a worker copy of this program it serves, and never returns
//!     let pool = mp::Pool::new(2)?;
//!     assert_eq!(pool.apply(square, (7,))?, 49);
//!     assert_eq!(pool.map(square, 1..=6)?, [1, 4, 9, 16, 25, 36]);
//!     Ok(())
//! }
//! ```

pub mod guide;

/// What may lie in memory that processes share: the traits that [`Value`], [`Array`], [`Mutex`] and [`Shared`] ask for, and their
/// derives. See [types of your own](guide::sync#types-of-your-own).
pub use bytemuck;
pub use mp_comm::{
    Address, ArrayProxy, AuthKey, BarrierProxy, Client, CommError, ConditionProxy, Connection, Descriptor, DictProxy,
    EventProxy, JoinableQueueProxy, ListProxy, Listener, LockError, LockGuard, LockProxy, Managed, ManagedProxy,
    Manager, ManagerBuilder, ManagerClient, ManagerError, Namespace, Nothing, Pipe, Proxied, QueueProxy, RLockProxy,
    SemaphoreProxy, ValueProxy, one_way_pipe, pipe,
};
pub use mp_macros::{main, task};
pub use mp_supervisor::{
    ActiveChild, AsCompleted, AsCompletedWithin, Backend, Broadcast, ByFd, Command, CommandError, CommandOutput, Error,
    Histogram, Insights, JoinableQueue, Level, MapHandle, Mapping, Outcomes, Output, OutputLine, OutputStream, Plain,
    Pool, PoolBuilder, PriorityQueue, Process, ProcessBuilder, PutError, Queue, QueueError, Result, Retry,
    RunningCommand, Said, Shared, Shutdown, SimpleQueue, SlowTask, StartMethod, StatePool, StatePoolBuilder, Stats,
    Stdio, SubmitError, Suspension, TaskBuilder, TaskHandle, Trace, Unfinished, Until, Waitable, Waited,
    WorkerInsights, active_children, as_completed, cpu_count, end_pool, join_children, join_children_timeout, pool,
    set_pool, suspend, wait, wait_any,
};
pub use mp_sync::{
    Array, ArrayGuard, AtomicI64, AtomicU64, Barrier, BoundedSemaphore, Condition, ConditionGuard, Event, HeldLock,
    Lock, Mutex, MutexGuard, Permit, RLock, RLockGuard, Semaphore, SharedMemory, SyncError, Value,
};
pub use mp_wire::crash::{Crash, Frame as CrashFrame};
pub use mp_wire::{Bytes, CodecError, CodecStage, Failure, TaskId, TaskLabel, WorkerExit, WorkerId};
pub use mp_worker::registry::{Arg, NamedTask, find as find_task, tasks};
pub use mp_worker::{
    CurrentProcess, Done, Maker, Routine, StateTask, Task, WorkerInfo, after_fork, current_process, current_worker,
    deadline, init, is_cancelled, log_to_stderr, progress, shared, try_shared,
};

/// Lets the workers of a test binary serve: once per test binary, anywhere in it.
///
/// A test has no `main` of its own in which to call [`init`], so the loader calls it, before the test harness.
///
/// ```
/// mp::test_support!();
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     // A test's body. No mp::init() here:
///     let pool = mp::Pool::new(2)?;
///     assert_eq!(pool.apply(|n: u64| n * n, (7,))?, 49);
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! test_support {
    () => {
        $crate::__private::before_main!($crate::init);
    };
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc(hidden)]
pub mod __private {
    pub use mp_worker::registry::{Arg, NamedTask, TASKS, check_json, decode_json, encode_json};
    pub use mp_worker::{before_main, entry_of, linkme, show_args};
}
