//! What a task can ask of the worker that runs it.
//!
//! Does **not** know lines or frames.

use std::cell::Cell;

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
    /// The task that runs.
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
    static CURRENT: Cell<Option<WorkerInfo>> = const { Cell::new(None) };
}

/// The worker that runs the calling task; `None` outside of one. Python: `multiprocessing.current_process()`.
///
/// ```
/// assert_eq!(mp_worker::current_worker(), None);
/// ```
#[must_use]
pub fn current_worker() -> Option<WorkerInfo> {
    CURRENT.get()
}

/// From now on, within [`within`], another task runs.
pub(crate) fn turn_to(info: WorkerInfo) {
    CURRENT.set(Some(info));
    outlets::begin(info.task_id);
}

/// Runs `task` with what it is told when it asks.
pub(crate) fn within<T>(info: WorkerInfo, task: impl FnOnce() -> T) -> T {
    let outer = CURRENT.replace(Some(info));
    let value = task();
    outlets::end();
    CURRENT.set(outer);
    value
}
