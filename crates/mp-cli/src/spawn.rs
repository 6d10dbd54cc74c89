//! `spawn`: N processes, one shared queue for what they return.
//!
//! Does **not** use a pool.
//!
//! ```text
//!  process 0 ─ run_into ─┐            joined well: its result is in the queue,
//!  process 1 ─ run_into ─┼─▶ queue    so one result may be taken for each (whoever's it is)
//!  process 2 ─ dies      ┘            died: its failure is the outcome, nothing is waited for
//! ```

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mp::{Failure, NamedTask};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::args::{Birth, Spawn, StartMethod, Talk};
use crate::arguments::{self, Raw};
use crate::exit::Exit;
use crate::feed::Event;
use crate::interrupt;
use crate::logging;
use crate::pool_cmds::{output, start_method};
use crate::problem::Problem;
use crate::report::Report;
use crate::resolve::resolve;
use crate::session::{Counted, Ending, Session};
use crate::timeline::Timeline;

/// A result is in the queue before its process ends; this is for a machine that stands still.
const QUEUE_PATIENCE: Duration = Duration::from_secs(10);

/// Between asking processes to end and killing them.
const GRACE: Duration = Duration::from_secs(2);

/// What a process puts into the queue.
#[derive(Debug, Serialize, Deserialize)]
struct Delivery {
    process: u64,
    run_ns: u64,
    result: Result<Vec<u8>, String>,
}

/// What is to be run, as each process gets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    task: String,
    args: Vec<u8>,
    process: u64,
}

type Results = mp::Queue<Delivery>;
type Process = mp::Process<()>;

/// `spawn TASK ARGS…`
pub(crate) fn spawn(spawn: Spawn, talk: &Talk) -> Result<Exit, Problem> {
    let task = resolve(&spawn.call.task)?;
    let given = spawn.call.args.into_iter().map(Raw::from_text).collect();
    let order = Order { task: task.name.to_owned(), args: arguments::encode(task, given)?, process: 0 };
    let workers = spawn.birth.workers.unwrap_or_else(mp::cpu_count);
    check_fork(spawn.birth.start_method, workers)?;
    let results = Results::new().map_err(|error| Problem::failed(&error))?;
    let timeline = Timeline::create(spawn.birth.trace.as_deref())?;
    let begun = Instant::now();
    let born = (0..workers as u64).map(|process| {
        let order = Order { process, ..order.clone() };
        start(task, (&spawn.birth, timeline.as_ref()), (order, results.clone()))
    });
    let processes = born.collect::<Result<Vec<_>, _>>()?;
    let living: Vec<_> = processes.iter().map(Arc::downgrade).collect();

    let interrupts = interrupt::install().map_err(|error| Problem::failed(&error))?;
    let mut session = Session::new(&spawn.show, talk, Some(workers as u64)).reporting(Report::without_retries());
    let run_ns = Arc::new(AtomicU64::new(0));
    let events = collect(task, join_all(processes), results, run_ns.clone());
    let ending = session.run(&events, &interrupts);
    match ending {
        Ending::Complete => {}
        Ending::Interrupted(_) | Ending::ReaderGone | Ending::OutputFailed(_) => end_all(&living),
    }
    let run = Duration::from_nanos(run_ns.load(Ordering::Relaxed));
    let busy = begun.elapsed().saturating_mul(u32::try_from(workers).unwrap_or(u32::MAX));
    let exit = session.finish(ending, Counted { workers, run, busy, cost: "starting and IPC" });
    Timeline::finish(timeline, Ok(exit), talk)
}

fn check_fork(method: StartMethod, workers: usize) -> Result<(), Problem> {
    if workers == 1 || method != StartMethod::Fork {
        return Ok(());
    }
    Err(Problem::usage(format!("--start-method fork starts one process here, not {workers}")).hint(
        "only a process of one thread can be forked, and watching the first takes another: --workers 1, or mpctl map",
    ))
}

fn start(
    task: &'static NamedTask,
    (birth, timeline): (&Birth, Option<&Timeline>),
    args: (Order, Results),
) -> Result<Arc<Process>, Problem> {
    let mut process = mp::Process::builder(run_into, args).task_name(task.name);
    process = process.start_method(start_method(birth.start_method)).output(output(birth.output));
    if let Some(timeline) = timeline {
        process = process.trace(&timeline.trace);
    }
    if let Some(level) = logging::wanted() {
        process = process.forward_tracing(level);
    }
    if let Some(timeout) = birth.timeout {
        process = process.timeout(timeout);
    }
    process.spawn().map(Arc::new).map_err(|error| Problem::from_runtime(&error))
}

/// What each process runs: the task, and its result into the queue.
fn run_into(order: Order, results: Results) {
    let [task] = mp::find_task(&order.task)[..] else { unreachable!("the same program has the same tasks") };
    let mut out = Vec::new();
    let (run_ns, result) = match task.run(&order.args, &mut out) {
        Ok(ran) => (ran.run_ns, Ok(out)),
        Err(refused) => (0, Err(format!("{}: {}", refused.stage, refused.reason))),
    };
    let delivery = Delivery { process: order.process, run_ns, result };
    if let Err(error) = results.put(delivery) {
        panic!("the result could not be put into the queue: {error}");
    }
}

/// One thread for each process: joining is waiting.
fn join_all(processes: Vec<Arc<Process>>) -> Receiver<(u64, Result<(), Failure>)> {
    let (sender, joined) = unbounded();
    for (number, process) in (0..).zip(processes) {
        let sender = sender.clone();
        thread::spawn(move || {
            process.wait();
            // Shared with `end_all` only: when it looks, nobody wants the outcome any more.
            let outcome = Arc::into_inner(process).map(Process::join);
            outcome.map(|outcome| sender.send((number, outcome)))
        });
    }
    joined
}

/// Ends those that have not ended, and waits for them: asked all at once, killed after the grace.
fn end_all(processes: &[Weak<Process>]) {
    let living: Vec<_> = processes.iter().filter_map(Weak::upgrade).collect();
    living.iter().for_each(|process| process.terminate());
    let deadline = Instant::now() + GRACE;
    for process in living {
        if process.wait_timeout(deadline.saturating_duration_since(Instant::now())).is_none() {
            process.kill();
            process.wait();
        }
    }
}

/// An event for each process as it ends.
fn collect(
    task: &'static NamedTask,
    joined: Receiver<(u64, Result<(), Failure>)>,
    results: Results,
    run_ns: Arc<AtomicU64>,
) -> Receiver<Event> {
    let (events, receiver) = unbounded();
    thread::spawn(move || {
        for (number, end) in joined {
            let event = match end {
                Ok(()) => delivered(task, number, &results, &run_ns),
                Err(failure) => Event::Outcome(number, Err(failure)),
            };
            if Sender::send(&events, event).is_err() {
                return;
            }
        }
    });
    receiver
}

fn delivered(task: &NamedTask, number: u64, results: &Results, run_ns: &AtomicU64) -> Event {
    let delivery = match results.get_timeout(QUEUE_PATIENCE) {
        Ok(delivery) => delivery,
        Err(error) => return Event::Rejected(number, Problem::failed(&error)),
    };
    run_ns.fetch_add(delivery.run_ns, Ordering::Relaxed);
    let value = delivery.result.and_then(|bytes| (task.decode)(&bytes).map_err(|error| error.to_string()));
    match value {
        Ok(value) => Event::Outcome(delivery.process, Ok(value)),
        Err(text) => {
            let message = format!("process {} \"{}\": {text}", delivery.process, task.name);
            Event::Rejected(delivery.process, Problem { message, hint: None, exit: Exit::TaskFailed })
        }
    }
}
