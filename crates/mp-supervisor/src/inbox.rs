//! Where callers put their work: a door with a lock of its own, so that nobody who submits waits for the engine.
//!
//! Does **not** know workers. Ids are given here, in the order of submission.
//!
//! ```text
//!  caller:  put ─▶ [ job, job, .. ] ── hungry? ── yes ─▶ lock the engine, take all, send
//!                        │                  └──── no ──▶ go on: who is busy takes it in when it has room
//!  engine:  finish ─▶ hungry := may something be sent at once? ─▶ something there? ─▶ take all, again
//! ```
//!
//! Nothing is left behind: a caller first puts, then looks whether the engine is hungry; the engine first says that it is, then
//! looks whether something is there (both sequentially consistent). So one of the two sees the other.
//!
//! Where the pool is bounded, a job is accepted if fewer tasks than that are without an outcome. Who waits for that is woken by
//! outcomes, and by the end of the pool.
//!
//! What is urgent does not wait here: the engine is told of it at once, for only there it is put before others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mp_sys::clock::last_tick_ns;
use mp_wire::TaskId;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::args::Args;
use crate::error::SubmitError;
use crate::host::Work;
use crate::job::Job;
use crate::one::One;
use crate::reactor::is_hearing;

#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Whether there is something.
    filled: AtomicBool,
    /// Whether the engine would send at once what is put in.
    hungry: AtomicBool,
    /// How many tasks may be without an outcome.
    max: Option<u64>,
    /// Rings when there is room again, or never will be.
    room: Condvar,
}

#[derive(Debug)]
struct State {
    next_task: u64,
    /// How many tasks have had their outcomes, kept only where the pool is bounded.
    settled: u64,
    jobs: Vec<Job>,
    /// When the last of them came, to a tick of the clock.
    tick_ns: u64,
    closed: Option<String>,
}

impl Inbox {
    pub(crate) fn new(max: Option<u64>) -> Self {
        let state = State { next_task: 1, settled: 0, jobs: Vec::new(), tick_ns: 0, closed: None };
        let [filled, hungry] = [false; 2].map(AtomicBool::new);
        Self { state: Mutex::new(state), filled, hungry, max, room: Condvar::new() }
    }

    /// Accepts a job; gives its first item's id, and whether the engine should be told. Waits for room, if it may.
    pub(crate) fn put(&self, mut job: Job, may_wait: bool) -> Result<(TaskId, bool), SubmitError> {
        let mut state = self.room(may_wait)?;
        let (first, items) = (TaskId(state.next_task), job.args.len());
        if items == 0 {
            return Ok((first, false));
        }
        job.first = first;
        state.next_task += u64::from(items);
        let waits = !self.hungry.load(Ordering::Relaxed);
        state.add(job, waits);
        self.filled.store(true, Ordering::SeqCst);
        drop(state);
        let hungry = self.hungry.load(Ordering::SeqCst);
        if !hungry && !waits {
            self.stamp();
        }
        Ok((first, hungry))
    }

    /// What was to be taken in at once waits after all.
    #[cold]
    fn stamp(&self) {
        if let Some(last) = self.state.lock().jobs.last_mut() {
            last.since.get_or_insert_with(Instant::now);
        }
    }

    /// As [`Inbox::put`] of one task like those that were put before, whose arguments are numbers: it becomes an item of their
    /// job, and never was a job. `None`, and nothing happened, where it cannot.
    pub(crate) fn put_along(
        &self,
        work: &Work,
        item: (&Arc<One>, impl FnOnce(&mut Args) -> Result<(), SubmitError>),
    ) -> Option<(TaskId, bool)> {
        let mut state = self.state.lock();
        let open = state.closed.is_none() && self.max.is_none() && state.tick_ns == last_tick_ns();
        let first = TaskId(state.next_task);
        let follows = |job: &&mut Job| open && job.end() == first;
        if !state.jobs.last_mut().filter(follows)?.admit(work, item) {
            return None;
        }
        state.next_task += 1;
        drop(state);
        Some((first, self.hungry.load(Ordering::SeqCst)))
    }

    /// So many ids, for tasks that do not come this way; gives the first. Never waits: the engine is locked meanwhile.
    pub(crate) fn reserve(&self, tasks: u32) -> Result<TaskId, SubmitError> {
        let mut state = self.room(false)?;
        let first = TaskId(state.next_task);
        state.next_task += u64::from(tasks);
        Ok(first)
    }

    /// Waits until there is room, for the moment.
    pub(crate) fn wait_for_room(&self) -> Result<(), SubmitError> {
        self.room(true).map(drop)
    }

    /// The door, if it is open and there is room. Who hears workers would wait for himself.
    fn room(&self, may_wait: bool) -> Result<MutexGuard<'_, State>, SubmitError> {
        let mut state = self.state.lock();
        loop {
            if let Some(reason) = &state.closed {
                return Err(SubmitError::Closed(reason.clone()));
            }
            if self.max.is_none_or(|max| state.next_task - 1 - state.settled < max) {
                return Ok(state);
            }
            if !may_wait || is_hearing() {
                return Err(SubmitError::Full);
            }
            self.room.wait(&mut state);
        }
    }

    /// Whether it is to be told of outcomes.
    pub(crate) fn is_bounded(&self) -> bool {
        self.max.is_some()
    }

    /// So many tasks have had their outcomes by now.
    pub(crate) fn settle(&self, settled: u64) {
        let mut state = self.state.lock();
        if settled > state.settled {
            state.settled = settled;
            self.room.notify_all();
        }
    }

    /// Takes all that is there.
    pub(crate) fn take(&self) -> Vec<Job> {
        if !self.filled.load(Ordering::SeqCst) {
            return Vec::new();
        }
        let mut state = self.state.lock();
        self.filled.store(false, Ordering::SeqCst);
        std::mem::take(&mut state.jobs)
    }

    /// Says whether the engine would send at once what is put in.
    pub(crate) fn set_hungry(&self, hungry: bool) {
        self.hungry.store(hungry, Ordering::SeqCst);
    }

    /// Whether there is something.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::SeqCst)
    }

    /// Nothing more is accepted, for this reason, or a graver one before.
    pub(crate) fn close(&self, reason: String) {
        self.state.lock().closed = Some(reason);
        self.room.notify_all();
    }

    /// Whether more is accepted.
    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().closed.is_none()
    }

    /// How many tasks have been accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.state.lock().next_task - 1
    }
}

impl State {
    /// What came in one tick may be one job, which counts as submitted when the first of it was. To look at the true time for each
    /// task would cost a tenth of what it costs to submit it; what is taken in at once is stamped there.
    fn add(&mut self, mut job: Job, waits: bool) {
        let tick_ns = if waits { last_tick_ns() } else { self.tick_ns };
        let absorbed = tick_ns == self.tick_ns && self.jobs.last_mut().is_some_and(|last| last.absorb(&job));
        if !absorbed {
            job.since = waits.then(Instant::now);
            self.tick_ns = tick_ns;
            self.jobs.push(job);
        }
    }
}
