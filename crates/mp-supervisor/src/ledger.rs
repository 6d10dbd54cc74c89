//! The books on a pool's workers, where somebody wants them: which slot spent how long on what, and which tasks ran longest.
//!
//! Does **not** decide anything by them, nor look at a clock: it is told what happens, and when.
//!
//! ```text
//!            Start             Hello            Prepared        Send          free            Stop, Kill      Exited
//!   Gone ──────────▶ Starting ───────▶ Preparing ──────▶ Waiting ────▶ Working ────▶ Waiting ─────────▶ Ending ─────▶ Gone
//! ```
//!
//! It takes a few hundred bytes for each slot and some KiB for each of the slowest tasks, however many there are.

use std::time::{Duration, Instant};

use mp_scheduler::{Action, Event};
use mp_wire::WorkerId;
use mp_wire::record::Times;
use mp_worker::Show;

use crate::insights::{Insights, SlowTask, WorkerInsights};
use crate::trace::Half;

/// So many of the slowest are kept.
const SLOWEST: usize = 10;

/// Arguments of more bytes than this are not kept to be shown.
pub(crate) const ARGS_MOST: usize = 4096;

/// The arguments of a task, to be shown if it turns out to be slow.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) show: Show,
    /// None where there are too many.
    pub(crate) bytes: Option<Box<[u8]>>,
    pub(crate) len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Preparing,
    Waiting,
    Working,
    Ending,
}

#[derive(Clone, Debug)]
struct Book {
    worker: WorkerId,
    /// What it does, and since when; none where nobody is.
    now: Option<(Phase, Instant)>,
    so_far: WorkerInsights,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: Vec<Book>,
    /// The slowest first.
    slowest: Vec<(SlowTask, Option<Asked>)>,
}

impl Ledger {
    /// Something happened; a worker `prepares` if it runs something after its first word.
    pub(crate) fn heard(&mut self, now: Instant, event: &Event, prepares: bool) {
        match event {
            Event::Trusted(worker) => self.turn(now, *worker, Some(Phase::Waiting)),
            Event::Hello(worker) if prepares => self.turn(now, *worker, Some(Phase::Preparing)),
            Event::Hello(worker) | Event::Prepared(worker) => self.turn(now, *worker, Some(Phase::Waiting)),
            Event::Exited { worker, .. } | Event::StartFailed(worker, _) => self.turn(now, *worker, None),
            _ => {}
        }
    }

    /// Something is done.
    pub(crate) fn doing(&mut self, now: Instant, action: &Action) {
        match action {
            Action::Start(worker) => self.start(now, *worker),
            Action::Send { worker, .. } => self.turn(now, *worker, Some(Phase::Working)),
            Action::Stop(worker) | Action::Terminate(worker) | Action::Kill(worker) => {
                self.turn(now, *worker, Some(Phase::Ending));
            }
            _ => {}
        }
    }

    /// A worker has no work any more.
    pub(crate) fn free(&mut self, now: Instant, worker: WorkerId) {
        if self.book(worker).is_some_and(|book| matches!(book.now, Some((Phase::Working, _)))) {
            self.turn(now, worker, Some(Phase::Waiting));
        }
    }

    /// A task ended in a value. When it ran is what its worker says, and is believed here only.
    pub(crate) fn ran(&mut self, half: &Half, times: Times) {
        let run = Duration::from_nanos(times.ran_ns);
        let Some(book) = self.book(half.by.worker) else { return };
        book.so_far.tasks += 1;
        book.so_far.run = book.so_far.run.saturating_add(run);
        let place = self.slowest.partition_point(|(slow, _)| slow.run >= run);
        if place < SLOWEST {
            self.slowest.truncate(SLOWEST - 1);
            self.slowest.insert(place, (slow_task(half, times), half.asked.clone()));
        }
    }

    /// What is known at this moment. The arguments of the slowest are to be shown without any lock: see [`Draft::finish`].
    pub(crate) fn draft(&self, now: Instant, pid: impl Fn(u32) -> Option<u32>) -> Draft {
        let worker = |book: &Book| {
            let mut book = book.clone();
            book.close(now);
            WorkerInsights { pid: pid(book.so_far.slot), ..book.so_far }
        };
        Draft { workers: self.books.iter().map(worker).collect(), slowest: self.slowest.clone() }
    }

    fn start(&mut self, now: Instant, worker: WorkerId) {
        for slot in self.books.len() as u32..=worker.slot {
            let so_far = WorkerInsights { slot, ..WorkerInsights::default() };
            self.books.push(Book { worker, now: None, so_far });
        }
        if let Some(book) = self.books.get_mut(worker.slot as usize) {
            book.worker = worker;
            book.so_far.started += 1;
            book.now = Some((Phase::Starting, now));
        }
    }

    /// Once it is told to end, it does nothing else.
    fn turn(&mut self, now: Instant, worker: WorkerId, next: Option<Phase>) {
        let Some(book) = self.book(worker) else { return };
        if matches!(book.now, Some((Phase::Ending, _))) && next.is_some() {
            return;
        }
        book.close(now);
        book.now = book.now.and(next).map(|next| (next, now));
    }

    /// The book of a worker that lives (I5).
    fn book(&mut self, worker: WorkerId) -> Option<&mut Book> {
        self.books.get_mut(worker.slot as usize).filter(|book| book.worker == worker)
    }
}

impl Book {
    /// What it did until now counts.
    fn close(&mut self, now: Instant) {
        let Some((phase, since)) = self.now else { return };
        let so_far = match phase {
            Phase::Starting => &mut self.so_far.start_up,
            Phase::Preparing => &mut self.so_far.init,
            Phase::Waiting => &mut self.so_far.wait,
            Phase::Working => &mut self.so_far.work,
            Phase::Ending => &mut self.so_far.exit,
        };
        *so_far = so_far.saturating_add(now.saturating_duration_since(since));
    }
}

fn slow_task(half: &Half, times: Times) -> SlowTask {
    SlowTask {
        task: half.attempt.task,
        name: half.attempt.name.as_str().to_owned(),
        worker: half.by.worker,
        wait: Duration::from_nanos(times.ran_from_ns.saturating_sub(half.attempt.submitted_ns)),
        run: Duration::from_nanos(times.ran_ns),
        args: None,
        args_bytes: half.asked.as_ref().map_or(0, |asked| asked.len),
    }
}

/// Insights whose tasks have no arguments yet.
pub(crate) struct Draft {
    workers: Vec<WorkerInsights>,
    slowest: Vec<(SlowTask, Option<Asked>)>,
}

impl Draft {
    /// Shows the arguments, which runs code of the caller's.
    pub(crate) fn finish(self) -> Insights {
        let show = |(slow, asked): (SlowTask, Option<Asked>)| {
            let args = asked.and_then(|asked| (asked.show)(&asked.bytes?));
            SlowTask { args, ..slow }
        };
        Insights { workers: self.workers, slowest: self.slowest.into_iter().map(show).collect() }
    }
}

#[cfg(test)]
mod tests {
    use mp_wire::{TaskId, WorkerExit};

    use super::*;
    use crate::job::Name;
    use crate::trace::{Attempt, Sending};

    const WORKER: WorkerId = WorkerId { slot: 1, generation: 1 };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn each_moment_of_a_life_is_counted_once() {
        let (mut ledger, begin) = (Ledger::default(), Instant::now());
        let at = |ms: u64| begin + Duration::from_millis(ms);
        ledger.doing(at(0), &Action::Start(WORKER));
        ledger.heard(at(3), &Event::Hello(WORKER), true);
        ledger.heard(at(10), &Event::Prepared(WORKER), true);
        ledger.doing(at(20), &Action::Send { worker: WORKER, number: 1, spans: Vec::new() });
        ledger.doing(at(25), &Action::Send { worker: WORKER, number: 2, spans: Vec::new() });
        ledger.free(at(50), WORKER);
        ledger.free(at(60), WORKER);
        ledger.doing(at(70), &Action::Stop(WORKER));
        ledger.doing(at(75), &Action::Kill(WORKER));
        ledger.free(at(76), WORKER);
        let stale = WorkerId { generation: 9, ..WORKER };
        ledger.heard(at(77), &Event::Hello(stale), true);
        let meanwhile = ledger.draft(at(80), |_| None).finish();
        assert_eq!(meanwhile.workers[1].exit, ms(10), "what it does counts up to now");
        ledger.heard(at(90), &Event::Exited { worker: WORKER, exit: WorkerExit::Exited(0), begun: [(0, 0); 2] }, true);
        let all = ledger.draft(at(500), |slot| Some(slot + 7)).finish();
        let one = &all.workers[1];
        let times = [one.start_up, one.init, one.wait, one.work, one.exit];
        assert_eq!(times, [ms(3), ms(7), ms(30), ms(30), ms(20)]);
        assert_eq!((all.workers.len(), one.started, one.slot, one.pid), (2, 1, 1, Some(8)));
    }

    #[test]
    fn the_slowest_are_kept_in_order_and_no_more_of_them() {
        let mut ledger = Ledger::default();
        ledger.doing(Instant::now(), &Action::Start(WORKER));
        for n in 0..100_u64 {
            let asked = Asked { show: |bytes| Some(format!("({})", bytes[0])), bytes: Some([n as u8].into()), len: 1 };
            let attempt = Attempt { task: TaskId(n), number: 1, name: Name::Function("f"), submitted_ns: 5 };
            let by = Sending { worker: WORKER, lane: (1, 1), frame: 1, sent_ns: 6 };
            let half = Half { attempt, by, asked: Some(asked), ended: None, heard_ns: 9 };
            // 0, 37, 74, 11, .. : each of 0..100 once.
            ledger.ran(&half, Times { begun_ns: 7, ran_from_ns: 8, ran_ns: n * 37 % 100, done_ns: 9 });
        }
        let all = ledger.draft(Instant::now(), |_| None).finish();
        let run: Vec<_> = all.slowest.iter().map(|slow| slow.run.as_nanos()).collect();
        assert_eq!(run, [99, 98, 97, 96, 95, 94, 93, 92, 91, 90]);
        let slow = &all.slowest[0];
        assert_eq!((slow.task.0 * 37 % 100, slow.args.clone()), (99, Some(format!("({})", slow.task.0))));
        assert_eq!((slow.wait, slow.args_bytes, all.workers[1].tasks), (Duration::from_nanos(3), 1, 100));
    }
}
