//! Chaos: many tasks of mixed sizes and times while workers are killed at random, and then the books are checked.
//!
//! Does **not** print. It sees the pool as any program does: calls, outcomes, pids, stats.
//!
//! ```text
//!  applier ─ apply_async ─┐            ┌─▶ worker ─ begun, ended ─▶ marks (a memory file)
//!  mapper ── starmap ─────┼─▶ Pool ────┤        ▲                              │
//!       │                 │            └─▶ worker ◀─ SIGKILL ─ killer           │
//!       └─ outcomes ──────┴─▶ tally (the time between them) ─▶ audit ◀──────────┘
//!                                         before ─▶ left ◀─ after: children, descriptors, memory
//! ```
//!
//! What the workers wrote into the marks and what the callers were told are two accounts of the same run, and neither
//! knows the other: the audit compares them.

mod audit;
mod killer;
mod left;
mod marks;
mod report;
mod submit;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

pub use left::Left;
pub use report::Report;

use audit::Books;
use killer::Killer;
use marks::Log;
use submit::{Course, Told};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many tasks.
    pub tasks: u32,
    /// How long between two kills.
    pub kill_every: Duration,
    /// What sizes, times and victims follow from.
    pub seed: u64,
    /// How many workers.
    pub workers: usize,
    /// How often a lost task is tried again.
    pub retries: u32,
    /// How workers start.
    pub start_method: mp::StartMethod,
    /// When so long nothing is heard of any task, those that are open are lost.
    pub patience: Duration,
    /// Where the tasks are recorded, if anywhere.
    pub trace: Option<mp::Trace>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            tasks: 20_000,
            kill_every: Duration::from_millis(20),
            seed: 0,
            workers: mp::cpu_count(),
            retries: 0,
            start_method: mp::StartMethod::default(),
            patience: Duration::from_secs(30),
            trace: None,
        }
    }
}

/// Does it. When `stop` is set no more tasks are submitted, and the books are checked for those that were.
///
/// # Errors
/// When no pool or no memory file can be made.
pub fn run(plan: &Plan, stop: &Arc<AtomicBool>) -> mp::Result<Report> {
    warm_up(plan)?;
    let log = Log::create().map_err(|source| mp::Error::Os { doing: "no memory file for the marks", source })?;
    wreak(plan, &log, stop)
}

/// What a process makes once and keeps: threads, epoll, lifeline.
fn warm_up(plan: &Plan) -> mp::Result<()> {
    let pool = mp::Pool::builder().workers(1).start_method(plan.start_method).build()?;
    pool.apply(std::process::id, ())?;
    pool.join()
}

fn wreak(plan: &Plan, log: &Log, stop: &Arc<AtomicBool>) -> mp::Result<Report> {
    let (before, began) = (Left::look(), Instant::now());
    let pool = build(plan)?;
    let course = Arc::new(Course::new(plan, log.address(), stop));
    let killer = Killer::start(&pool, plan);
    let mut books = Books::new(plan);
    gather(plan, &mut books, &pool, &course);
    let kills = killer.stop();
    let stats = pool.stats();
    let joined = within(plan.patience, move || pool.join());
    // Before the books are closed, which takes memory of its own.
    let (after, seconds) = (before.wait_for(plan.patience), began.elapsed().as_secs_f64());
    let report =
        Report { seed: plan.seed, seconds, submitted: course.submitted(), kills, before, after, ..books.so_far() };
    Ok(books.close(report, (stats, joined, log.read())))
}

/// Killed this often, workers may well die before they have done anything: that stops no pool here.
fn build(plan: &Plan) -> mp::Result<Arc<mp::Pool>> {
    let pool = mp::Pool::builder().workers(plan.workers).name("chaos").retries(plan.retries);
    let mut pool = pool.restart_limit(u32::MAX, Duration::from_millis(1));
    if let Some(trace) = &plan.trace {
        pool = pool.trace(trace);
    }
    pool.start_method(plan.start_method).build().map(Arc::new)
}

/// Has everything submitted, and hears what becomes of it, until all is heard or nothing is for too long.
fn gather(plan: &Plan, books: &mut Books, pool: &Arc<mp::Pool>, course: &Arc<Course>) {
    let (sender, told) = channel::<Told>();
    for submit in [submit::apply, submit::map] {
        let (pool, course, sender) = (Arc::clone(pool), Arc::clone(course), sender.clone());
        // Not joined: one that waits for a lost outcome waits for ever.
        std::thread::spawn(move || submit(&pool, &course, &sender));
    }
    drop(sender);
    loop {
        match told.recv_timeout(plan.patience) {
            Ok(outcomes) => books.hear(outcomes),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                course.stop.store(true, Ordering::Relaxed);
                return books.give_up();
            }
        }
    }
}

/// What `wait` gives, if it does within `limit`.
fn within<T: Send + 'static>(limit: Duration, wait: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, waited) = channel();
    std::thread::spawn(move || sender.send(wait()));
    waited.recv_timeout(limit).ok()
}
