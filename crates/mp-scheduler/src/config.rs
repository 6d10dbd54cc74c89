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
    /// When to give up.
    pub restart_limit: RestartLimit,
    /// How long a worker may take from its start to its first message, its initializer included.
    pub start_timeout: Duration,
    /// Between asking a worker to end and killing it.
    pub grace: Duration,
    /// After how many items a worker is replaced by a fresh one.
    pub max_tasks_per_worker: Option<u32>,
    /// Whether workers run something before they say hello. Starts that fail one after the other then stop the pool, however
    /// long each of them took.
    pub initializer: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            restart: true,
            restart_limit: RestartLimit::default(),
            start_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(2),
            max_tasks_per_worker: None,
            initializer: false,
        }
    }
}
