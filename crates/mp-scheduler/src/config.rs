//! What a pool was told when it was built.
//!
//! Does **not** know tasks.

use std::time::Duration;

/// How many deaths are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartLimit {
    /// More deaths than this ..
    pub deaths: u32,
    /// .. within this stop the pool, with the first of them as the cause. OTP calls them intensity and period.
    pub period: Duration,
    /// Whether a death that ended an attempt of a task counts as well. Such deaths are bounded by the tasks
    /// themselves, so by default only those count that ended nothing: a worker that cannot start, or dies idle.
    pub count_task_deaths: bool,
}

impl Default for RestartLimit {
    fn default() -> Self {
        Self { deaths: 10, period: Duration::from_secs(5), count_task_deaths: false }
    }
}

/// The policies of one pool.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many workers.
    pub workers: u32,
    /// Whether a worker that died is replaced. A `Process` is a pool of one that is not; forked workers are not either.
    pub restart: bool,
    /// Whether all that it will ever get is one task, and was submitted before it is closed: a `Process`.
    pub one_task: bool,
    /// When to give up.
    pub restart_limit: RestartLimit,
    /// How long a worker may take from its birth to its first message. What it waits to be born is not its fault.
    pub start_timeout: Duration,
    /// Between asking a worker to end and killing it.
    pub grace: Duration,
    /// After how many items a worker is replaced by a fresh one.
    pub max_tasks_per_worker: Option<u32>,
    /// Up to so many items more, differently many for each worker, so that not all are replaced at once.
    pub max_tasks_jitter: u32,
    /// With how many bytes of resident memory a worker is replaced by a fresh one.
    pub max_worker_memory: Option<u64>,
    /// How long a worker may have nothing to do before it is ended; the next one starts when there is work.
    pub idle_timeout: Option<Duration>,
    /// Whether workers run something after their first message, and how long it may take. Starts that fail in it one after
    /// the other stop the pool, however long each of them took.
    pub initializer: Option<Duration>,
    /// Whether workers run something after their last item, and how long it may take.
    pub finalizer: Option<Duration>,
}

impl Config {
    /// Whether workers are ended though the pool goes on, and so must be replaced.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.max_tasks_per_worker.is_some() || self.max_worker_memory.is_some() || self.idle_timeout.is_some()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            restart: true,
            one_task: false,
            restart_limit: RestartLimit::default(),
            start_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(2),
            max_tasks_per_worker: None,
            max_tasks_jitter: 0,
            max_worker_memory: None,
            idle_timeout: None,
            initializer: None,
            finalizer: None,
        }
    }
}
