//! What became of items, as their worker says it: from the records of a frame to those who wait.
//!
//! Does **not** believe it: a record counts once, and only for the item whose turn it is (I9).
//!
//! ```text
//!  records:  | values of 7, 8, 9 .. 40 | spent | report on 41 | values of 60 .. |
//!                     │                           │
//!                     ▼ which are of one job?     ▼
//!             Scheduler::finished ── items ──▶ Sink ─▶ News: who waits for them
//! ```

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use mp_scheduler::Span;
use mp_wire::frame::LARGE_MIN;
use mp_wire::item::Items;
use mp_wire::record::{Records, Report, Word};
use mp_wire::{CodecStage, Failure, Panic, TaskId, WorkerId};

use crate::engine::Engine;
use crate::state::State;
use crate::trace::Ended;
use crate::unread::Unread;
use crate::windows::Brought;

/// Who speaks, and when.
#[derive(Clone, Copy)]
pub(crate) struct Speech {
    pub(crate) worker: WorkerId,
    pub(crate) now: Instant,
}

/// A report, with what it speaks of.
enum Said {
    Bulk(Result<(OwnedFd, u64), String>),
    Window(Result<Brought, String>),
    Panicked(Panic),
    Codec(CodecStage, String),
}

impl Engine {
    /// Takes the records of a frame, of which the first has this number.
    pub(crate) fn outcomes(&self, state: &mut State, by: Speech, frame: (u64, &[u8])) -> Result<(), String> {
        let (mut number, records) = frame;
        if state.worker(by.worker).is_some_and(|io| number > io.records) {
            return Err("left out some of its outcomes".to_owned());
        }
        for word in Records::new(records) {
            let Some(accepted) = state.worker(by.worker).map(|io| io.records) else { return Ok(()) };
            // What was accepted before is said again: the outbox repeats what was sent.
            let known = u32::try_from(accepted.saturating_sub(number)).unwrap_or(u32::MAX);
            match word.map_err(|error| format!("wrote rubbish: {error}"))? {
                Word::Times(times) => state.trace_task(by.worker, times),
                Word::Spent(ns) => state.ran(by, Duration::from_nanos(ns)),
                Word::Values(first, mut values) => {
                    number += u64::from(values.len());
                    let before = values.take_front(known).len();
                    state.accepted(by.worker, number);
                    state.count(by.worker, values.len());
                    if values.as_bytes().len() > LARGE_MIN {
                        let longest = values.map(<[u8]>::len).max().unwrap_or(0);
                        self.lend(state, by.worker, longest);
                    }
                    self.values(state, by, (first.plus(before), values))?;
                }
                Word::Report(task, report) => {
                    number += 1;
                    if known == 0 {
                        state.accepted(by.worker, number);
                        let large = matches!(report, Report::Window(..) | Report::Bulk(_));
                        state.count(by.worker, u32::from(large));
                        self.report(state, by, (task, report))?;
                    }
                }
            }
        }
        state.worker(by.worker).into_iter().for_each(|io| io.at = by.now);
        state.note_free(by.worker);
        Ok(())
    }

    /// The values of the tasks from `first` on, which may be of several jobs.
    fn values(&self, state: &mut State, by: Speech, tasks: (TaskId, Items<'_>)) -> Result<(), String> {
        let (mut first, mut values) = tasks;
        while !values.is_empty() {
            let mut run = values;
            let deliver = |state: &mut State, items: &Span| {
                state.half_trace(by.worker, items, || None);
                state.waited(by.worker, items);
                state.deliver(items, run.take_front(items.len()));
            };
            let items = self.finished(state, by, (first, values.len()), deliver)?;
            values.take_front(items);
            first = first.plus(items);
        }
        Ok(())
    }

    /// What became of a task that has no value in the frame.
    fn report(&self, state: &mut State, by: Speech, (task, report): (TaskId, Report)) -> Result<(), String> {
        let said = match report {
            Report::Bulk(len) => Said::Bulk(self.file(state, by.worker, len)),
            Report::Window(slot, len) => {
                self.arena.iter().for_each(|arena| arena.touch());
                let gone = || Err("its worker is gone".to_owned());
                Said::Window(state.worker(by.worker).map_or_else(gone, |io| io.windows.bring(slot, len)))
            }
            Report::Panicked(panic) => return self.panicked(state, by, (task, panic)),
            Report::Codec(stage, reason) => Said::Codec(stage, reason),
        };
        let deliver = |state: &mut State, item: &Span| {
            state.half_trace(by.worker, item, || match &said {
                Said::Codec(stage, reason) => Some(Ended::refused(*stage, reason)),
                Said::Bulk(_) | Said::Window(_) | Said::Panicked(_) => None,
            });
            state.deliver_report(item, said);
        };
        self.finished(state, by, (task, 1), deliver).map(drop)
    }

    /// The memory file in which a large value came. The next one is to have a window.
    fn file(&self, state: &mut State, worker: WorkerId, len: u64) -> Result<(OwnedFd, u64), String> {
        let io = state.worker(worker).ok_or_else(|| "its worker is gone".to_owned())?;
        let file = io.line.descriptors().map_err(|error| error.to_string())?.pop();
        let file = file.ok_or_else(|| "its memory file did not come along".to_owned())?;
        self.lend(state, worker, usize::try_from(len).unwrap_or(usize::MAX));
        Ok((file, len))
    }

    /// A value of `len` bytes came, and not in a window: it lends one for the next, if it was large.
    fn lend(&self, state: &mut State, worker: WorkerId, len: usize) {
        if let (Some(arena), Some(io)) = (self.arena.as_ref().filter(|arena| arena.wants(len)), state.worker(worker)) {
            let glass = io.windows.lend(len, arena, &io.status);
            glass.iter().for_each(|glass| arena.watch_over(glass));
        }
    }

    /// A panic that is not tried again is the last word on its task.
    fn panicked(&self, state: &mut State, by: Speech, (task, panic): (TaskId, Panic)) -> Result<(), String> {
        let mut actions = std::mem::take(&mut state.actions);
        let item = state.scheduler.panicked(by.now, by.worker, task, &mut actions);
        if let Some((item, _)) = &item {
            state.half_trace(by.worker, item, || Some(Ended::panicked(&panic)));
        }
        if let Some((item, true)) = &item {
            state.deliver_report(item, Said::Panicked(panic));
        }
        self.perform(state, by.now, actions);
        self.believed(state, by.worker, item.is_some())
    }

    /// One that was told to end may speak of what is settled already; one may have ended for what it said before.
    fn believed(&self, state: &mut State, worker: WorkerId, known: bool) -> Result<(), String> {
        if known || state.is_stopping(worker) || state.worker(worker).is_none() {
            return Ok(());
        }
        Err("spoke of a task that it was not given".to_owned())
    }

    /// Hands the items whose turn it was to `deliver`, and does what follows. Gives how many of the `count` are dealt with.
    fn finished(
        &self,
        state: &mut State,
        by: Speech,
        (first, count): (TaskId, u32),
        deliver: impl FnOnce(&mut State, &Span),
    ) -> Result<u32, String> {
        let mut actions = std::mem::take(&mut state.actions);
        let items = state.scheduler.finished(by.now, by.worker, (first, count), &mut actions);
        if let Some(items) = &items {
            deliver(state, items);
        }
        self.perform(state, by.now, actions);
        self.believed(state, by.worker, items.is_some())?;
        Ok(items.map_or(count, |items| items.len()))
    }
}

impl State {
    /// So many more have values.
    fn count(&mut self, worker: WorkerId, values: u32) {
        self.worker(worker).into_iter().for_each(|io| io.fresh += values);
    }

    /// Those that have values since this was said last have run for so long. It is said again where they were heard of before.
    fn ran(&mut self, by: Speech, spent: Duration) {
        let Some(io) = self.worker(by.worker) else { return };
        let count = std::mem::take(&mut io.fresh);
        if count > 0 {
            io.note_ran(by.now, spent);
            self.stats.ran(count, spent);
            self.scheduler.ran(count, spent);
        }
    }

    /// These have values: how long they had waited when their worker came to them.
    fn waited(&mut self, worker: WorkerId, items: &Span) {
        let since = self.jobs.get(items.job).and_then(|job| job.since);
        let began = self.worker(worker).map(|io| io.at);
        let wait = began.zip(since).map(|(began, since)| began.saturating_duration_since(since));
        wait.into_iter().for_each(|wait| self.stats.waited(items.len(), wait));
    }

    /// All records of `worker` before this one are dealt with.
    fn accepted(&mut self, worker: WorkerId, number: u64) {
        if let Some(io) = self.worker(worker) {
            io.records = io.records.max(number);
        }
    }

    /// The values of items whose turn it was.
    fn deliver(&mut self, items: &Span, values: Items<'_>) {
        let job = &mut self.jobs[items.job];
        job.sink.put_values(job.base + u64::from(items.from), values, &mut self.news);
        self.stats.completed += u64::from(items.len());
        self.close_items(items.job, items.len());
    }

    /// The worker's word on an item whose turn it was.
    fn deliver_report(&mut self, item: &Span, said: Said) {
        let job = &mut self.jobs[item.job];
        let index = job.base + u64::from(item.from);
        let label = || job.label(item.first);
        let failure = match said {
            Said::Bulk(Ok(file)) => {
                let label = label();
                self.unread.push(Unread { file, sink: job.sink.set_apart(index), index, label });
                return self.close_items(item.job, 1);
            }
            Said::Window(Ok(brought)) => {
                job.sink.put_brought(index, brought, &mut self.news);
                None
            }
            Said::Bulk(Err(reason)) | Said::Window(Err(reason)) => {
                Some(Failure::codec(label(), CodecStage::DecodeResult, reason))
            }
            Said::Panicked(panic) => Some(Failure::panicked(label(), panic)),
            Said::Codec(stage, reason) => Some(Failure::codec(label(), stage, reason)),
        };
        match failure {
            None => self.stats.completed += 1,
            Some(failure) => {
                self.stats.failed += 1;
                job.sink.put_failure(index, failure, &mut self.news);
            }
        }
        self.close_items(item.job, 1);
    }
}
