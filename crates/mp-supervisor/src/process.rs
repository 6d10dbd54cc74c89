//! One worker for one task, as Python's `multiprocessing.Process`.
//!
//! Does **not** have a mechanism of its own: it is a pool of one worker that is not replaced.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use mp_sys::child::{Child, Signal};
use mp_sys::clock::monotonic_ns;
use mp_wire::{Failure, WorkerExit};
use mp_worker::{Task, entry_of};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::engine::Engine;
use crate::error::Result;
use crate::handle::TaskHandle;
use crate::process_builder::ProcessBuilder;

/// A process that runs one task. Python: `multiprocessing.Process`, started.
///
/// Dropped, it is ended: SIGTERM, and SIGKILL after the grace. [`Process::join`] lets it finish, and so does
/// [`daemon(false)`](ProcessBuilder::daemon), without anybody to wait.
///
/// ```no_run
/// # fn square(n: u64) -> u64 { n * n }
/// let process = mp_supervisor::Process::spawn(square, (7,))?;
/// println!("{} runs as {}", process.name(), process.pid());
/// assert_eq!(process.join()?, 49);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropped, it is ended at once; join() lets it finish"]
pub struct Process<R> {
    pub(crate) handle: Mutex<Option<TaskHandle<R>>>,
    pub(crate) name: Arc<str>,
    pub(crate) daemon: bool,
    pub(crate) child: Arc<Child>,
    pub(crate) engine: Arc<Engine>,
}

impl<R: DeserializeOwned + 'static> Process<R> {
    /// Starts a process that runs `task`.
    ///
    /// # Errors
    /// As [`ProcessBuilder::spawn`].
    pub fn spawn<F: Task<A, Output = R>, A: Serialize + DeserializeOwned>(task: F, args: A) -> Result<Self> {
        Self::builder(task, args).spawn()
    }

    /// A process that is told more.
    pub fn builder<F: Task<A, Output = R>, A: Serialize + DeserializeOwned>(task: F, args: A) -> ProcessBuilder<R> {
        let mut encoded = Args::default();
        let began = monotonic_ns();
        let pushed = encoded.push_task::<F, A>(&args, usize::MAX);
        let args = (pushed.map(|()| encoded), (began, monotonic_ns()));
        ProcessBuilder::new(entry_of::<F, A>(task), args, std::any::type_name::<F>())
    }

    /// Waits for the end of the process and gives the task's result.
    ///
    /// # Errors
    /// The task's failure; [`Failure::Lost`] says how the process ended.
    pub fn join(self) -> Result<R, Failure> {
        let handle = self.handle.lock().take();
        // Its end is the last that is heard of it, so one sleep is enough for both.
        self.engine.wait_end(None);
        handle.map_or_else(|| Err(Failure::stopped("outcome was taken already")), TaskHandle::get)
    }
}

impl<R> Process<R> {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it ends with its handle: see [`ProcessBuilder::daemon`].
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.daemon
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.exit().is_none()
    }

    /// `None` while it is alive; then its exit code (0, or 1 when its task failed), or minus the signal that ended it.
    /// Python: `exitcode`.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        self.exit().and_then(WorkerExit::code)
    }

    /// Waits for its end.
    pub fn wait(&self) -> WorkerExit {
        self.engine.wait_end(None);
        self.exit().unwrap_or(WorkerExit::Unknown)
    }

    /// Waits for its end, at most for `limit`. `None` when it has not ended.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> Option<WorkerExit> {
        self.engine.wait_end(Some(limit));
        self.exit()
    }

    /// Asks it to end: SIGTERM. Its task ends as [`Failure::Lost`].
    pub fn terminate(&self) {
        self.child.signal(Signal::SIGTERM);
    }

    /// Ends it: SIGKILL.
    pub fn kill(&self) {
        self.child.signal(Signal::SIGKILL);
    }

    fn exit(&self) -> Option<WorkerExit> {
        self.engine.exit_of(0)
    }
}

/// Readable once the process has ended. Python: `sentinel`.
impl<R> AsFd for Process<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }
}

impl<R> Drop for Process<R> {
    fn drop(&mut self) {
        if self.daemon {
            self.engine.shut_down("process was dropped");
        }
    }
}

impl<R> std::fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("pid", &self.pid())
            .field("exit", &self.exit())
            .finish()
    }
}
