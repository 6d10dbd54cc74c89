//! What a task can ask of the worker that runs it.
//!
//! Does **not** know lines or frames.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use mp_link::Status;
use mp_wire::{TaskId, WorkerId};

use crate::outlets;

/// The worker, seen from inside a task.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// The slot of the pool, counted from 0.
    pub id: u32,
    /// Which incarnation of it, counted from 1.
    pub generation: u32,
    /// The process.
    pub pid: u32,
    /// The task that runs; 0 in an initializer or finalizer.
    pub task_id: TaskId,
    /// Which try of it this is, counted from 1.
    pub attempt: u32,
}

impl WorkerInfo {
    /// What the `attempt`-th try of `task` on `worker`, which is process `pid`, is told.
    #[must_use]
    pub fn new((worker, pid): (WorkerId, u32), task_id: TaskId, attempt: u32) -> Self {
        Self { id: worker.slot, generation: worker.generation, pid, task_id, attempt }
    }
}

thread_local! {
    /// The task that runs: by itself, as it is another for each item of many.
    static TASK: Cell<TaskId> = const { Cell::new(TaskId(0)) };
    static CURRENT: Cell<Option<WorkerInfo>> = const { Cell::new(None) };
    static STATUS: RefCell<Option<Status>> = const { RefCell::new(None) };
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The worker that runs the calling task; `None` outside of one. Python: `multiprocessing.current_process()`.
///
/// ```
/// assert_eq!(mp_worker::current_worker(), None);
/// ```
#[must_use]
pub fn current_worker() -> Option<WorkerInfo> {
    CURRENT.get().map(|info| WorkerInfo { task_id: TASK.get(), ..info })
}

/// When the calling task will have run too long, and its worker be ended; `None` where it has no limit, and outside of a
/// task.
///
/// ```
/// assert_eq!(mp_worker::deadline(), None);
/// ```
#[must_use]
pub fn deadline() -> Option<Instant> {
    DEADLINE.get()
}

/// Whether the calling task should end, because somebody cancelled it or its pool does not wait for it any more. What it
/// returns then counts as its value.
///
/// A task that has asked once is expected to ask again: cancelled, it is given the pool's grace to return, and then ended
/// with its worker; one that never asked is ended at once. So ask at the start of a long task, and then from time to time: it
/// costs some nanoseconds. A thread cannot be ended: one that asks knows when it was left behind.
///
/// Only the thread that runs the task can ask. Outside of a task it is `false`, and with `Backend::Serial`.
///
/// ```
/// assert!(!mp_worker::is_cancelled());
/// ```
#[must_use]
pub fn is_cancelled() -> bool {
    CURRENT.get().is_some() && STATUS.with_borrow(|status| status.as_ref().is_some_and(|status| status.ask(TASK.get())))
}

/// The calling task says this of itself; `false` where there is none, or nobody who could hear it.
pub(crate) fn say(tag: u64, bytes: &[u8]) -> bool {
    CURRENT.get().is_some()
        && STATUS.with_borrow(|status| status.as_ref().is_some_and(|status| status.say(TASK.get(), tag, bytes)))
}

/// The task that begins now may run so long.
pub(crate) fn limit(limit: Option<Duration>) {
    DEADLINE.set(limit.and_then(|limit| Instant::now().checked_add(limit)));
}

/// Runs `life`, whose tasks ask `status` whether they are cancelled.
pub(crate) fn over<T>(status: &Status, life: impl FnOnce() -> T) -> T {
    let outer = STATUS.replace(Some(status.clone()));
    let value = life();
    STATUS.replace(outer);
    value
}

/// Runs `task` as `info`, with its deadline; nobody can cancel it.
pub(crate) fn apart<T>((info, deadline): (WorkerInfo, Option<Instant>), task: impl FnOnce() -> T) -> T {
    let outer = (STATUS.take(), DEADLINE.replace(deadline));
    let value = within(info, task);
    STATUS.replace(outer.0);
    DEADLINE.set(outer.1);
    value
}

/// From now on, within [`within`], another task runs.
#[inline]
pub(crate) fn turn_to(task: TaskId) {
    TASK.set(task);
}

/// Runs `task` with what it is told when it asks.
pub(crate) fn within<T>(info: WorkerInfo, task: impl FnOnce() -> T) -> T {
    let outer = (CURRENT.replace(Some(info)), TASK.replace(info.task_id));
    let value = task();
    outlets::end();
    CURRENT.set(outer.0);
    TASK.set(outer.1);
    value
}
