//! From what becomes of a timed attempt to its place in the timeline: how it was sent, who ran it, how it ended.
//!
//! Does **not** decide how it ended: its worker says so, or the scheduler when that has died.
//!
//! ```text
//!  value, panic, refusal:   its worker's word ─▶ half ─▶ its worker's times ─▶ noted
//!  its worker dies:         what ran, since when its worker says ─▶ the scheduler's verdict ─▶ noted
//!  it is to die:            what ran is kept: the pool may forget it before the end of the worker is heard of
//!  nobody began it:         settled ─▶ noted
//! ```

use mp_scheduler::{Span, Verdict};
use mp_sys::clock::monotonic_ns;
use mp_wire::record::Times;
use mp_wire::{TaskId, WorkerExit, WorkerId};

use crate::sent::Item;
use crate::state::State;
use crate::trace::{Attempt, Ended, Half, Sending};
use crate::worker_io::WorkerIo;

impl State {
    /// The outcome of a traced attempt has come; when it ran comes next.
    pub(crate) fn half_trace(&mut self, worker: WorkerId, item: &Span, ended: impl FnOnce() -> Option<Ended>) {
        let Some((job, submitted_ns)) = self.jobs.get(item.job).and_then(|job| Some((job, job.traced_ns?))) else {
            return;
        };
        let attempt = Attempt { task: item.first, number: item.attempt, name: job.name.clone(), submitted_ns };
        let asked = self.ledger.is_some().then(|| job.asked(item.from));
        if let Some(io) = self.worker(worker) {
            let sent = io.sent.take(item.first);
            let by = io.sending(sent.as_ref());
            io.half = Some(Half { attempt, by, asked, ended: ended().map(Box::new), heard_ns: monotonic_ns() });
        }
    }

    pub(crate) fn trace_task(&mut self, worker: WorkerId, times: Times) {
        let Some(half) = self.worker(worker).and_then(|io| io.half.take()) else { return };
        if let Some(ledger) = self.ledger.as_mut().filter(|_| half.ended.is_none()) {
            ledger.ran(&half, times);
        }
        if let Some(trace) = &self.trace {
            trace.ran(half, times);
        }
    }

    /// A worker is to be ended: what it runs now may be settled, and forgotten, before it has ended.
    pub(crate) fn keep_running(&mut self, worker: WorkerId) {
        if self.trace.is_none() {
            return;
        }
        let running = self.workers.get(worker.slot as usize).and_then(Option::as_ref);
        let half = running.filter(|(io, _)| io.id == worker).and_then(|(io, _)| self.half_of(io));
        if let (Some(io), Some(half)) = (self.worker(worker), half) {
            io.at_end = Some(Box::new(half));
        }
    }

    /// A worker has ended so: what it ran is noted, before the scheduler hears of it.
    pub(crate) fn trace_end(&self, io: &mut WorkerIo, exit: WorkerExit) {
        let Some(trace) = &self.trace else { return };
        let Some(item) = io.sent.running(&io.begun()) else { return };
        let kept = io.at_end.take().filter(|half| half.attempt.task == item.task).map(|half| *half);
        let Some(mut half) = kept.or_else(|| self.half_of(io)) else { return };
        let verdict = self.scheduler.verdict(io.id, item.task, exit);
        let now = monotonic_ns();
        (half.ended, half.heard_ns) = (Some(Box::new(Ended::by(&verdict))), now);
        io.at_end = Some(Box::new(half.clone()));
        // Its worker wrote when it began: not to be trusted.
        let begun_ns = io.status.started_ns().clamp(item.sent_ns.min(now), now);
        trace.ran(half, Times { begun_ns, ran_from_ns: begun_ns, ran_ns: now - begun_ns, done_ns: now });
    }

    /// These are settled. What was begun is noted when its worker's end is heard of.
    pub(crate) fn trace_settled(&self, span: &Span, verdict: &Verdict) {
        let Some((trace, job)) = self.trace.as_ref().zip(self.jobs.get(span.job)) else { return };
        let Some(submitted_ns) = job.traced_ns else { return };
        let tasks = (0..span.len()).map(|offset| span.first.plus(offset));
        for task in tasks.filter(|task| !self.ran_at_end(*task)) {
            let attempt = Attempt { task, number: span.attempt, name: job.name.clone(), submitted_ns };
            trace.waited(attempt, Ended::by(verdict));
        }
    }

    /// Whether a worker that has ended, or is about to, ran this.
    fn ran_at_end(&self, task: TaskId) -> bool {
        let living = self.workers.iter().flatten().map(|(io, _)| io);
        let ran = |io: &WorkerIo| io.at_end.as_ref().is_some_and(|half| half.attempt.task == task);
        living.chain(&self.gone).any(ran)
    }

    /// What a worker runs.
    fn half_of(&self, io: &WorkerIo) -> Option<Half> {
        let item = io.sent.running(&io.begun())?;
        // The number of a job is used again; that of a task is not.
        let job = self.jobs.get(item.job).filter(|job| job.first <= item.task && item.task < job.end())?;
        let (name, submitted_ns) = (job.name.clone(), job.traced_ns?);
        let attempt = Attempt { task: item.task, number: item.attempt, name, submitted_ns };
        Some(Half { attempt, by: io.sending(Some(&item)), asked: None, ended: None, heard_ns: 0 })
    }
}

impl WorkerIo {
    /// That it was sent this item.
    fn sending(&self, item: Option<&Item>) -> Sending {
        let (frame, sent_ns) = item.map_or((0, 0), |item| (item.frame, item.sent_ns));
        Sending { worker: self.id, lane: self.lane(), frame, sent_ns }
    }
}
