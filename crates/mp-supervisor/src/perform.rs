//! The deeds of an engine: one small function for each of the scheduler's actions.
//!
//! Does **not** decide whether, only how. All under the engine's lock, none of it waits.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use mp_link::LinkError;
use mp_scheduler::{Action, Event, Span, Verdict};
use mp_sys::child::Signal;
use mp_wire::frame::{TaskFrame, ToWorker};
use mp_wire::{CodecStage, Evidence, Failure, WorkerId, codec};

use crate::engine::Engine;
use crate::evidence::Exit;
use crate::reactor::Reactor;
use crate::state::State;
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
                let seen = state.inspect(worker)?;
                let sent = &mut state.worker(worker)?.sent;
                seen.taken.iter().for_each(|(frame, items)| sent.taken_back(*frame, *items));
                Some(Event::Inspected(worker, seen))
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
                let io = state.worker(worker)?;
                let items = io.status.revoke(number, most);
                io.sent.taken_back(number, items);
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

    /// A process gets the signal. A thread cannot be ended: it is left behind, begins nothing more, and its line ends.
    /// The reactor hears of the end of both, when it has heard what came before.
    pub(crate) fn signal(&self, state: &mut State, worker: WorkerId, signal: Signal) -> Option<Event> {
        state.keep_running(worker);
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
    if spans.iter().any(|span| state.jobs[span.job].traced_ns.is_some()) {
        io.sent.note(number, spans, mp_sys::clock::monotonic_ns());
    }
    let frame = frame.map_err(|error| io::Error::other(error).into());
    match frame.and_then(|frame| {
        crate::log::trace!(%worker, items, bytes = frame.len(), "frame sent");
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
    state.trace_settled(span, verdict);
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
        job.sink.put_failure(job.base + u64::from(index), failure, &mut state.news);
    }
    state.stats.failed += u64::from(span.len());
    state.close_items(span.job, span.len());
    None
}

/// A worker that stays alive for as long as somebody reads from it.
pub(crate) fn share(io: &WorkerIo) -> Arc<mp_link::Line> {
    Arc::clone(&io.line)
}
