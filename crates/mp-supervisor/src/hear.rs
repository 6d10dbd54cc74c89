//! What a worker says and how it ends, as the reactor hears it.
//!
//! Does **not** believe it: whatever a worker wrote is checked here before it counts (I9).

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use mp_link::LinkError;
use mp_scheduler::{Event, WorkerState};
use mp_wire::frame::{FromWorkerFrame, Hello, Identity, from_worker};
use mp_wire::{WorkerExit, WorkerId};

use crate::engine::Engine;
use crate::evidence::{Exit, crash_of, exit_of, peak_rss};
use crate::outcomes::Speech;
use crate::perform::{note_busy, share};
use crate::reactor::{Listener, Reactor};
use crate::state::State;
use crate::worker_io::WorkerIo;

/// So many frames are read from one worker before the others have their turn, ..
const TURN: usize = 32;

/// .. or for so long: a frame may carry thousands of outcomes, and somebody else's death waits.
const TURN_TIME: Duration = Duration::from_millis(2);

/// More frames than this no line holds: a dead worker's descendant writes on.
const LEFT: usize = 1024;

impl Listener for Engine {
    /// Frames have come from `worker`, or its line has ended.
    fn readable(&self, worker: WorkerId) {
        let Some(line) = self.state.lock().worker(worker).map(|io| share(io)) else { return };
        let began = Instant::now();
        for _ in (0..TURN).take_while(|_| began.elapsed() < TURN_TIME) {
            match line.try_recv() {
                Ok(Some(frame)) => self.frame(worker, &frame),
                Ok(None) => return,
                Err(error) => return self.line_ended(worker, error),
            }
        }
    }

    /// The process of `worker` has ended. Its line is read to its end, then what it had not sent, and then it is judged.
    fn exited(&self, worker: WorkerId) {
        let mut state = self.state.lock();
        let Some(io) = state.worker(worker) else { return };
        let Some(child) = io.child.clone() else { return };
        // The group is killed while the dead leader still holds its number.
        child.kill_group();
        let Some((ended, usage)) = child.reap() else { return };
        self.listen(&mut state, worker);
        let begun = state.worker(worker).map(|io| io.begun()).unwrap_or_default();
        let mut io = self.remove(&mut state, worker);
        let exit = exit_of(ended);
        io.iter_mut().for_each(|io| state.trace_end(io, exit));
        // Where there is nothing to be told, the memory for it was never touched, and stays so.
        let crashed = matches!(exit, WorkerExit::Signaled { .. });
        let record = io.as_ref().filter(|_| crashed).and_then(|io| io.status.crash());
        io.iter().for_each(WorkerIo::end_descendants);
        let stderr_tail = io.as_ref().map(WorkerIo::last_words).unwrap_or_default();
        state.gone.extend(io);
        let crash = crash_of(exit, record);
        crate::log::debug!(%worker, pid = child.pid(), %exit, "worker ended");
        state.note_exit(Exit { worker, pid: child.pid(), exit, stderr_tail, peak_rss: peak_rss(usage), crash });
        self.step(&mut state, Instant::now(), Event::Exited { worker, exit, begun });
        self.finish(state);
    }

    fn tick(&self) {
        let mut state = self.state.lock();
        if state.pauses.is_on() {
            return;
        }
        let now = Instant::now();
        while state.alarms.pop_if(|at| *at <= now).is_some() {}
        self.step(&mut state, now, Event::Tick);
        self.finish(state);
    }

    fn give_up(&self) {
        self.kill("a panic of mp's own, which should be reported");
    }
}

impl Engine {
    fn frame(&self, worker: WorkerId, frame: &[u8]) {
        let mut state = self.state.lock();
        let now = Instant::now();
        // Whoever gets a credit back by this frame is to be sent all that waits, as far as it fits.
        self.take_in(&mut state, now);
        if let Err(reason) = self.take_frame(&mut state, now, worker, frame) {
            crate::log::warning!(%worker, reason, "worker is not to be believed");
            self.step(&mut state, now, Event::Broke(worker, reason));
        }
        if state.scheduler.owes_nothing(worker) && state.worker(worker).is_some_and(|io| io.child.is_some()) {
            // Its line ends a moment before it does, which is no news.
            state.hear_no_more(worker);
        }
        self.finish(state);
    }

    fn line_ended(&self, worker: WorkerId, error: LinkError) {
        let mut state = self.state.lock();
        let Some(io) = state.worker(worker) else { return };
        let event = match (error, &io.child) {
            (LinkError::Gone, None) => return self.thread_ended(state, worker),
            (LinkError::Gone, Some(_)) => Event::HungUp(worker),
            (error, _) => Event::Broke(worker, error.to_string()),
        };
        // What it has left behind was to be read now: it may have ended as it should.
        self.listen(&mut state, worker);
        // Its end would be reported for ever; its pidfd says the rest.
        state.hear_no_more(worker);
        self.step(&mut state, Instant::now(), event);
        self.finish(state);
    }

    /// What it has finished counts, what it runs is lost.
    fn thread_ended(&self, mut state: parking_lot::MutexGuard<'_, State>, worker: WorkerId) {
        self.listen(&mut state, worker);
        let begun = state.worker(worker).map(|io| io.begun()).unwrap_or_default();
        let mut io = self.remove(&mut state, worker);
        io.iter_mut().for_each(|io| state.trace_end(io, WorkerExit::Unknown));
        state.gone.extend(io);
        self.step(&mut state, Instant::now(), Event::Exited { worker, exit: WorkerExit::Unknown, begun });
        self.finish(state);
    }

    /// All that a worker has said: its line is read as far as it goes, then what it has finished and not sent. Of one that
    /// is dead, these are its last words; of one that lives, it keeps nobody waiting who need not wait.
    ///
    /// What it wrote wrongly is passed over: a dead one is judged by what it wrote rightly, one that lives will be heard.
    pub(crate) fn listen(&self, state: &mut State, worker: WorkerId) {
        let Some((line, status)) = state.worker(worker).map(|io| (share(io), io.status.clone())) else { return };
        let now = Instant::now();
        let left = (0..LEFT).map_while(|_| line.try_recv().ok().flatten());
        // In this order: what is not in the outbox any more when it is looked at was sent, perhaps just now.
        for frame in left.chain(std::iter::once_with(|| status.unsent())) {
            let _ = self.take_frame(state, now, worker, &frame);
        }
    }

    pub(crate) fn take_frame(
        &self,
        state: &mut State,
        now: Instant,
        worker: WorkerId,
        frame: &[u8],
    ) -> Result<(), String> {
        if frame.is_empty() {
            return Ok(());
        }
        crate::log::trace!(%worker, bytes = frame.len(), "frame received");
        match from_worker(frame).map_err(|error| format!("wrote rubbish: {error}"))? {
            FromWorkerFrame::Hello(hello) => self.hello(state, now, worker, &hello),
            FromWorkerFrame::Prepared => {
                crate::log::debug!(%worker, "worker ready");
                self.step(state, now, Event::Prepared(worker));
                Ok(())
            }
            FromWorkerFrame::Walked(number) => {
                self.step(state, now, Event::Walked(worker, number));
                state.note_free(worker);
                Ok(())
            }
            FromWorkerFrame::Failed(reason) => {
                self.failed(state, now, worker, reason);
                Ok(())
            }
            FromWorkerFrame::Outcomes(first, records) => self.outcomes(state, Speech { worker, now }, (first, records)),
        }
    }

    /// What it was to run first failed; or its finalizer, which harms nobody: its tasks have ended.
    fn failed(&self, state: &mut State, now: Instant, worker: WorkerId, reason: String) {
        crate::log::warning!(%worker, reason, "its preparation or its finalizer failed");
        self.step(state, now, Event::Unprepared(worker, reason));
    }

    fn hello(&self, state: &mut State, now: Instant, worker: WorkerId, hello: &Hello) -> Result<(), String> {
        let Some(io) = state.worker(worker) else { return Ok(()) };
        if let Some(what) = difference((io.identity, io.pid()), hello) {
            return Err(format!("is not a copy of this program: it has another {what}"));
        }
        let prepares = state.scheduler.config().initializer.is_some();
        crate::log::debug!(%worker, "{}", if prepares { "worker prepares" } else { "worker ready" });
        self.step(state, now, Event::Hello(worker));
        Ok(())
    }
}

/// What a worker says otherwise than it should, if anything.
fn difference((ours, pid): (Identity, u32), hello: &Hello) -> Option<&'static str> {
    let theirs = hello.identity;
    let differs = [
        ("protocol version", ours.protocol != theirs.protocol),
        ("token", ours.token != theirs.token),
        ("executable", ours.build != theirs.build),
        ("list of named tasks", ours.registry != theirs.registry),
        ("process id", pid != hello.pid),
    ];
    differs.into_iter().find_map(|(what, differs)| differs.then_some(what))
}

impl State {
    /// What `worker` still writes is read when it has ended.
    fn hear_no_more(&mut self, worker: WorkerId) {
        if let Some((io, registrations)) = self.workers[worker.slot as usize].as_ref()
            && let (Ok(reactor), Some(line)) = (Reactor::get(), registrations.first())
        {
            reactor.remove(io.line.as_fd(), *line);
        }
    }

    /// If `worker` has no more work, its busy time is counted.
    pub(crate) fn note_free(&mut self, worker: WorkerId) {
        let idle = matches!(self.scheduler.state_of(worker), Some(WorkerState::Idle { .. }));
        if let Some(Some((io, _))) = self.workers.get_mut(worker.slot as usize)
            && idle
        {
            note_busy(io, &mut self.stats);
            io.busy_since = None;
            if let Some(ledger) = &mut self.ledger {
                ledger.free(Instant::now(), worker);
            }
            if !io.hold.is_empty() {
                self.read_args.extend(io.hold.release());
            }
        }
    }

    pub(crate) fn is_stopping(&self, worker: WorkerId) -> bool {
        matches!(self.scheduler.state_of(worker), Some(WorkerState::Stopping(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_of_another_program_is_told_apart() {
        let own = Identity { protocol: 1, build: 2, registry: 3, token: 4 };
        let says = |identity, pid| difference((own, 77), &Hello { identity, pid });
        assert_eq!(says(own, 77), None);
        assert_eq!(says(Identity { protocol: 9, ..own }, 77), Some("protocol version"));
        assert_eq!(says(Identity { build: 9, ..own }, 77), Some("executable"));
        assert_eq!(says(Identity { registry: 9, ..own }, 77), Some("list of named tasks"));
        assert_eq!(says(Identity { token: 9, ..own }, 77), Some("token"));
        assert_eq!(says(own, 78), Some("process id"));
    }
}
