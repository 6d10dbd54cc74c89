//! The deeds of an engine: one small function for each of the scheduler's actions.
//!
//! Does **not** decide whether, only how. All under the engine's lock, none of it waits.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use mp_link::LinkError;
use mp_scheduler::{Action, Event, Inspection, Span, Verdict};
use mp_sys::child::{Launch, Signal};
use mp_wire::frame::{TaskFrame, ToWorker};
use mp_wire::{CodecStage, Evidence, Failure, TaskId, WorkerId, codec};

use crate::engine::{Engine, Exit, State};
use crate::job::Name;
use crate::reactor::{Reactor, Registration, Source};
use crate::settings::{Backend, StartMethod};
use crate::spawner;
use crate::trace::Trace;
use crate::worker_io::WorkerIo;

impl Engine {
    /// Performs `actions` and what follows from them.
    ///
    /// Some of it is to hear a worker out, from which more follows: that waits for its turn. What was decided first is done
    /// first; a frame sent before the one that was decided before it would be run before it.
    pub(crate) fn perform(&self, state: &mut State, now: Instant, mut actions: Vec<Action>) {
        state.to_do.extend(actions.drain(..));
        state.actions = actions;
        if std::mem::replace(&mut state.performing, true) {
            return;
        }
        while let Some(action) = state.to_do.pop_front() {
            if let Some(event) = self.deed(state, now, action) {
                self.step(state, now, event);
            }
        }
        state.performing = false;
    }

    fn deed(&self, state: &mut State, now: Instant, action: Action) -> Option<Event> {
        if let Some(ledger) = &mut state.ledger {
            ledger.doing(now, &action);
        }
        match action {
            Action::Start(worker) => self.start(state, worker),
            Action::Send { worker, number, spans } => send(state, now, worker, (number, &spans)),
            Action::Inspect(worker) => {
                // Where hearing is behind, what finished in time may lie unread.
                self.listen(state, worker);
                state.inspect(worker).map(|seen| Event::Inspected(worker, seen))
            }
            Action::Hint(worker, task) => {
                state.worker(worker)?.status.cancel(task);
                None
            }
            Action::Listen(worker) => {
                self.listen(state, worker);
                None
            }
            Action::Weigh(worker) => {
                let bytes = state.worker(worker)?.resident();
                Some(Event::Weighed(worker, bytes))
            }
            Action::Steal { worker, number, most } => {
                let items = state.worker(worker)?.status.revoke(number, most);
                Some(Event::Stolen { worker, number, items })
            }
            Action::Stop(worker) => self.stop(state, worker),
            Action::Last(worker) => {
                // What could not be sent a moment ago is not the last.
                let holds = state.scheduler.is_told(worker);
                state.worker(worker).filter(|_| holds)?.tell(&ToWorker::Last);
                None
            }
            Action::Terminate(worker) => self.signal(state, worker, Signal::SIGTERM),
            Action::Kill(worker) => self.signal(state, worker, Signal::SIGKILL),
            Action::Settle(span, verdict) => settle(state, &span, &verdict),
            Action::Ended(reason) => {
                state.over = Some(reason);
                None
            }
        }
    }

    /// A worker that is not to be replaced says by its exit code whether its task failed, as in Python.
    fn stop(&self, state: &mut State, worker: WorkerId) -> Option<Event> {
        let code = i32::from(state.stats.failed > 0 && !state.scheduler.config().restart);
        state.worker(worker)?.tell(&ToWorker::Stop(code));
        None
    }

    fn start(&self, state: &mut State, worker: WorkerId) -> Option<Event> {
        match (self.making.backend, self.making.start_method) {
            (Backend::Threads | Backend::Serial, _) => {
                let made = WorkerIo::thread(worker, &self.making.calling);
                self.settle_in(state, worker, made)
            }
            (Backend::Processes, StartMethod::Fork) => {
                state.to_fork.push(worker);
                None
            }
            (Backend::Processes, StartMethod::ForkServer) if state.at_once => {
                state.to_bear.push(worker);
                None
            }
            (Backend::Processes, StartMethod::Spawn | StartMethod::ForkServer) => self.spawn(worker),
        }
    }

    fn spawn(&self, worker: WorkerId) -> Option<Event> {
        let engine = self.this.upgrade()?;
        let start = Box::new(move || {
            let made = engine.launch_process(worker);
            engine.born(worker, made);
            engine.replenish();
        });
        let refused = match &self.making.server {
            Some(server) => server.hand(start).is_err(),
            None => spawner::hand(start).is_err(),
        };
        refused.then(|| Event::StartFailed(worker, "no thread could be made to start it".to_owned()))
    }

    fn launch_process(&self, worker: WorkerId) -> io::Result<WorkerIo> {
        let streams = &self.making.streams;
        if let Some(server) = &self.making.server {
            return WorkerIo::forked_by(server, worker, (&self.making.calling, streams));
        }
        let launch = Launch {
            env: streams.env.clone(),
            stdout: streams.stdout.open()?,
            stderr: streams.stderr.open()?,
            ..Launch::default()
        };
        WorkerIo::spawn(worker, &self.making.calling, launch)
    }

    /// Has the first workers made in this thread, which would only wait for another one to do it.
    pub(crate) fn bear_at_once(&self) {
        let mut state = self.state.lock();
        state.at_once = false;
        let wanted = std::mem::take(&mut state.to_bear);
        drop(state);
        wanted.into_iter().for_each(|worker| self.born(worker, self.launch_process(worker)));
    }

    /// Has the next worker made ahead of time, where one is to be expected to be wanted. To be called when the last has its work.
    pub(crate) fn replenish(&self) {
        if let Some(server) = &self.making.server {
            server.replenish();
        }
    }

    fn born(&self, worker: WorkerId, made: io::Result<WorkerIo>) {
        let mut state = self.state.lock();
        if let Some(event) = self.settle_in(&mut state, worker, made) {
            self.step(&mut state, Instant::now(), event);
        }
        if let Some(Err(error)) = state.worker(worker).map(WorkerIo::let_go) {
            self.step(
                &mut state,
                Instant::now(),
                Event::Broke(worker, format!("could not be told who it is: {error}")),
            );
        }
        self.finish(state);
        self.ended.notify_all();
    }

    /// All at once, before any thread is made to hear them: a fork needs a process with one thread.
    pub(crate) fn fork_all(&self, state: &mut State) {
        let wanted = std::mem::take(&mut state.to_fork);
        let made: Vec<_> = wanted.into_iter().map(|id| (id, WorkerIo::fork(id, &self.making.calling))).collect();
        for (worker, made) in made {
            if let Some(event) = self.settle_in(state, worker, made) {
                self.step(state, Instant::now(), event);
            }
        }
    }

    /// A new worker takes its place, unless it was to end before it was there.
    fn settle_in(&self, state: &mut State, worker: WorkerId, made: io::Result<WorkerIo>) -> Option<Event> {
        let registered = made.and_then(|io| {
            match self.register(&io) {
                Ok(registrations) => Ok((io, registrations)),
                Err(error) => {
                    // Nobody would hear of it.
                    io.child.iter().for_each(|child| child.end());
                    Err(error)
                }
            }
        });
        match registered {
            Ok(entry) => {
                tracing::debug!(%worker, pid = entry.0.pid(), "worker started");
                let known = entry.0.known;
                state.born = entry.0.child.clone();
                if state.pauses.is_on() {
                    entry.0.child.iter().for_each(|child| child.signal(Signal::SIGSTOP));
                }
                state.workers[worker.slot as usize] = Some(entry);
                match state.is_stopping(worker) {
                    true => self.signal(state, worker, Signal::SIGKILL),
                    false if known => Some(Event::Hello(worker)),
                    false => Some(Event::Born(worker)),
                }
            }
            Err(error) => {
                let error = mp_sys::descriptors::explain(error);
                let reason = error.to_string();
                state.start_error = Some(error);
                Some(Event::StartFailed(worker, reason))
            }
        }
    }

    fn register(&self, io: &WorkerIo) -> io::Result<Vec<Registration>> {
        let engine = self.this.upgrade().ok_or_else(|| io::Error::other("pool is gone"))?;
        let reactor = Reactor::get()?;
        let line = reactor.add(io.line.as_fd(), (Arc::<Self>::clone(&engine), io.id, Source::Line))?;
        let Some(child) = &io.child else { return Ok(vec![line]) };
        match reactor.add(child.as_fd(), (engine, io.id, Source::Exit)) {
            Ok(exit) => Ok(vec![line, exit]),
            Err(error) => {
                reactor.remove(io.line.as_fd(), line);
                Err(error)
            }
        }
    }

    /// A process gets the signal. A thread cannot be ended: it is left behind, begins nothing more, and its line ends.
    /// The reactor hears of the end of both, when it has heard what came before.
    fn signal(&self, state: &mut State, worker: WorkerId, signal: Signal) -> Option<Event> {
        let io = state.worker(worker)?;
        io.status.cancel_all();
        match io.child.clone() {
            Some(child) => io.signal(&child, signal),
            None => {
                io.revoke_all();
                io.line.hang_up();
            }
        }
        None
    }

    /// Takes a worker out of the books.
    pub(crate) fn remove(&self, state: &mut State, worker: WorkerId) -> Option<WorkerIo> {
        state.worker(worker)?;
        let (io, registrations) = state.workers[worker.slot as usize].take()?;
        io.line.hang_up();
        if let Ok(reactor) = Reactor::get() {
            let fds = [Some(io.line.as_fd()), io.child.as_ref().map(|child| child.as_fd())];
            for (fd, registration) in fds.into_iter().flatten().zip(registrations) {
                reactor.remove(fd, registration);
            }
        }
        note_busy(&io, &mut state.stats);
        Some(io)
    }
}

/// The time since a worker was given work counts as busy.
pub(crate) fn note_busy(io: &WorkerIo, stats: &mut crate::stats::Stats) {
    if let Some(since) = io.busy_since {
        stats.busy += since.elapsed();
    }
}

fn send(state: &mut State, now: Instant, worker: WorkerId, (number, spans): (u32, &[Span])) -> Option<Event> {
    let (io, _) = state.workers.get_mut(worker.slot as usize)?.as_mut().filter(|(io, _)| io.id == worker)?;
    let mut cargo = io.hold.cargo();
    let segments = spans.iter().map(|span| state.jobs[span.job].segment(span, &mut cargo)).collect();
    let segments = match segments {
        Ok(segments) => segments,
        // Nothing has been sent: the worker is as well as before.
        Err(error) => return Some(Event::Unsent { worker, number, reason: error.to_string() }),
    };
    let items: u32 = spans.iter().map(Span::len).sum();
    let frame = codec::encode(&ToWorker::Tasks(TaskFrame { number, segments }));
    let (descriptors, loaded) = cargo.unload();
    io.hand_over_windows();
    io.hold.note(number, loaded);
    io.status.publish(number, items as u16);
    io.note_work(now);
    let traced = spans.iter().filter(|span| state.jobs[span.job].traced_ns.is_some());
    traced.for_each(|span| io.note_sent(span.first, span.len()));
    let frame = frame.map_err(|error| io::Error::other(error).into());
    match frame.and_then(|frame| {
        tracing::trace!(%worker, items, bytes = frame.len(), "frame sent");
        io.send(&frame, descriptors)
    }) {
        // One that is gone is noticed by its pidfd.
        Ok(()) | Err(LinkError::Gone) => None,
        Err(error) => Some(Event::Broke(worker, describe(&error))),
    }
}

fn describe(error: &LinkError) -> String {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("could not be sent work: {error}{cause}")
}

fn settle(state: &mut State, span: &Span, verdict: &Verdict) -> Option<Event> {
    let evidence = match verdict {
        Verdict::Lost(worker, _) => state.end_of(*worker).map(Exit::evidence).unwrap_or_default(),
        _ => Evidence::default(),
    };
    let job = &mut state.jobs[span.job];
    for (index, offset) in (span.from..span.to).zip(0..) {
        let label = job.label(span.first.plus(offset));
        let failure = match verdict {
            Verdict::Lost(worker, exit) => Failure::lost(label, span.attempt, (*worker, *exit, evidence.clone())),
            Verdict::TimedOut(after) => Failure::timed_out(label, *after),
            Verdict::Cancelled => Failure::Cancelled,
            Verdict::Unsendable(reason) => Failure::codec(label, CodecStage::EncodeArgs, reason.clone()),
            Verdict::Stopped(reason) => Failure::stopped(reason.clone()),
        };
        trace_failure(state.trace.as_ref(), (span.first.plus(offset), job.name.clone()), verdict);
        job.sink.put_failure(job.base + u64::from(index), failure, &mut state.news);
    }
    state.stats.failed += u64::from(span.len());
    state.close_items(span.job, span.len());
    None
}

fn trace_failure(trace: Option<&Trace>, task: (TaskId, Name), verdict: &Verdict) {
    let Some(trace) = trace else { return };
    let what = match verdict {
        Verdict::Lost(..) => "lost",
        Verdict::TimedOut(_) => "timed out",
        Verdict::Cancelled => "cancelled",
        Verdict::Unsendable(_) => "not sent",
        Verdict::Stopped(_) => "stopped",
    };
    trace.failed(task, None, what);
}

impl State {
    fn inspect(&self, worker: WorkerId) -> Option<Inspection> {
        let (io, _) = self.workers.get(worker.slot as usize)?.as_ref()?;
        (io.id == worker).then(|| io.inspect(&self.pauses))
    }

    /// `count` items of a job have had their outcome; after the last, it is forgotten.
    pub(crate) fn close_items(&mut self, key: usize, count: u32) {
        let job = &mut self.jobs[key];
        job.open -= count;
        if job.open == 0 {
            let over = self.jobs.remove(key);
            // To let go of much memory takes time.
            if !over.args.is_plain() {
                self.over_jobs.push(over);
            }
        }
    }
}

/// A worker that stays alive for as long as somebody reads from it.
pub(crate) fn share(io: &WorkerIo) -> Arc<mp_link::Line> {
    Arc::clone(&io.line)
}
