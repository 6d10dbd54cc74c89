//! Workers plus what waits for them, as the user sees them.
//!
//! Does **not** know how they run: it encodes, submits, and hands out claims.

use std::sync::Arc;
use std::time::Instant;

use mp_scheduler::Terms;
use mp_wire::bulk::decode_value;
use mp_wire::{Failure, TaskId};
use mp_worker::{Task, entry_of, show_task};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arena::Arena;
use crate::args::Args;
use crate::broadcast::Broadcast;
use crate::error::SubmitError;
use crate::handle::{Decode, Reader, TaskHandle};
use crate::host::{Host, Work};
use crate::job::Name;
use crate::map_handle::MapHandle;
use crate::one::One;
use crate::sink::Sink;
use crate::stats::Stats;
use crate::trace::{Deed, PoolTrace};

/// A number of workers and the tasks that wait for them. Python: `multiprocessing.Pool`.
///
/// Its methods can be called from any number of threads. Dropped, it ends as by [`Pool::terminate`], and waits for its
/// workers to be gone, in bounded time.
///
/// ```no_run
/// # fn square(n: u64) -> u64 { n * n }
/// let pool = mp_supervisor::Pool::new(4)?;
/// assert_eq!(pool.apply(square, (7,))?, 49);
/// assert_eq!(pool.map(square, 1..=6)?, [1, 4, 9, 16, 25, 36]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool {
    host: Host,
    /// Whether its workers are forks of this process, which are all made at its start.
    forks: bool,
    terms: Terms,
    max_payload: usize,
    made: Instant,
}

impl Pool {
    pub(crate) fn from_parts((host, forks): (Host, bool), terms: Terms, max_payload: usize) -> Self {
        Self { host, forks, terms, max_payload, made: Instant::now() }
    }

    /// The arguments of tasks to come.
    pub(crate) fn no_args(&self) -> Args {
        Args::new(self.host.arena())
    }

    pub(crate) fn arena(&self) -> Option<Arc<Arena>> {
        self.host.arena().cloned()
    }

    /// Runs `task` on a worker and waits for its outcome. Python: `Pool.apply`.
    ///
    /// # Errors
    /// The task's failure. What could not be accepted is a failure too: `Codec` or `Stopped`.
    pub fn apply<F: Task<Args>, Args: Serialize + DeserializeOwned>(
        &self,
        task: F,
        args: Args,
    ) -> Result<F::Output, Failure> {
        let name = F::name();
        self.apply_async(task, args).map_err(|error| error.into_failure(name))?.get()
    }

    /// Submits `task` and gives a claim on its outcome. Python: `Pool.apply_async`, `Executor.submit`.
    ///
    /// Where the pool is full ([`PoolBuilder::max_queued`](crate::PoolBuilder::max_queued)), it waits for room.
    ///
    /// # Errors
    /// When the arguments cannot be encoded or are too large, or the pool takes no more tasks.
    pub fn apply_async<F: Task<Args>, Args: Serialize + DeserializeOwned>(
        &self,
        task: F,
        args: Args,
    ) -> Result<TaskHandle<F::Output>, SubmitError> {
        let work = self.work::<F, Args>(task);
        if let Some(handle) = self.submit_along::<F, Args>(&work, &args) {
            return Ok(handle);
        }
        self.submit_one(work, decode_value, |out, max| out.push_task::<F, Args>(&args, max))
    }

    /// A task of numbers that is like those that wait goes with them, and is nothing by itself.
    fn submit_along<F: Task<A>, A: Serialize + DeserializeOwned>(
        &self,
        work: &Work,
        args: &A,
    ) -> Option<TaskHandle<F::Output>> {
        let Host::Engine(engine) = &self.host else { return None };
        if !Args::can_always::<F, A>(self.max_payload) {
            return None;
        }
        let one = Arc::new(One::default());
        let first = engine.submit_along(work, (&one, |out: &mut Args| out.push_numbers::<F, A>(args)))?;
        let reader = Reader { name: work.name.clone(), first, decode: decode_value, trace: None };
        Some(TaskHandle::new(one, reader, self.host.engine()))
    }

    /// As [`Pool::apply_async`], but never waits for room.
    ///
    /// # Errors
    /// [`SubmitError::Full`], and as [`Pool::apply_async`].
    pub fn try_submit<F: Task<Args>, Args: Serialize + DeserializeOwned>(
        &self,
        task: F,
        args: Args,
    ) -> Result<TaskHandle<F::Output>, SubmitError> {
        self.task(task, args).try_submit()
    }

    /// Has each worker that the pool has run `task` once. rayon: `ThreadPool::broadcast`.
    ///
    /// Those who are starting run it when they are ready. It is run after what a worker was sent before, and before all that is
    /// submitted later: when this returns, no task that comes after it is run by a worker that has not run it. So it can reload what
    /// workers keep (with a state, see [`StatePool::broadcast`](crate::StatePool::broadcast)).
    ///
    /// A worker that dies before or in it gives [`Failure::Lost`]; it is not tried again, whatever the pool says of retries. Who
    /// replaces a dead worker, wakes or joins later does not run it: what is for all of them belongs into the initializer. Who is
    /// one too many after [`Pool::resize`] still runs it. It counts as one of the tasks of
    /// [`max_tasks_per_worker`](crate::PoolBuilder::max_tasks_per_worker), and needs room as a map does where the pool is bounded.
    /// With [`Backend::Serial`](crate::Backend::Serial), the calling thread runs it.
    ///
    /// ```no_run
    /// fn forget() { /* what a static remembers */ }
    ///
    /// let pool = mp_supervisor::Pool::new(4)?;
    /// pool.broadcast(forget, ())?.get()?;
    /// let pids = pool.broadcast(std::process::id, ())?.get()?;
    /// assert_eq!(pids, pool.worker_pids());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Pool::apply_async`].
    pub fn broadcast<F: Task<Args>, Args: Serialize + DeserializeOwned>(
        &self,
        task: F,
        args: Args,
    ) -> Result<Broadcast<F::Output>, SubmitError> {
        self.task(task, args).broadcast()
    }

    /// The processes of the living workers, in the order of their slots. For the other backends, this process.
    #[must_use]
    pub fn worker_pids(&self) -> Vec<u32> {
        self.host.pids()
    }

    /// Counts and times so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { age: self.made.elapsed(), ..self.host.stats() }
    }

    pub(crate) fn work<F: Task<Args>, Args: Serialize + DeserializeOwned>(&self, task: F) -> Work {
        let name = Name::Function(F::name());
        let show = show_task::<F, Args>;
        Work { entry: entry_of::<F, Args>(task), name, terms: self.terms, may_wait: true, show }
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    pub(crate) fn max_payload(&self) -> usize {
        self.max_payload
    }

    pub(crate) fn submit_one<R>(
        &self,
        work: Work,
        decode: Decode<R>,
        encode: impl FnOnce(&mut Args, usize) -> Result<(), SubmitError>,
    ) -> Result<TaskHandle<R>, SubmitError> {
        let args = self.encoded(&work, encode)?;
        let one = Arc::new(One::default());
        let name = work.name.clone();
        let first = self.host.submit(work, args, (Sink::One(Arc::clone(&one)), 0))?;
        Ok(self.handle_of(one, name, first, decode))
    }

    /// As [`Pool::submit_one`], for each worker.
    pub(crate) fn submit_to_each<R>(
        &self,
        work: Work,
        decode: Decode<R>,
        encode: impl FnOnce(&mut Args, usize) -> Result<(), SubmitError>,
    ) -> Result<Broadcast<R>, SubmitError> {
        let args = self.encoded(&work, encode)?;
        let name = work.name.clone();
        let handle = |(worker, first, one)| (worker, self.handle_of(one, name.clone(), first, decode));
        Ok(Broadcast::new(self.host.broadcast(work, args)?.into_iter().map(handle).collect()))
    }

    /// The arguments of one task.
    fn encoded(
        &self,
        work: &Work,
        encode: impl FnOnce(&mut Args, usize) -> Result<(), SubmitError>,
    ) -> Result<Args, SubmitError> {
        let mut args = self.no_args();
        PoolTrace::time(self.host.trace(), (Deed::Encode, &work.name, 1), || encode(&mut args, self.max_payload))?;
        Ok(args)
    }

    fn handle_of<R>(&self, one: Arc<One>, name: Name, first: TaskId, decode: Decode<R>) -> TaskHandle<R> {
        let trace = self.host.trace().cloned();
        TaskHandle::new(one, Reader { name, first, decode, trace }, self.host.engine())
    }

    pub(crate) fn submit_many<R: DeserializeOwned + 'static>(
        &self,
        work: Work,
        args: Args,
    ) -> Result<MapHandle<R>, SubmitError> {
        let mut handle = self.map_handle(&work, args.len() as usize);
        self.submit_more(work, args, &mut handle)?;
        Ok(handle)
    }

    /// The handle of a map of which nothing is submitted yet.
    pub(crate) fn map_handle<R: DeserializeOwned + 'static>(&self, work: &Work, items: usize) -> MapHandle<R> {
        let (name, trace) = (work.name.clone(), self.host.trace().cloned());
        MapHandle::with_room_for(items, Reader { name, first: TaskId(0), decode: decode_value, trace })
    }

    /// Submits further items of a map.
    pub(crate) fn submit_more<R>(&self, work: Work, args: Args, handle: &mut MapHandle<R>) -> Result<(), SubmitError> {
        let items = args.len() as usize;
        let first = self.host.submit(work, args, handle.sink())?;
        handle.expect(first, items);
        Ok(())
    }

    pub(crate) fn forks(&self) -> bool {
        self.forks
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.host.shut_down("pool was dropped");
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut pool = f.debug_struct("Pool");
        pool.field("stats", &self.stats());
        if let Some(engine) = self.host.engine().upgrade() {
            pool.field("workers", &engine.describe());
        }
        pool.finish_non_exhaustive()
    }
}
