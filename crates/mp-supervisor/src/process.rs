//! One worker for one task, as Python's `multiprocessing.Process`.
//!
//! Does **not** have a mechanism of its own: it is a pool of one worker that is not replaced.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mp_scheduler::{Config, Event, Terms};
use mp_sys::child::{Child, Signal};
use mp_wire::bulk::decode_value;
use mp_wire::frame::LARGE_MIN;
use mp_wire::{Failure, WorkerExit};
use mp_worker::{Entry, Task, entry_of};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::children;
use crate::engine::{Engine, Making};
use crate::error::{Error, Result, SubmitError};
use crate::handle::{Reader, TaskHandle};
use crate::host::{Host, Work};
use crate::job::Name;
use crate::one::One;
use crate::output::{OutputLine, Wanted};
use crate::settings::{Backend, Output, StartMethod};
use crate::sink::Sink;
use crate::streams::{Stdio, Streams};
use crate::trace::Trace;
use crate::worker_io::{Calling, calling};

/// Builds a [`Process`].
#[must_use = "a builder does nothing until spawn()"]
pub struct ProcessBuilder<R> {
    entry: Entry,
    args: Result<Args, SubmitError>,
    name: Option<String>,
    function: &'static str,
    start_method: StartMethod,
    directory: Option<String>,
    streams: Streams,
    wanted: Wanted,
    trace: Option<Trace>,
    grace: Duration,
    daemon: bool,
    terms: Terms,
    result: std::marker::PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned + 'static> ProcessBuilder<R> {
    /// A name for logs and failures; by default `Process-N`, in the order of creation, and of the processes of such a one
    /// `Process-N:M`, as in Python. [`crate::active_children`] and, inside, [`mp_worker::current_process`] tell it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How it comes to be; by default [`StartMethod::Spawn`].
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.start_method = method;
        self
    }

    /// A variable of its environment, on top of this process's.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.streams.env.push((key.into(), value.into()));
        self
    }

    /// The directory in which it runs; by default this process's.
    pub fn current_dir(mut self, directory: impl Into<String>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Where its standard output goes; by default where this process's goes.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.streams.stdout = to.into();
        self
    }

    /// Where its standard error goes; by default where this process's goes.
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.streams.stderr = to.into();
        self
    }

    /// As [`crate::PoolBuilder::output`]. What is not [`Output::Inherit`] overrules [`Self::stdout`] and [`Self::stderr`], from the
    /// first statement of the task on.
    pub fn output(mut self, output: Output) -> Self {
        self.wanted.output = output;
        self
    }

    /// As [`crate::PoolBuilder::on_output`].
    pub fn on_output(mut self, callback: impl Fn(OutputLine) + Send + Sync + 'static) -> Self {
        self.wanted = self.wanted.handed_to(callback);
        self
    }

    /// As [`crate::PoolBuilder::forward_tracing`].
    pub fn forward_tracing(mut self, level: tracing::Level) -> Self {
        self.wanted.tracing = Some(crate::output::level_of(level));
        self
    }

    /// As [`crate::PoolBuilder::trace`].
    pub fn trace(mut self, trace: &Trace) -> Self {
        self.trace = Some(trace.clone());
        self
    }

    /// How long it may take to end after SIGTERM, or after its task, before it is killed; by default 2 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether it ends with its handle, which is so unless this says `false`: what nobody holds any more, nobody waits for.
    ///
    /// With `false` it goes on when its handle is dropped, and the end of this program waits for it, as for Python's
    /// non-daemonic processes: after `main` has returned, also by a panic, or in `std::process::exit`. [`crate::join_children`]
    /// waits earlier. A worker of a pool, or a process, waits the same way for those it has made; it is given the grace for it
    /// by its own supervisor. Either way it never outlives this process: if that is killed, so is it.
    ///
    /// ```
    /// # mp_worker::before_main!(mp_worker::init);
    /// # fn main() -> mp_supervisor::Result<()> {
    /// let queue = mp_supervisor::Queue::new()?;
    /// let report = |queue: mp_supervisor::Queue<u32>| queue.put(42).expect("there is memory");
    /// drop(mp_supervisor::Process::builder(report, (queue.clone(),)).daemon(false).spawn()?);
    /// assert_eq!(queue.get()?, 42);
    /// # Ok(()) }
    /// ```
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = daemon;
        self
    }

    /// How long its task may run, from when it starts; then it is ended, and joining gives [`Failure::TimedOut`].
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Starts it. When this returns, the process exists.
    ///
    /// # Errors
    /// When it cannot be started, or the arguments cannot be sent.
    pub fn spawn(self) -> Result<Process<R>> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let args = self.args?;
        if self.start_method == StartMethod::Fork && !self.streams.are_inherited() {
            let text = "a forked process has this process's streams and environment: use StartMethod::Spawn for others";
            return Err(Error::Invalid(text.to_owned()));
        }
        let name = self.name.unwrap_or_else(|| mp_worker::child_name(COUNT.fetch_add(1, Ordering::Relaxed)));
        let calling = calling(Backend::Processes, &name, self.directory)?;
        let making = Making {
            large_from: LARGE_MIN,
            max_queued: None,
            backend: Backend::Processes,
            start_method: self.start_method,
            calling: Calling { alone: true, outputs: self.wanted.into_outputs(), ..calling },
            streams: self.streams,
            server: None,
            trace: self.trace,
            insights: false,
            at_once: true,
        };
        let making = making.with_server(None, Config::default().start_timeout)?;
        let engine = Engine::launch(Config { restart: false, grace: self.grace, ..Config::default() }, making);
        engine.bear_at_once();
        let work = Work {
            entry: self.entry,
            name: Name::Given(self.function.into()),
            terms: self.terms,
            may_wait: true,
            show: |_| None,
        };
        let handle = hand_over(&engine, work, args)?;
        let Some(child) = engine.wait_born() else {
            let unknown = || Error::Spawn(io::Error::other("it ended before it was there"));
            return Err(engine.spawn_error().unwrap_or_else(unknown));
        };
        let process =
            Process { handle: Mutex::new(Some(handle)), name: name.into(), daemon: self.daemon, child, engine };
        children::note((&process.engine, &process.child), &process.name, self.daemon);
        Ok(process)
    }

    /// What failures call the task; by default its function's path.
    pub fn task_name(mut self, name: &'static str) -> Self {
        self.function = name;
        self
    }
}

/// The one task of a process, and no more to come.
fn hand_over<R: DeserializeOwned + 'static>(
    engine: &Arc<Engine>,
    work: Work,
    args: Args,
) -> Result<TaskHandle<R>, SubmitError> {
    let (one, name) = (Arc::new(One::default()), work.name.clone());
    let host = Host::Engine(Arc::clone(engine));
    let first = host.submit(work, args, (Sink::One(Arc::clone(&one)), 0))?;
    engine.event(Event::Close);
    Ok(TaskHandle::new(
        one,
        Reader { name, first, decode: decode_value, trace: engine.making.trace.clone() },
        Arc::downgrade(engine),
    ))
}

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
    handle: Mutex<Option<TaskHandle<R>>>,
    name: Arc<str>,
    daemon: bool,
    child: Arc<Child>,
    engine: Arc<Engine>,
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
        let pushed = encoded.push_task::<F, A>(&args, usize::MAX);
        ProcessBuilder {
            entry: entry_of::<F, A>(task),
            args: pushed.map(|()| encoded),
            name: None,
            function: std::any::type_name::<F>(),
            start_method: StartMethod::default(),
            directory: None,
            streams: Streams::default(),
            wanted: Wanted::default(),
            trace: None,
            grace: Config::default().grace,
            daemon: true,
            terms: Terms::default(),
            result: std::marker::PhantomData,
        }
    }

    /// Waits for the end of the process and gives the task's result.
    ///
    /// # Errors
    /// The task's failure; [`Failure::Lost`] says how the process ended.
    pub fn join(self) -> Result<R, Failure> {
        let handle = self.handle.lock().take();
        let outcome = handle.map_or_else(|| Err(Failure::stopped("outcome was taken already")), TaskHandle::get);
        self.engine.wait_end(None);
        outcome
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
