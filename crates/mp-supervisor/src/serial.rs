//! The pool without workers: each task runs in the thread that submits it, before the submission returns.
//!
//! Does **not** know threads, processes or the scheduler: there is nothing to schedule. Values are encoded and decoded as
//! on the other backends, so that what could not cross there fails here as well.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mp_wire::{Failure, TaskId, WorkerId};
use mp_worker::{Reported, WorkerInfo, run_item};
use parking_lot::Mutex;

use crate::error::SubmitError;
use crate::job::Job;
use crate::setup::Setup;
use crate::sink::News;
use crate::stats::Stats;

#[derive(Debug)]
pub(crate) struct Serial {
    next_task: AtomicU64,
    closed: AtomicBool,
    stats: Mutex<Stats>,
    setup: Setup,
    /// Why it takes no tasks, if its initializer failed.
    unprepared: Option<String>,
}

/// The one worker there is: slot 0, generation 1.
const WORKER: WorkerId = WorkerId { slot: 0, generation: 1 };

impl Serial {
    /// Runs the initializer.
    pub(crate) fn new(setup: Setup) -> Self {
        let stats = Stats { workers: 1, ..Stats::default() };
        let unprepared = setup.initialize(WORKER).err().map(|reason| format!("initializer failed: {reason}"));
        let closed = AtomicBool::new(unprepared.is_some());
        Self { next_task: AtomicU64::new(1), closed, stats: Mutex::new(stats), setup, unprepared }
    }

    /// Why it ended by itself, if it has.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.unprepared.as_deref()
    }

    /// The first time, it runs the finalizer.
    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel)
            && let Err(reason) = self.setup.finalize(WORKER)
        {
            tracing::warn!(reason, "finalizer failed");
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.stats.lock().clone()
    }

    pub(crate) fn submit(&self, mut job: Job) -> Result<TaskId, SubmitError> {
        if self.closed.load(Ordering::Acquire) {
            let reason = self.failure().unwrap_or("pool takes no more tasks");
            return Err(SubmitError::Closed(reason.to_owned()));
        }
        let items = job.args.len();
        job.first = TaskId(self.next_task.fetch_add(u64::from(items), Ordering::Relaxed));
        self.stats.lock().submitted += u64::from(items);
        let (mut out, mut news) = (Vec::new(), News::default());
        for index in 0..items {
            let outcome = self.run(&job, index, &mut out);
            let place = job.base + u64::from(index);
            match outcome {
                Ok(()) => job.sink.put_value(place, &out, &mut news),
                Err(failure) => job.sink.put_failure(place, failure, &mut news),
            }
        }
        news.tell();
        Ok(job.first)
    }

    /// A task that runs too long cannot be stopped by its own thread: it is reported when it is done.
    fn run(&self, job: &Job, index: u32, out: &mut Vec<u8>) -> Result<(), Failure> {
        let label = || job.label(job.first.plus(index));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let began = Instant::now();
            let outcome = self.run_once(job, (index, attempt), out);
            let took = began.elapsed();
            self.stats.lock().busy += took;
            let late = job.terms.timeout.filter(|timeout| took > *timeout);
            let outcome = late.map_or(outcome, |after| Err(Failure::timed_out(label(), after)));
            let retry = &job.terms.retry;
            let again = match &outcome {
                Err(Failure::Panicked { .. }) => retry.after_panic(attempt),
                Err(Failure::TimedOut { .. }) => retry.after_timeout(attempt),
                Ok(()) | Err(_) => false,
            };
            if !again {
                self.count(outcome.is_ok());
                return outcome;
            }
            // sleep: the caller's own thread has nothing else to run meanwhile.
            std::thread::sleep(retry.delay(attempt));
        }
    }

    fn run_once(&self, job: &Job, (index, attempt): (u32, u32), out: &mut Vec<u8>) -> Result<(), Failure> {
        let task = job.first.plus(index);
        let descriptors = job.descriptors(index).map_err(|error| Failure::stopped(error.to_string()))?;
        let who = WorkerInfo::new((WORKER, std::process::id()), task, attempt);
        let deadline = job.terms.timeout.and_then(|limit| Instant::now().checked_add(limit));
        match run_item(job.entry, (job.item(index), descriptors), (who, deadline), out) {
            Reported::Value(run_ns) => {
                self.stats.lock().run += Duration::from_nanos(run_ns);
                Ok(())
            }
            Reported::Panicked(caught) => Err(Failure::panicked(job.label(task), caught.into_panic())),
            Reported::Refused(refused) => Err(Failure::codec(job.label(task), refused.stage, refused.reason.0)),
        }
    }

    fn count(&self, value: bool) {
        let mut stats = self.stats.lock();
        if value { stats.completed += 1 } else { stats.failed += 1 }
    }
}
