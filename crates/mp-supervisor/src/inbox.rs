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
//! What is urgent does not wait here: the engine is told of it at once, for only there it is put before others.

use std::sync::atomic::{AtomicBool, Ordering};

use mp_wire::TaskId;
use parking_lot::Mutex;

use crate::error::SubmitError;
use crate::job::Job;

#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Whether there is something.
    filled: AtomicBool,
    /// Whether the engine would send at once what is put in.
    hungry: AtomicBool,
}

#[derive(Debug)]
struct State {
    next_task: u64,
    jobs: Vec<Job>,
    closed: Option<String>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let state = State { next_task: 1, jobs: Vec::new(), closed: None };
        Self { state: Mutex::new(state), filled: AtomicBool::new(false), hungry: AtomicBool::new(false) }
    }

    /// Accepts a job; gives its first item's id, and whether the engine should be told.
    pub(crate) fn put(&self, mut job: Job) -> Result<(TaskId, bool), SubmitError> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.closed {
            return Err(SubmitError::Closed(reason.clone()));
        }
        let (first, items) = (TaskId(state.next_task), job.args.len());
        if items == 0 {
            return Ok((first, false));
        }
        job.first = first;
        state.next_task += u64::from(items);
        state.add(job);
        self.filled.store(true, Ordering::SeqCst);
        drop(state);
        Ok((first, self.hungry.load(Ordering::SeqCst)))
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
    fn add(&mut self, job: Job) {
        let absorbed = self.jobs.last_mut().is_some_and(|last| last.absorb(&job));
        if !absorbed {
            self.jobs.push(job);
        }
    }
}
