//! What a process is told before it starts, and its start.
//!
//! Does **not** know what becomes of it then: [`Process`] does.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mp_scheduler::{Config, Event, Terms};
use mp_wire::bulk::decode_value;
use mp_wire::frame::LARGE_MIN;
use mp_worker::Entry;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::children;
use crate::engine::Engine;
use crate::error::{Error, Result, SubmitError};
use crate::handle::{Reader, TaskHandle};
use crate::host::{Host, Work};
use crate::job::Name;
use crate::making::Making;
use crate::one::One;
use crate::output::{OutputLine, Wanted};
use crate::process::Process;
use crate::settings::{Backend, Output, StartMethod};
use crate::sink::Sink;
use crate::streams::{Stdio, Streams};
use crate::trace::{Deed, Trace};
use crate::worker_io::{Calling, calling};

/// Builds a [`Process`].
#[must_use = "a builder does nothing until spawn()"]
pub struct ProcessBuilder<R> {
    entry: Entry,
    args: Result<Args, SubmitError>,
    /// When they were encoded, in nanoseconds of CLOCK_MONOTONIC.
    encoded_ns: (u64, u64),
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
    pub(crate) fn new(entry: Entry, encoded: (Result<Args, SubmitError>, (u64, u64)), function: &'static str) -> Self {
        let (args, encoded_ns) = encoded;
        Self {
            entry,
            args,
            encoded_ns,
            name: None,
            function,
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

    /// How long its task may run, from when it starts; then it is ended, and joining gives [`Failure::TimedOut`](mp_wire::Failure::TimedOut).
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
        let trace = self.trace.map(|trace| trace.of_pool(&name, true));
        let function = Name::Given(self.function.into());
        if let Some(trace) = &trace {
            trace.timed((Deed::Encode, &function, 1), self.encoded_ns);
        }
        let making = Making {
            large_from: LARGE_MIN,
            max_queued: None,
            backend: Backend::Processes,
            start_method: self.start_method,
            calling: Calling { alone: true, outputs: self.wanted.into_outputs(), ..calling },
            streams: self.streams,
            server: None,
            trace,
            insights: false,
            at_once: true,
        };
        let making = making.with_server(None, Config::default().start_timeout)?;
        let config = Config { restart: false, one_task: true, grace: self.grace, ..Config::default() };
        let engine = Engine::launch(config, making);
        let work = Work { entry: self.entry, name: function, terms: self.terms, may_wait: true, show: |_| None };
        let handle = hand_over(&engine, work, args)?;
        // Who is born now finds all that it is to do.
        engine.bear_at_once();
        engine.replenish();
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
