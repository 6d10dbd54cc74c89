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

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mp_scheduler::{Config, Event, Phase};
use mp_sys::child::Child;
use mp_wire::TaskId;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::arena::Arena;
use crate::args::Args;
use crate::error::{Error, Result, SubmitError};
use crate::host::Work;
use crate::inbox::Inbox;
use crate::job::Job;
use crate::making::Making;
use crate::one::One;
use crate::reactor::{Listener, Reactor, is_hearing};
use crate::settings::Backend;
use crate::state::State;

/// Beyond the grace, who ends a pool waits so long for its workers to be gone (I10).
const SLACK: Duration = Duration::from_secs(1);

/// Who waits for a pool's end waits so long for the last lines of its workers to be taken.
const LAST_LINES: Duration = Duration::from_secs(5);

pub(crate) struct Engine {
    pub(crate) inbox: Inbox,
    pub(crate) state: Mutex<State>,
    pub(crate) ended: Condvar,
    pub(crate) making: Making,
    /// Memory for large values, where workers are processes.
    pub(crate) arena: Option<Arc<Arena>>,
    pub(crate) this: Weak<Self>,
}

impl Engine {
    /// A running pool.
    pub(crate) fn launch(config: Config, making: Making) -> Arc<Self> {
        let state = State::new(config, &making);
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
            crate::log::error!(reason, "workers are still there after the grace");
        }
    }
}
