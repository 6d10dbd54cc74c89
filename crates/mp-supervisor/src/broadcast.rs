//! One task for each worker of a pool: who are they, and what came of it.
//!
//! Does **not** decide who gets it, nor what a death means for it: the scheduler does (`own.rs` there).
//!
//! ```text
//!  Pool::broadcast(f, args) ─ encode once ─▶ lock: who is there? ids for all ─▶ an item for each ─▶ Broadcast
//!                                  ▲                      │ no room
//!                                  └──── wait, unlocked ◀─┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_scheduler::Event;
use mp_wire::{Failure, TaskId, WorkerId};

use crate::args::Args;
use crate::engine::Engine;
use crate::error::SubmitError;
use crate::handle::TaskHandle;
use crate::host::Work;
use crate::job::Job;
use crate::one::One;
use crate::sink::Sink;
use crate::state::State;

/// The claims on the outcomes of one task that each worker of a pool runs: see [`crate::Pool::broadcast`].
#[must_use = "the outcomes of a broadcast are in it; drop it explicitly if they are not wanted"]
#[derive(Debug)]
pub struct Broadcast<R> {
    handles: Vec<(WorkerId, TaskHandle<R>)>,
}

impl<R> Broadcast<R> {
    pub(crate) fn new(handles: Vec<(WorkerId, TaskHandle<R>)>) -> Self {
        Self { handles }
    }

    /// Who runs it, in the order of their slots. Nobody, where all workers rest
    /// ([`PoolBuilder::idle_timeout`](crate::PoolBuilder::idle_timeout)) or are just being replaced.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.handles.iter().map(|(worker, _)| *worker)
    }

    /// Waits for all; the values in the order of [`Broadcast::workers`].
    ///
    /// # Errors
    /// The first failure in that order, when all have ended.
    pub fn get(self) -> Result<Vec<R>, Failure> {
        let outcomes = self.outcomes();
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Waits for all; gives each worker's own outcome.
    #[must_use]
    pub fn outcomes(self) -> Vec<(WorkerId, Result<R, Failure>)> {
        self.handles.into_iter().map(|(worker, handle)| (worker, handle.get())).collect()
    }

    /// Waits for all, at most for `limit`, and leaves the outcomes where they are. Gives whether all are there.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now().checked_add(limit);
        let left = || deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
        self.handles.iter().all(|(_, handle)| handle.wait(left()))
    }

    /// A handle for each: to cancel one, to await them, to be told.
    pub fn into_handles(self) -> Vec<(WorkerId, TaskHandle<R>)> {
        self.handles
    }
}

/// Of an item that was broadcast: whose it is, its number, and where its outcome will be.
pub(crate) type Told = (WorkerId, TaskId, Arc<One>);

impl Engine {
    /// Gives each worker that is there the one item of `args`, after all that was submitted before.
    pub(crate) fn broadcast(&self, work: &Work, args: &Args) -> Result<Vec<Told>, SubmitError> {
        loop {
            let mut state = self.state.lock();
            self.take_in(&mut state, Instant::now());
            let told = self.tell_each(&mut state, work, args);
            self.finish(state);
            match told {
                Err(SubmitError::Full) if work.may_wait => self.inbox.wait_for_room()?,
                told => return told,
            }
        }
    }

    fn tell_each(&self, state: &mut State, work: &Work, args: &Args) -> Result<Vec<Told>, SubmitError> {
        let audience: Vec<_> = state.scheduler.audience().collect();
        let first = self.inbox.reserve(audience.len() as u32)?;
        let now = Instant::now();
        let traced_ns = self.making.is_timed().then(mp_sys::clock::monotonic_ns);
        let told = (0..).zip(audience).map(|(place, worker)| {
            let (task, one) = (first.plus(place), Arc::new(One::default()));
            let job = Job {
                first: task,
                open: 1,
                since: Some(now),
                traced_ns,
                ..Job::new(work.clone(), args.clone(), Sink::One(Arc::clone(&one)))
            };
            self.tell(state, now, (worker, job));
            (worker, task, one)
        });
        Ok(told.collect())
    }

    fn tell(&self, state: &mut State, now: Instant, (worker, job): (WorkerId, Job)) {
        let key = state.jobs.insert(job);
        if let Some(span) = state.jobs.get(key).and_then(|job| job.next_span(key, 0)) {
            self.step(state, now, Event::SubmitTo(worker, span));
        }
    }
}
