//! What runs a pool's tasks: an engine with workers, or the calling thread.
//!
//! Does **not** know types: it takes encoded jobs.

use std::sync::{Arc, Weak};

use mp_scheduler::{Event, Terms};
use mp_wire::TaskId;
use mp_worker::{Entry, Show};

use crate::arena::Arena;
use crate::args::Args;
use crate::broadcast::Told;
use crate::engine::Engine;
use crate::error::{Error, Result, SubmitError};
use crate::job::{Job, Name};
use crate::ledger::Draft;
use crate::one::One;
use crate::serial::Serial;
use crate::sink::Sink;
use crate::stats::Stats;
use crate::trace::PoolTrace;

#[derive(Clone)]
pub(crate) enum Host {
    Engine(Arc<Engine>),
    Serial(Arc<Serial>),
}

/// What a job is made of, beside its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) entry: Entry,
    pub(crate) name: Name,
    pub(crate) terms: Terms,
    /// Where the pool is full: whether it waits for room.
    pub(crate) may_wait: bool,
    /// How its arguments are shown.
    pub(crate) show: Show,
}

impl Host {
    /// Submits a job whose first item is the `base`-th of the caller's input; gives that item's id.
    pub(crate) fn submit(&self, work: Work, args: Args, (sink, base): (Sink, u64)) -> Result<TaskId, SubmitError> {
        let may_wait = work.may_wait;
        let traced_ns = self.is_timed().then(mp_sys::clock::monotonic_ns);
        let job = Job { base, traced_ns, ..Job::new(work, args, sink) };
        match self {
            Self::Engine(engine) => engine.submit(job, may_wait),
            Self::Serial(serial) => serial.submit(job),
        }
    }

    /// Submits the one item of `args` for each worker. The calling thread is one.
    pub(crate) fn broadcast(&self, work: Work, args: Args) -> Result<Vec<Told>, SubmitError> {
        match self {
            Self::Engine(engine) => engine.broadcast(&work, &args),
            Self::Serial(serial) => {
                let one = Arc::new(One::default());
                let task = serial.submit(Job::new(work, args, Sink::One(Arc::clone(&one))))?;
                Ok(vec![(crate::serial::WORKER, task, one)])
            }
        }
    }

    /// Where large arguments go, if workers are processes.
    pub(crate) fn arena(&self) -> Option<&Arc<Arena>> {
        match self {
            Self::Engine(engine) => engine.arena.as_ref(),
            Self::Serial(_) => None,
        }
    }

    /// Whether each task is timed by itself.
    fn is_timed(&self) -> bool {
        match self {
            Self::Engine(engine) => engine.making.is_timed(),
            Self::Serial(serial) => serial.is_timed(),
        }
    }

    /// Where its tasks are recorded, if anywhere.
    pub(crate) fn trace(&self) -> Option<&PoolTrace> {
        match self {
            Self::Engine(engine) => engine.making.trace.as_ref(),
            Self::Serial(serial) => serial.trace(),
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Engine(engine) => engine.event(Event::Close),
            Self::Serial(serial) => serial.close(),
        }
    }

    /// Whether it takes tasks.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Engine(engine) => engine.inbox.is_open(),
            Self::Serial(serial) => serial.is_open(),
        }
    }

    /// Waits for the end of all workers; says why, if it was not asked for.
    pub(crate) fn join(&self) -> Result<()> {
        let engine = match self {
            Self::Engine(engine) => engine,
            Self::Serial(serial) => {
                return serial.failure().map_or(Ok(()), |reason| Err(Error::Ended(reason.to_owned())));
            }
        };
        if !engine.wait_end(None) {
            return Err(Error::Invalid("a waker must not wait for the end of a pool".to_owned()));
        }
        match engine.failure() {
            Some(reason) => Err(engine.spawn_error().unwrap_or(Error::Ended(reason))),
            None => Ok(()),
        }
    }

    /// Why a worker could not be started, if one could not.
    pub(crate) fn spawn_error(&self) -> Option<Error> {
        match self {
            Self::Engine(engine) => engine.spawn_error(),
            Self::Serial(_) => None,
        }
    }

    pub(crate) fn stop(&self, reason: &str) {
        match self {
            Self::Engine(engine) => engine.event(Event::Stop(reason.to_owned())),
            Self::Serial(serial) => serial.close(),
        }
    }

    /// The calling thread is always one.
    pub(crate) fn resize(&self, workers: u32) -> Result<()> {
        match self {
            Self::Engine(engine) => engine.resize(workers),
            Self::Serial(_) => Ok(()),
        }
    }

    pub(crate) fn terminate(&self) {
        match self {
            Self::Engine(engine) => engine.kill("pool was terminated"),
            Self::Serial(serial) => serial.close(),
        }
    }

    /// As `terminate`, and waits for the end, in bounded time (I10).
    pub(crate) fn shut_down(&self, reason: &str) {
        match self {
            Self::Engine(engine) => engine.shut_down(reason),
            Self::Serial(serial) => serial.close(),
        }
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        match self {
            Self::Engine(engine) => engine.pids(),
            Self::Serial(_) => vec![std::process::id()],
        }
    }

    /// Where the time went, if that is kept.
    pub(crate) fn insights(&self) -> Option<Draft> {
        match self {
            Self::Engine(engine) => engine.insights(),
            Self::Serial(serial) => serial.insights(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        match self {
            Self::Engine(engine) => engine.stats(),
            Self::Serial(serial) => serial.stats(),
        }
    }

    /// For who may want to cancel; nothing can be cancelled where all has run before the submission returns.
    pub(crate) fn engine(&self) -> Weak<Engine> {
        match self {
            Self::Engine(engine) => Arc::downgrade(engine),
            Self::Serial(_) => Weak::new(),
        }
    }
}
