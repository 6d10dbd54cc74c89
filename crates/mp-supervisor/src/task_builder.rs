//! One task that is told more than its arguments.
//!
//! Does **not** know how it runs.

use std::time::Duration;

use mp_scheduler::{Retry, Terms};
use mp_wire::bulk::decode_value;
use mp_worker::Task;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::broadcast::Broadcast;
use crate::error::SubmitError;
use crate::handle::TaskHandle;
use crate::host::Work;
use crate::job::Name;
use crate::pool::Pool;

/// Builds one task of a pool. What is not set is as the pool has it.
#[must_use = "a builder does nothing until submit()"]
#[derive(Debug)]
pub struct TaskBuilder<'p, F, Args> {
    pool: &'p Pool,
    task: F,
    args: Args,
    terms: Terms,
    name: Option<String>,
}

impl Pool {
    /// A task that is told more than its arguments.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = mp_supervisor::Pool::new(1)?;
    /// let handle = pool.task(square, (7,)).timeout(Duration::from_secs(1)).retries(2).name("seven").submit()?;
    /// assert_eq!(handle.get()?, 49);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn task<F, Args>(&self, task: F, args: Args) -> TaskBuilder<'_, F, Args>
    where
        F: Task<Args>,
        Args: Serialize + DeserializeOwned,
    {
        TaskBuilder { pool: self, task, args, terms: self.terms(), name: None }
    }
}

impl<'p, F: Task<Args>, Args: Serialize + DeserializeOwned> TaskBuilder<'p, F, Args> {
    /// How long it may run, from when it begins.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// How many times it is tried again when it was lost with its worker, or ran too long.
    pub fn retries(mut self, retries: u32) -> Self {
        self.terms.retry = self.terms.retry.with_times(retries);
        self
    }

    /// When it is tried again, by cause, and after which pause.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.terms.retry = retry;
        self
    }

    /// What is greater is begun first, and what is equal in the order of submission; 0 by default, and below 0 is what gives
    /// way to all else. Nothing is interrupted for it, and what a worker has been sent already (up to two batches each) may
    /// run before it. A retry has the same priority. As long as more urgent tasks come, others wait.
    /// Where tasks run as they are submitted ([`crate::Backend::Serial`]), it changes nothing.
    ///
    /// ```no_run
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = mp_supervisor::Pool::new(1)?;
    /// let later = pool.task(square, (2,)).priority(-1).submit()?;
    /// let sooner = pool.task(square, (3,)).priority(10).submit()?;
    /// assert_eq!((sooner.get()?, later.get()?), (9, 4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(mut self, priority: i32) -> Self {
        self.terms.priority = priority;
        self
    }

    /// What failures call it; by default its function's path.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Submits it, and gives a claim on its outcome.
    ///
    /// # Errors
    /// As [`Pool::apply_async`].
    pub fn submit(self) -> Result<TaskHandle<F::Output>, SubmitError> {
        self.submit_if(true)
    }

    /// As [`TaskBuilder::submit`], but never waits for room.
    ///
    /// # Errors
    /// [`SubmitError::Full`], and as [`Pool::apply_async`].
    pub fn try_submit(self) -> Result<TaskHandle<F::Output>, SubmitError> {
        self.submit_if(false)
    }

    /// Submits it for each worker: see [`Pool::broadcast`]. Retries and priorities are not for it.
    ///
    /// # Errors
    /// As [`Pool::apply_async`].
    pub fn broadcast(self) -> Result<Broadcast<F::Output>, SubmitError> {
        let (pool, work, args) = self.work(true);
        pool.submit_to_each(work, decode_value, |out, max| out.push_task::<F, Args>(&args, max))
    }

    fn submit_if(self, may_wait: bool) -> Result<TaskHandle<F::Output>, SubmitError> {
        let (pool, work, args) = self.work(may_wait);
        pool.submit_one(work, decode_value, |out, max| out.push_task::<F, Args>(&args, max))
    }

    fn work(self, may_wait: bool) -> (&'p Pool, Work, Args) {
        let mut work = self.pool.work::<F, Args>(self.task);
        (work.terms, work.may_wait) = (self.terms, may_wait);
        if let Some(name) = self.name {
            work.name = Name::Given(name.into());
        }
        (self.pool, work, self.args)
    }
}
