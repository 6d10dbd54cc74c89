//! How a pool is to be, before it is.
//!
//! Does **not** know how it runs.

use std::any::TypeId;
use std::time::Duration;

use mp_scheduler::{Config, Terms};
use mp_wire::frame::LARGE_MIN;
use mp_worker::{Task, entry_of};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, SubmitError};
use crate::fork_server::Preload;
use crate::output::{OutputLine, Wanted};
use crate::pool::Pool;
use crate::seats::Seats;
use crate::settings::{Backend, Output, StartMethod};
use crate::setup::Routine;
use crate::trace::Trace;

/// Builds a [`Pool`]. Every setting has a default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until build()"]
pub struct PoolBuilder {
    pub(crate) workers: usize,
    pub(crate) name: String,
    pub(crate) backend: Backend,
    pub(crate) start_method: StartMethod,
    pub(crate) config: Config,
    pub(crate) terms: Terms,
    /// How long an initializer may take, if not as long as a start.
    pub(crate) initializer_timeout: Option<Duration>,
    pub(crate) finalizer_timeout: Option<Duration>,
    pub(crate) max_payload: usize,
    pub(crate) large_from: usize,
    pub(crate) max_queued: Option<u64>,
    pub(crate) preload: Option<Result<Preload, SubmitError>>,
    pub(crate) initializer: Option<Result<Routine, SubmitError>>,
    pub(crate) finalizer: Option<Result<Routine, SubmitError>>,
    /// What makes each worker's state.
    pub(crate) state: Option<Result<Routine, SubmitError>>,
    /// What each worker is sent once, by type.
    pub(crate) shared: Vec<(TypeId, &'static str, Result<Routine, SubmitError>)>,
    pub(crate) seats: Seats,
    pub(crate) insights: bool,
    pub(crate) wanted: Wanted,
    pub(crate) trace: Option<Trace>,
}

impl Pool {
    /// A pool of so many worker processes, all else by default.
    ///
    /// # Errors
    /// As [`PoolBuilder::build`].
    pub fn new(workers: usize) -> Result<Self> {
        Self::builder().workers(workers).build()
    }

    /// A pool that is told more.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }
}

impl Default for PoolBuilder {
    fn default() -> Self {
        Self {
            workers: crate::cpu_count(),
            name: "pool".to_owned(),
            backend: Backend::default(),
            start_method: StartMethod::default(),
            config: Config::default(),
            terms: Terms::default(),
            initializer_timeout: None,
            finalizer_timeout: None,
            max_payload: 8 << 30,
            large_from: LARGE_MIN,
            max_queued: None,
            preload: None,
            initializer: None,
            finalizer: None,
            state: None,
            shared: Vec::new(),
            seats: Seats::default(),
            insights: false,
            wanted: Wanted::default(),
            trace: None,
        }
    }
}

impl PoolBuilder {
    /// How many workers; by default [`crate::cpu_count`]. Python: `processes`.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// A name for logs and `ps`; by default `pool`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What runs the tasks; by default processes.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// How worker processes come to be; by default [`StartMethod::Spawn`].
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.start_method = method;
        self
    }

    /// Has `task` run once, before there is a worker: what it leaves in statics, every worker has, and as long as nobody
    /// writes there the memory is shared by all. For workers that a fork server makes ([`StartMethod::ForkServer`], which
    /// this sets); each new fork server runs it again. Threads and the calling thread have it run in this process.
    ///
    /// It runs in a thread that ends with it, so what it leaves in thread-locals is gone; threads that it starts must end
    /// before it does. If it panics, no worker starts. What must differ between workers: see `mp::after_fork`.
    /// Python: `multiprocessing.set_forkserver_preload`.
    pub fn preload<F: Task<Args, Output = ()>, Args: Serialize + DeserializeOwned>(
        mut self,
        task: F,
        args: Args,
    ) -> Self {
        let mut encoded = Vec::new();
        let done = F::encode(&args, &mut encoded).map_err(SubmitError::Codec);
        self.preload = Some(done.map(|()| Preload { entry: entry_of::<F, Args>(task), args: encoded.into() }));
        self.start_method = StartMethod::ForkServer;
        self
    }

    /// Has each worker run `routine` once, before its first task; a worker that replaces another as well. What it leaves in
    /// statics and thread-locals, the worker's tasks find. It must end within [`PoolBuilder::initializer_timeout`].
    ///
    /// Where it fails (by an error, a panic, the end of its process or by taking too long) the worker is replaced by
    /// another, after a growing pause; when more workers in a row fail than [`PoolBuilder::restart_limit`] allows, the pool
    /// stops, and every handle says why. Python: `initializer`, `initargs`.
    ///
    /// ```no_run
    /// fn load(path: String) -> std::io::Result<()> {
    ///     let model = std::fs::read(path)?;
    ///     # drop(model);
    ///     Ok(()) // kept in a static
    /// }
    /// let pool = mp_supervisor::Pool::builder().initializer(load, ("model.bin".to_owned(),)).build()?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn initializer<F: mp_worker::Routine<Args>, Args: Serialize + DeserializeOwned>(
        mut self,
        routine: F,
        args: Args,
    ) -> Self {
        self.initializer = Some(Routine::new(routine, &args));
        self
    }

    /// Has each worker run `routine` once, after its last task, before it ends: when the pool is closed, or the worker is
    /// replaced after its number of tasks. It must end within [`PoolBuilder::finalizer_timeout`]. A worker that is killed, for what it
    /// did or because the pool is terminated or dropped, does not run it. That it failed is logged, and harms nobody.
    pub fn finalizer<F: mp_worker::Routine<Args>, Args: Serialize + DeserializeOwned>(
        mut self,
        routine: F,
        args: Args,
    ) -> Self {
        self.finalizer = Some(Routine::new(routine, &args));
        self
    }

    /// The most bytes that one task's encoded arguments may have; by default 8 GiB.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Arguments and results of more than so many bytes cross in memory that is kept and used again, smaller ones in packets; by
    /// default 8 KiB, from where on the one is faster than the other (`cargo bench -p mp --bench bulk crossover`).
    /// Packets hold up to 48 KiB.
    pub fn large_from(mut self, bytes: usize) -> Self {
        self.large_from = bytes;
        self
    }

    /// Where the standard output and standard error of worker processes go; by default where this process's go.
    ///
    /// Captured, it costs a task two small writes. Lines come in the order of their stream, not of both; one of 8 KiB comes
    /// in pieces. Whoever writes faster than lines are taken waits, as at any pipe; nothing else waits with it. When
    /// [`Pool::join`] returns, all lines have been handed on, if that took no more than 5 s.
    pub fn output(mut self, output: Output) -> Self {
        self.wanted.output = output;
        self
    }

    /// Has each line that a worker writes handed to `callback`, and so [`Output::Capture`].
    ///
    /// It is called in one thread, which all pools share: it should not take long, nor wait for a task. A panic of it costs
    /// one line.
    pub fn on_output(mut self, callback: impl Fn(OutputLine) + Send + Sync + 'static) -> Self {
        self.wanted = self.wanted.handed_to(callback);
        self
    }

    /// Has the `tracing` events and spans of worker processes, up to `level`, arrive in this process's subscriber, under the
    /// target `mp::worker` with the fields `worker`, `pid`, `task`, `target`, `spans` and `fields`. A span arrives when it
    /// ends, with `lived_ns`.
    ///
    /// No task waits for it: what finds no room is dropped, and the next event says how many were. Threads need none of this.
    pub fn forward_tracing(mut self, level: tracing::Level) -> Self {
        self.wanted.tracing = Some(crate::output::level_of(level));
        self
    }

    /// Records what happens to its tasks, and when.
    pub fn trace(mut self, trace: &Trace) -> Self {
        self.trace = Some(trace.clone());
        self
    }
}
