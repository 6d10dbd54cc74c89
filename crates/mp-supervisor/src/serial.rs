//! The pool without workers: each task runs in the thread that submits it, before the submission returns.
//!
//! Does **not** know threads, processes or the scheduler: there is nothing to schedule. Values are encoded and decoded as
//! on the other backends, so that what could not cross there fails here as well.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mp_scheduler::{Action, Event};
use mp_sys::clock::monotonic_ns;
use mp_wire::record::Times;
use mp_wire::{Failure, TaskId, WorkerId};
use mp_worker::{Ran, Reported, WorkerInfo, at_home, leave_home, run_item};
use parking_lot::Mutex;

use crate::error::SubmitError;
use crate::job::Job;
use crate::ledger::{Draft, Ledger};
use crate::setup::Setup;
use crate::sink::News;
use crate::stats::Stats;
use crate::trace::{Attempt, Ended, Half, PoolTrace, Sending};

#[derive(Debug)]
pub(crate) struct Serial {
    next_task: AtomicU64,
    closed: AtomicBool,
    stats: Mutex<Stats>,
    setup: Setup,
    /// The books, where they are kept. Of several threads that submit at once, they tell of one.
    ledger: Option<Mutex<Ledger>>,
    trace: Option<PoolTrace>,
    /// Under this number each thread keeps its state and what is shared.
    number: u64,
    /// Why it takes no tasks, if its initializer failed.
    unprepared: Option<String>,
}

/// The one worker there is: slot 0, generation 1.
pub(crate) const WORKER: WorkerId = WorkerId { slot: 0, generation: 1 };

impl Serial {
    /// Runs the initializer, and has the calling thread prepared.
    pub(crate) fn new(setup: Setup, insights: bool, trace: Option<PoolTrace>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let stats = Stats { workers: 1, ..Stats::default() };
        let first = || {
            setup.read_shared(WORKER)?;
            setup.initialize(WORKER)?;
            setup.make_state(WORKER)
        };
        let mut ledger = Ledger::default();
        ledger.doing(Instant::now(), &Action::Start(WORKER));
        ledger.heard(Instant::now(), &Event::Hello(WORKER), true);
        let unprepared = at_home(number, first, || ()).err();
        ledger.heard(Instant::now(), &Event::Prepared(WORKER), true);
        let ledger = insights.then(|| Mutex::new(ledger));
        let closed = AtomicBool::new(unprepared.is_some());
        let (next_task, stats) = (AtomicU64::new(1), Mutex::new(stats));
        Self { next_task, closed, stats, setup, ledger, trace, number, unprepared }
    }

    /// Runs `body` with what the calling thread keeps for this pool.
    fn at_home<T>(&self, body: impl FnOnce() -> T) -> Result<T, String> {
        if !self.setup.keeps() {
            return Ok(body());
        }
        let prepare = || self.setup.read_shared(WORKER).and_then(|()| self.setup.make_state(WORKER));
        at_home(self.number, prepare, body)
    }

    /// Why it ended by itself, if it has.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.unprepared.as_deref()
    }

    /// Whether it takes tasks.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// The first time, it runs the finalizer. Other threads drop their states when they end.
    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel)
            && let Err(reason) = self.at_home(|| self.setup.finalize(WORKER)).and_then(|done| done)
        {
            crate::log::warning!(reason, "finalizer failed");
        }
        leave_home(self.number);
    }

    /// Whether each task is timed by itself.
    pub(crate) fn is_timed(&self) -> bool {
        self.ledger.is_some() || self.trace.is_some()
    }

    /// Where its tasks are recorded, if anywhere.
    pub(crate) fn trace(&self) -> Option<&PoolTrace> {
        self.trace.as_ref()
    }

    /// Where the time went, if that is kept.
    pub(crate) fn insights(&self) -> Option<Draft> {
        self.ledger.as_ref().map(|ledger| ledger.lock().draft(Instant::now(), |_| Some(std::process::id())))
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
        job.since = Some(Instant::now());
        if self.is_timed() {
            job.traced_ns.get_or_insert_with(monotonic_ns);
        }
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
            self.note(|ledger| ledger.doing(began, &Action::Send { worker: WORKER, number: 0, spans: Vec::new() }));
            let times = self.is_timed().then(|| begin(monotonic_ns()));
            let ran = self.run_once(job, (index, attempt), out);
            let took = began.elapsed();
            let times = times.map(|times| end(times, ran.as_ref().ok()));
            self.note(|ledger| ledger.free(began + took, WORKER));
            self.stats.lock().busy += took;
            let late = job.terms.timeout.filter(|timeout| took > *timeout);
            let outcome = late.map_or(ran.map(drop), |after| Err(Failure::timed_out(label(), after)));
            times.into_iter().for_each(|times| self.record((job, index), (attempt, &outcome), times));
            let retry = &job.terms.retry;
            let again = match &outcome {
                Err(Failure::Panicked { .. }) => retry.after_panic(attempt),
                Err(Failure::TimedOut { .. }) => retry.after_timeout(attempt),
                Ok(()) | Err(_) => false,
            };
            if !again {
                let wait = began.saturating_duration_since(job.since.unwrap_or(began));
                self.count(outcome.is_ok().then_some(wait));
                return outcome;
            }
            // sleep: the caller's own thread has nothing else to run meanwhile.
            std::thread::sleep(retry.delay(attempt));
        }
    }

    fn run_once(&self, job: &Job, (index, attempt): (u32, u32), out: &mut Vec<u8>) -> Result<Ran, Failure> {
        let task = job.first.plus(index);
        let descriptors = job.descriptors(index).map_err(|error| Failure::stopped(error.to_string()))?;
        let who = WorkerInfo::new((WORKER, std::process::id()), task, attempt);
        let deadline = job.terms.timeout.and_then(|limit| Instant::now().checked_add(limit));
        let run = || run_item(job.entry, (job.item(index), descriptors), (who, deadline), out);
        match self.at_home(run).map_err(Failure::stopped)? {
            Reported::Value(ran) => {
                self.stats.lock().ran(1, Duration::from_nanos(ran.run_ns));
                Ok(ran)
            }
            Reported::Panicked(caught) => Err(Failure::panicked(job.label(task), caught.into_panic())),
            Reported::Refused(refused) => Err(Failure::codec(job.label(task), refused.stage, refused.reason.0)),
        }
    }

    /// An attempt is over.
    fn record(&self, (job, index): (&Job, u32), (number, outcome): (u32, &Result<(), Failure>), times: Times) {
        let (task, name) = (job.first.plus(index), job.name.clone());
        let attempt = Attempt { task, number, name, submitted_ns: job.traced_ns.unwrap_or(times.begun_ns) };
        let lane = (std::process::id(), mp_sys::child::own_thread());
        let by = Sending { worker: WORKER, lane, frame: 0, sent_ns: times.begun_ns };
        let asked = self.ledger.is_some().then(|| job.asked(index));
        let ended = outcome.as_ref().err().map(|failure| Box::new(ended(failure)));
        let half = Half { attempt, by, asked, ended, heard_ns: times.done_ns };
        if outcome.is_ok() {
            self.note(|ledger| ledger.ran(&half, times));
        }
        if let Some(trace) = &self.trace {
            trace.ran(half, times);
        }
    }

    fn note(&self, how: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = &self.ledger {
            how(&mut ledger.lock());
        }
    }

    /// A task ended, in a value if it is known how long it waited.
    fn count(&self, waited: Option<Duration>) {
        let mut stats = self.stats.lock();
        match waited {
            None => stats.failed += 1,
            Some(wait) => {
                stats.completed += 1;
                stats.waited(1, wait);
            }
        }
    }
}

/// An item is begun now.
fn begin(begun_ns: u64) -> Times {
    Times { begun_ns, ran_from_ns: begun_ns, ran_ns: 0, done_ns: begun_ns }
}

/// It is over now; what has no value does not say how far it came.
fn end(times: Times, ran: Option<&Ran>) -> Times {
    let done_ns = monotonic_ns();
    match ran {
        Some(ran) => Times { ran_from_ns: ran.from_ns, ran_ns: ran.run_ns, done_ns, ..times },
        None => Times { ran_ns: done_ns.saturating_sub(times.begun_ns), done_ns, ..times },
    }
}

fn ended(failure: &Failure) -> Ended {
    let what = match failure {
        Failure::Panicked { .. } => "panicked",
        Failure::TimedOut { .. } => "timed out",
        Failure::Codec { .. } => "refused",
        // Nobody else can end what the calling thread runs.
        _ => "stopped",
    };
    Ended { what, how: failure.to_string() }
}
