//! How a pool changes while it lives, and how it ends.
//!
//! Does **not** know how workers are started or ended.

use crate::error::{Error, Result};
use crate::founding::check_workers;
use crate::pool::Pool;

/// How a pool ends: gentlest first. Of two that were asked for, the graver one counts.
///
/// ```
/// use mp_supervisor::Shutdown;
/// assert!(Shutdown::Drain < Shutdown::Stop && Shutdown::Stop < Shutdown::Kill);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shutdown {
    /// Takes no more tasks; all that was submitted is run. Python: `Pool.close`, `Executor.shutdown()`.
    Drain,
    /// Takes no more tasks; those that wait end as [`Failure::Stopped`](mp_wire::Failure::Stopped), those that run may end by themselves, within their
    /// time limits. Python: `Executor.shutdown(cancel_futures=True)`.
    Stop,
    /// Tasks that wait or run end as [`Failure::Stopped`](mp_wire::Failure::Stopped) now; workers are asked to end, and killed after the grace.
    /// Python: `Pool.terminate`.
    Kill,
}

impl Pool {
    /// Begins the end; [`Pool::join`] waits for it.
    ///
    /// ```no_run
    /// # fn work(n: u64) -> u64 { n }
    /// use mp_supervisor::{Pool, Shutdown};
    /// let pool = Pool::new(2)?;
    /// let handles = (0..1000).map(|n| pool.apply_async(work, (n,))).collect::<Result<Vec<_>, _>>()?;
    /// pool.shutdown(Shutdown::Stop); // what has begun is finished
    /// pool.join()?;
    /// # drop(handles);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) {
        match how {
            Shutdown::Drain => self.host().close(),
            Shutdown::Stop => self.host().stop("pool was stopped"),
            Shutdown::Kill => self.host().terminate(),
        }
    }

    /// Has so many workers from now on. Those who come start meanwhile; those who are too many get nothing more, end when
    /// what they run has ended, and what they had not begun is run by the others. No task is lost or run twice for it.
    /// A pool that is closed can still be resized, one that has ended cannot.
    ///
    /// ```no_run
    /// let pool = mp_supervisor::Pool::new(8)?;
    /// pool.resize(2)?;
    /// assert_eq!(pool.stats().workers, 2);
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the number makes no sense, the pool ends, or its workers are forks of this process
    /// ([`crate::StartMethod::Fork`]), which only can be made at its start.
    pub fn resize(&self, workers: usize) -> Result<()> {
        check_workers(workers)?;
        if self.forks() {
            let text = "forked workers are made at the pool's start only: use StartMethod::ForkServer to resize";
            return Err(Error::Invalid(text.to_owned()));
        }
        self.host().resize(workers as u32)
    }

    /// Takes no more tasks; what was submitted is still run. Python: `Pool.close`.
    pub fn close(&self) {
        self.host().close();
    }

    /// Closes, and waits until all tasks and all workers have ended. Python: `close` and `join`.
    ///
    /// # Errors
    /// When the pool has ended by itself, with the reason: its workers died too often, or could not be started.
    pub fn join(&self) -> Result<()> {
        self.close();
        self.host().join()
    }

    /// Ends now: tasks that wait or run end as [`Failure::Stopped`](mp_wire::Failure::Stopped), workers are asked to end and killed after the grace.
    /// Python: `Pool.terminate`.
    pub fn terminate(&self) {
        self.host().terminate();
    }
}
