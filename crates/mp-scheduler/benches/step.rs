//! What a decision costs: nanoseconds per item, from submit to finished, for 1, 8 and 1,000 workers.
//!
//! Does **not** know processes: each worker answers at once, in order.
//!
//! ```text
//!  one by one:  submit ─▶ Send ─▶ finished, the next              a pool that is never full
//!  backlog:     submit × 1,000,000, then finished × 1,000,000     a pool that is always full
//!  map:         one span of 1,000,000 items
//! ```

#![expect(clippy::print_stdout, reason = "a benchmark's outcome is what it prints")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mp_scheduler::{Action, Config, Event, Scheduler, Span, Terms};
use mp_wire::{TaskId, WorkerId};

const ITEMS: u32 = 1_000_000;

struct Pool {
    scheduler: Scheduler,
    now: Instant,
    actions: Vec<Action>,
    /// Frames on their way.
    sent: VecDeque<(WorkerId, Vec<Span>)>,
}

impl Pool {
    fn new(workers: u32) -> Self {
        let scheduler = Scheduler::new(Config { workers, ..Config::default() });
        let mut pool = Self { scheduler, now: Instant::now(), actions: Vec::new(), sent: VecDeque::new() };
        pool.step(Event::Tick);
        pool
    }

    fn greet(&mut self) {
        let ids: Vec<_> = self.scheduler.workers().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|worker| self.step(Event::Hello(worker)));
    }

    fn step(&mut self, event: Event) {
        self.scheduler.step(self.now, event, &mut self.actions);
        self.perform();
    }

    fn perform(&mut self) {
        for action in self.actions.drain(..) {
            if let Action::Send { worker, spans, .. } = action {
                self.sent.push_back((worker, spans));
            }
        }
    }

    fn submit(&mut self, from: u32, len: u32) {
        let (first, terms) = (TaskId(u64::from(from)), Terms::default());
        self.step(Event::Submit(Span { job: 0, from, to: from + len, first, weight: 100, attempt: 1, terms }));
    }

    /// The oldest frame is answered, item by item; gives how many.
    fn answer(&mut self) -> u32 {
        let Some((worker, spans)) = self.sent.pop_front() else { return 0 };
        let items = spans.iter().flat_map(|span| (0..span.len()).map(|i| span.first.plus(i)));
        let mut count = 0;
        for task in items {
            let item = self.scheduler.finished(self.now, worker, (task, 1), &mut self.actions);
            assert!(item.is_some(), "in order");
            count += 1;
        }
        self.perform();
        count
    }

    fn answer_all(&mut self, items: u32) {
        let mut answered = 0;
        while answered < items {
            let more = self.answer();
            assert!(more > 0, "work is left, and nobody has it");
            answered += more;
        }
    }
}

fn one_by_one(workers: u32) -> Duration {
    let mut pool = Pool::new(workers);
    pool.greet();
    let start = Instant::now();
    for item in 0..ITEMS / 10 {
        pool.submit(item, 1);
        pool.answer();
    }
    start.elapsed() * 10
}

fn backlog(workers: u32) -> (Duration, Duration) {
    let mut pool = Pool::new(workers);
    pool.greet();
    let start = Instant::now();
    (0..ITEMS).for_each(|item| pool.submit(item, 1));
    let submitted = start.elapsed();
    pool.answer_all(ITEMS);
    (submitted, start.elapsed() - submitted)
}

fn map(workers: u32) -> Duration {
    let mut pool = Pool::new(workers);
    pool.greet();
    let start = Instant::now();
    (0..ITEMS).step_by(4000).for_each(|from| pool.submit(from, 4000));
    pool.answer_all(ITEMS);
    start.elapsed()
}

fn main() {
    println!(
        "{:>8} {:>14} {:>16} {:>18} {:>8}",
        "workers", "one by one", "backlog: submit", "backlog: finished", "map"
    );
    for workers in [1, 8, 1000] {
        let per_item = |time: Duration| format!("{:.0} ns", time.as_nanos() as f64 / f64::from(ITEMS));
        let ((submit, finished), single, map) = (backlog(workers), one_by_one(workers), map(workers));
        let cells = [single, submit, finished, map].map(per_item);
        println!("{workers:>8} {:>14} {:>16} {:>18} {:>8}", cells[0], cells[1], cells[2], cells[3]);
    }
}
