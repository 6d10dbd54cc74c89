//! The supervisor of one pool: turns what happens into events, and the scheduler's actions into deeds.
//!
//! Does **not** decide (the scheduler does), and never waits on a worker (I2): every send has a credit (I3), every
//! receive looks first, starting is another thread's work.
//!
//! ```text
//!  caller: inbox  ─┐                                                    ┌─▶ Send: frame to a line
//!  reactor: frame ─┼─▶ lock ─▶ event ─▶ Scheduler::step ─▶ actions ─────┼─▶ Start: spawner's thread ─▶ born
//!  reactor: death ─┤                        ▲                           ├─▶ Inspect, Steal: look, answer ─┐
//!  reactor: time  ─┘                        └───────────────────────────┼─────────────────────────────────┘
//!                                                                       └─▶ Settle: outcome to its sink
//!           unlock ─▶ wake whoever waits for what was settled
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mp_scheduler::{Action, Config, Event, Phase, Scheduler};
use mp_sys::child::Child;
use mp_wire::crash::Crash;
use mp_wire::{Evidence, TaskId, WorkerExit, WorkerId};
use parking_lot::{Condvar, Mutex, MutexGuard};
use slab::Slab;

use crate::arena::{Arena, Large};
use crate::args::Args;
use crate::error::{Error, Result, SubmitError};
use crate::fork_server::ForkServer;
use crate::host::Work;
use crate::inbox::Inbox;
use crate::job::Job;
use crate::ledger::Ledger;
use crate::one::One;
use crate::reactor::{Listener, Reactor, Registration, is_hearing};
use crate::settings::{Backend, StartMethod};
use crate::sink::News;
use crate::stats::Stats;
use crate::suspend::Pauses;
use crate::trace::Trace;
use crate::unread::Unread;
use crate::worker_io::{Calling, WorkerIo};

/// Beyond the grace, who ends a pool waits so long for its workers to be gone (I10).
const SLACK: Duration = Duration::from_secs(1);

/// Who waits for a pool's end waits so long for the last lines of its workers to be taken.
const LAST_LINES: Duration = Duration::from_secs(5);

/// How a worker ended.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) worker: WorkerId,
    pub(crate) pid: u32,
    pub(crate) exit: WorkerExit,
    /// The last lines of its standard error, where that is captured.
    pub(crate) stderr_tail: String,
    /// The most memory that it had, in bytes, where that can be told.
    pub(crate) peak_rss: Option<u64>,
    /// Where it crashed, if it told.
    pub(crate) crash: Option<Crash>,
}

impl Exit {
    pub(crate) fn evidence(&self) -> Evidence {
        let (stderr_tail, crash) = (self.stderr_tail.clone(), self.crash.clone());
        Evidence { pid: self.pid, stderr_tail, peak_rss: self.peak_rss, crash }
    }
}

/// How workers are made, decided when the pool is built.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    /// From which size on values cross in memory that is kept.
    pub(crate) large_from: usize,
    /// How many tasks may be without an outcome.
    pub(crate) max_queued: Option<u64>,
    pub(crate) backend: Backend,
    pub(crate) start_method: StartMethod,
    pub(crate) calling: Calling,
    pub(crate) streams: crate::streams::Streams,
    /// Where workers come from a fork server.
    pub(crate) server: Option<Arc<ForkServer>>,
    /// Where its tasks are recorded, if anywhere.
    pub(crate) trace: Option<Trace>,
    /// Whether there is a ledger.
    pub(crate) insights: bool,
    /// Whether a fork server's first workers are made by [`Engine::bear_at_once`].
    pub(crate) at_once: bool,
}

impl Making {
    /// Whether each task is timed by itself.
    pub(crate) fn is_timed(&self) -> bool {
        self.trace.is_some() || self.insights
    }
}

pub(crate) struct Engine {
    pub(crate) inbox: Inbox,
    pub(crate) state: Mutex<State>,
    pub(crate) ended: Condvar,
    pub(crate) making: Making,
    /// Memory for large values, where workers are processes.
    pub(crate) arena: Option<Arc<Arena>>,
    pub(crate) this: Weak<Self>,
}

pub(crate) struct State {
    pub(crate) scheduler: Scheduler,
    pub(crate) jobs: Slab<Job>,
    pub(crate) workers: Vec<Option<(WorkerIo, Vec<Registration>)>>,
    pub(crate) stats: Stats,
    pub(crate) trace: Option<Trace>,
    /// The books, where they are kept.
    pub(crate) ledger: Option<Box<Ledger>>,
    /// Who waits for something that has come, to be woken when the lock is gone.
    pub(crate) news: News,
    /// How many callers read outboxes again and again.
    pub(crate) listeners: u32,
    /// Workers that are to be made by a fork, all at once.
    pub(crate) to_fork: Vec<WorkerId>,
    /// Workers that a fork server is to make, as long as `at_once`: until [`Engine::bear_at_once`].
    pub(crate) to_bear: Vec<WorkerId>,
    pub(crate) at_once: bool,
    pub(crate) actions: Vec<Action>,
    /// What is to be done, in order, and whether somebody is at it.
    pub(crate) to_do: VecDeque<Action>,
    pub(crate) performing: bool,
    /// The alarms that are set, the earliest last: one is set only if it is earlier than all others, so there are few.
    pub(crate) alarms: Vec<Instant>,
    pub(crate) pauses: Pauses,
    /// Why it ended, if that was not asked for; set once it has.
    pub(crate) over: Option<Option<String>>,
    /// Whether the user wanted it to end at once.
    pub(crate) asked: bool,
    /// How the last worker of each slot ended.
    pub(crate) exits: Vec<Option<Exit>>,
    /// The process of a pool of one, for who waits for its birth.
    pub(crate) born: Option<Arc<Child>>,
    /// Why a worker could not be started, the last time.
    pub(crate) start_error: Option<std::io::Error>,
    /// What is dropped when the lock is gone: jobs whose last item has its outcome, large arguments that were read.
    pub(crate) over_jobs: Vec<Job>,
    pub(crate) read_args: Vec<Arc<Large>>,
    /// Workers that have ended: to let go of what was theirs takes longer than to say so.
    pub(crate) gone: Vec<WorkerIo>,
    /// Large results that are read when the lock is gone.
    pub(crate) unread: Vec<Unread>,
}

impl Engine {
    /// A running pool.
    pub(crate) fn launch(config: Config, making: Making) -> Arc<Self> {
        let slots = config.workers as usize;
        let state = State {
            scheduler: Scheduler::new(config),
            jobs: Slab::new(),
            workers: (0..slots).map(|_| None).collect(),
            stats: Stats::default(),
            trace: making.trace.clone(),
            ledger: making.insights.then(Box::default),
            news: News::default(),
            listeners: 0,
            to_fork: Vec::new(),
            to_bear: Vec::new(),
            at_once: making.at_once,
            actions: Vec::new(),
            to_do: VecDeque::new(),
            performing: false,
            alarms: Vec::new(),
            pauses: Pauses::default(),
            over: None,
            asked: false,
            exits: vec![None; slots],
            born: None,
            start_error: None,
            over_jobs: Vec::new(),
            read_args: Vec::new(),
            unread: Vec::new(),
            gone: Vec::new(),
        };
        let arena = (making.backend == Backend::Processes).then(|| Arena::new(making.large_from));
        let engine = Arc::new_cyclic(|this| Self {
            arena,
            inbox: Inbox::new(making.max_queued),
            state: Mutex::new(state),
            ended: Condvar::new(),
            making,
            this: Weak::clone(this),
        });
        crate::suspend::enlist(&engine);
        engine.tick();
        engine
    }

    /// Accepts a job; gives its first item's id.
    pub(crate) fn submit(&self, job: Job, may_wait: bool) -> Result<TaskId, SubmitError> {
        let urgent = job.terms.priority > 0;
        let (first, hungry) = self.inbox.put(job, may_wait)?;
        if hungry || urgent {
            let mut state = self.state.lock();
            if urgent {
                self.take_in(&mut state, Instant::now());
            }
            self.finish(state);
        }
        Ok(first)
    }

    /// As [`Engine::submit`], of one task like those that wait: see [`Inbox::put_along`].
    pub(crate) fn submit_along(
        &self,
        work: &Work,
        item: (&Arc<One>, impl FnOnce(&mut Args) -> Result<(), SubmitError>),
    ) -> Option<TaskId> {
        if self.making.is_timed() || work.terms.priority > 0 {
            return None;
        }
        let (first, hungry) = self.inbox.put_along(work, item)?;
        if hungry {
            self.finish(self.state.lock());
        }
        Some(first)
    }

    /// Hands `event` in, after all that was submitted before, and does all that follows.
    pub(crate) fn event(&self, event: Event) {
        let mut state = self.state.lock();
        let now = Instant::now();
        self.take_in(&mut state, now);
        self.step(&mut state, now, event);
        self.finish(state);
    }

    pub(crate) fn step(&self, state: &mut State, now: Instant, event: Event) {
        let mut actions = std::mem::take(&mut state.actions);
        if let Some(ledger) = &mut state.ledger {
            ledger.heard(now, &event, state.scheduler.config().initializer.is_some());
        }
        state.scheduler.step(now, event, &mut actions);
        self.perform(state, now, actions);
    }

    /// Hands in what was submitted.
    pub(crate) fn take_in(&self, state: &mut State, now: Instant) {
        for mut job in self.inbox.take() {
            job.open = job.args.len();
            job.since.get_or_insert(now);
            let key = state.jobs.insert(job);
            let mut from = 0;
            while let Some(span) = state.jobs.get(key).and_then(|job| job.next_span(key, from)) {
                from = span.to;
                self.step(state, now, Event::Submit(span));
            }
        }
    }

    /// Takes in what may be sent at once, sets the alarm, lets go of the lock, and wakes those who wait.
    pub(crate) fn finish(&self, mut state: MutexGuard<'_, State>) {
        while self.wants_more(&state) {
            self.take_in(&mut state, Instant::now());
        }
        self.fork_all(&mut state);
        self.arm(&mut state);
        let news = std::mem::take(&mut state.news);
        let done = (std::mem::take(&mut state.over_jobs), std::mem::take(&mut state.read_args));
        let unread = std::mem::take(&mut state.unread);
        let gone = std::mem::take(&mut state.gone);
        let over = state.over.is_some();
        drop(state);
        news.tell();
        drop(done);
        self.read_all(unread);
        if self.inbox.is_bounded() {
            let settled = self.state.lock().settled();
            self.inbox.settle(settled);
        }
        if over {
            self.ended.notify_all();
        }
        drop(gone);
    }

    /// Whether there is something to be taken in now. First it is said that it would be, then looked whether it is there.
    fn wants_more(&self, state: &State) -> bool {
        let closed = match state.scheduler.phase() {
            Phase::Closing => Some("pool takes no more tasks".to_owned()),
            _ => state.ending(),
        };
        let hungry = closed.is_some() || state.scheduler.is_hungry();
        self.inbox.set_hungry(hungry);
        if let Some(reason) = closed {
            self.inbox.close(reason);
        }
        hungry && self.inbox.is_filled()
    }

    fn arm(&self, state: &mut State) {
        let Some(at) = state.scheduler.next_wake() else { return };
        if state.alarms.last().is_some_and(|alarm| *alarm <= at) {
            return;
        }
        if let Ok(reactor) = Reactor::get() {
            state.alarms.push(at);
            let this: Weak<dyn Listener> = Weak::<Self>::clone(&self.this);
            reactor.wake_at(at, this);
        }
    }

    /// Waits until all workers have ended, at most for `limit`; not at all in the thread that hears of it. Gives whether they have.
    pub(crate) fn wait_end(&self, limit: Option<Duration>) -> bool {
        // A limit beyond the clock's end is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        Reactor::expect_news();
        let mut state = self.state.lock();
        while state.over.is_none() && !is_hearing() {
            match deadline {
                None => self.ended.wait(&mut state),
                Some(deadline) if self.ended.wait_until(&mut state, deadline).timed_out() => break,
                Some(_) => {}
            }
        }
        let over = state.over.is_some();
        drop(state);
        if let Some(outputs) = self.making.calling.outputs.as_ref().filter(|_| over) {
            let left = deadline.map_or(LAST_LINES, |deadline| deadline.saturating_duration_since(Instant::now()));
            outputs.wait_handed_on(left.min(LAST_LINES));
        }
        over
    }

    /// Ends everything now, because the user wants it.
    pub(crate) fn kill(&self, reason: &str) {
        let mut state = self.state.lock();
        // What has ended by itself has not ended because it was asked to.
        state.asked |= *state.scheduler.phase() < Phase::Killing(String::new());
        let now = Instant::now();
        self.take_in(&mut state, now);
        self.step(&mut state, now, Event::Kill(reason.to_owned()));
        self.finish(state);
    }

    /// There shall be so many workers. Those who come and those who go do so meanwhile.
    pub(crate) fn resize(&self, workers: u32) -> Result<()> {
        let mut state = self.state.lock();
        if let Some(reason) = state.ending() {
            return Err(Error::Ended(reason));
        }
        let slots = state.workers.len().max(workers as usize);
        state.workers.resize_with(slots, || None);
        state.exits.resize(slots, None);
        let now = Instant::now();
        self.take_in(&mut state, now);
        self.step(&mut state, now, Event::Resize(workers));
        self.finish(state);
        Ok(())
    }

    /// Waits until the first worker's process exists; `None` when it cannot be started. Starting is bounded: it waits for
    /// the system, not for the worker.
    pub(crate) fn wait_born(&self) -> Option<Arc<Child>> {
        let mut state = self.state.lock();
        loop {
            if let Some(Some((io, _))) = state.workers.first() {
                return io.child.clone();
            }
            if let Some(child) = state.born.take() {
                return Some(child);
            }
            if state.over.is_some() {
                return None;
            }
            self.ended.wait(&mut state);
        }
    }

    /// Ends everything, and waits for it, but not longer than the grace and a little more (I10). Where it cannot wait, the
    /// workers end all the same.
    pub(crate) fn shut_down(&self, reason: &str) {
        self.kill(reason);
        let grace = self.state.lock().scheduler.config().grace;
        if !self.wait_end(Some(grace.saturating_add(SLACK))) && !is_hearing() {
            tracing::error!(reason, "workers are still there after the grace");
        }
    }
}

impl State {
    pub(crate) fn worker(&mut self, id: WorkerId) -> Option<&mut WorkerIo> {
        let (io, _) = self.workers.get_mut(id.slot as usize)?.as_mut()?;
        (io.id == id).then_some(io)
    }

    /// How a worker ended, and what it left.
    pub(crate) fn end_of(&self, worker: WorkerId) -> Option<&Exit> {
        let exit = self.exits.get(worker.slot as usize)?.as_ref();
        exit.filter(|exit| exit.worker == worker)
    }

    pub(crate) fn note_exit(&mut self, exit: Exit) {
        let slot = exit.worker.slot as usize;
        self.exits[slot] = Some(exit);
    }

    /// How many tasks have had their outcomes.
    fn settled(&self) -> u64 {
        self.stats.completed + self.stats.failed
    }

    /// Why nothing more begins, if so.
    fn ending(&self) -> Option<String> {
        match self.scheduler.phase() {
            Phase::Open | Phase::Closing => None,
            Phase::Stopping(reason) | Phase::Killing(reason) => Some(reason.clone()),
            Phase::Ended(_) => Some(self.end_reason()),
        }
    }

    fn end_reason(&self) -> String {
        self.over.clone().flatten().unwrap_or_else(|| "pool has ended".to_owned())
    }
}
