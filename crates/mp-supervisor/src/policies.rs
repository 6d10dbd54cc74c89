//! What a pool is told of how tasks and workers are to be treated: limits, retries, recycling, ends.
//!
//! Does **not** decide by it: the scheduler does.

use std::time::Duration;

use mp_scheduler::{RestartLimit, Retry};

use crate::builder::PoolBuilder;

impl PoolBuilder {
    /// How long each task may run; by default without limit. The clock runs while the task runs, not while it waits.
    /// The worker is asked to end (SIGTERM), killed after [`PoolBuilder::grace`], and replaced.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.terms.timeout = Some(timeout);
        self
    }

    /// How many tasks may be accepted and without an outcome, those that run included; by default any number. At least 1.
    ///
    /// Whoever submits more waits until there is room, or until the pool closes; [`crate::Pool::try_submit`] does not wait. A map is
    /// accepted whole as soon as there is room for one of its items: [`crate::Pool::imap`] is what reads a long input piece by
    /// piece. A waker that a handle was polled with, which runs in the thread that hears workers, is told that the pool is full
    /// instead of waiting; callbacks (`on_done`) may wait. Not where the calling thread is the worker.
    ///
    /// ```no_run
    /// # use mp_supervisor::{Pool, SubmitError};
    /// # fn square(n: u64) -> u64 { n * n }
    /// let pool = Pool::builder().workers(2).max_queued(100).build()?;
    /// match pool.try_submit(square, (7,)) {
    ///     Ok(handle) => assert_eq!(handle.get()?, 49),
    ///     Err(SubmitError::Full) => println!("later"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_queued(mut self, tasks: u64) -> Self {
        self.max_queued = Some(tasks.max(1));
        self
    }

    /// How many times a task that was lost with its worker, or ran too long, is tried again; by default 0.
    pub fn retries(mut self, retries: u32) -> Self {
        self.terms.retry = self.terms.retry.with_times(retries);
        self
    }

    /// When a task is tried again, by cause, and after which pause; by default never.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.terms.retry = retry;
        self
    }

    /// More deaths of workers than `deaths` within `period` stop the pool, with the first as the cause.
    ///
    /// By default 10 in 5 s, and only deaths count in between which no task was finished and that ended no attempt
    /// of one: workers that cannot start, or die idle. Set here, every death counts.
    pub fn restart_limit(mut self, deaths: u32, period: Duration) -> Self {
        self.config.restart_limit = RestartLimit { deaths, period, count_task_deaths: true };
        self
    }

    /// How long a worker that was asked to end may take before it is killed; by default 2 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// How long a worker may take from the moment when its process is there to its first word; by default 30 s. How long it
    /// had to wait to be made does not count.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.config.start_timeout = limit;
        self
    }

    /// After how many tasks a worker is replaced by a fresh one; by default never. Python: `maxtasksperchild`.
    pub fn max_tasks_per_worker(mut self, tasks: u32) -> Self {
        self.config.max_tasks_per_worker = Some(tasks);
        self
    }

    /// How long the initializer may take, counted from the worker's first word; by default as long as
    /// [`PoolBuilder::start_timeout`]. One that takes longer has failed. Not where the calling thread is the worker.
    pub fn initializer_timeout(mut self, limit: Duration) -> Self {
        self.initializer_timeout = Some(limit);
        self
    }

    /// How long a worker that was told to end may take for its finalizer, before it is killed; by default as long as
    /// [`PoolBuilder::grace`].
    pub fn finalizer_timeout(mut self, limit: Duration) -> Self {
        self.finalizer_timeout = Some(limit);
        self
    }

    /// Up to so many tasks more for each worker, by a number that differs from worker to worker: so that those who started
    /// together are not all replaced together. By default 0. Gunicorn: `max_requests_jitter`.
    pub fn max_tasks_jitter(mut self, tasks: u32) -> Self {
        self.config.max_tasks_jitter = tasks;
        self
    }

    /// With more than so many bytes of resident memory a worker is replaced by a fresh one, when what it runs has ended; by
    /// default never. For tasks that leak. Celery: `worker_max_memory_per_child`.
    ///
    /// Memory is looked at whenever a worker has done what it was sent, and each 100 ms while it works; what it has not begun
    /// then is run by others. It is no limit for a single task: for that, see `setrlimit` or a control group. Threads have no
    /// memory of their own: there it has no effect.
    ///
    /// ```no_run
    /// let pool = mp_supervisor::Pool::builder().max_worker_memory(512 << 20).build()?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn max_worker_memory(mut self, bytes: u64) -> Self {
        self.config.max_worker_memory = Some(bytes);
        self
    }

    /// A worker that has had nothing to do for so long ends, and gives back what it has; one starts again when there is
    /// work. By default never. Loky: `timeout`.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.config.idle_timeout = Some(limit);
        self
    }
}
