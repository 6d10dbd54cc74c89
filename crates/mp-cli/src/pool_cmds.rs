//! `apply` and `map`: a pool, what it is fed, and the session that shows what comes back.
//!
//! Does **not** read items or write results itself.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use mp::NamedTask;

use crate::args::{self, Apply, Format, Map, Talk};
use crate::arguments::{self, Raw};
use crate::exit::Exit;
use crate::feed::{self, Event, Walk};
use crate::interrupt;
use crate::logging;
use crate::problem::Problem;
use crate::report;
use crate::resolve::resolve;
use crate::session::{Counted, Ending, Session};
use crate::source;
use crate::timeline::Timeline;

/// `apply TASK ARGS…`
pub(crate) fn apply(apply: Apply, talk: &Talk) -> Result<Exit, Problem> {
    let task = resolve(&apply.call.task)?;
    let given = apply.call.args.into_iter().map(Raw::from_text).collect();
    let args = arguments::encode(task, given)?;
    // One task needs one worker, unless more are asked for.
    let timeline = Timeline::create(apply.pool.birth.trace.as_deref())?;
    let pool = build(&apply.pool, apply.pool.birth.workers.unwrap_or(1), (task, timeline.as_ref()))?;
    let session = Session::new(&apply.show, talk, Some(1));
    let exit = run(session, (pool, &apply.pool, apply.show.format), |pool| feed::apply(pool, task, args));
    Timeline::finish(timeline, exit, talk)
}

/// `map TASK ITEMS…`
pub(crate) fn map(map: &Map, talk: &Talk) -> Result<Exit, Problem> {
    let task = resolve(&map.task)?;
    let source = source::open(map, task)?;
    let workers = map.pool.birth.workers.unwrap_or_else(mp::cpu_count);
    let timeline = Timeline::create(map.pool.birth.trace.as_deref())?;
    let pool = build(&map.pool, workers, (task, timeline.as_ref()))?;
    let session = Session::new(&map.show, talk, source.total);
    let exit = run(session, (pool, &map.pool, map.show.format), |pool| feed::map(pool, task, source, walk(map)));
    Timeline::finish(timeline, exit, talk)
}

fn walk(map: &Map) -> Walk {
    match (map.unordered, map.asynchronous) {
        (true, _) => Walk::Unordered,
        (false, true) => Walk::Handles,
        (false, false) => Walk::Ordered,
    }
}

fn run(
    session: Session,
    (pool, options, format): (Arc<mp::Pool>, &args::Pool, Format),
    feed: impl FnOnce(&Arc<mp::Pool>) -> Receiver<Event>,
) -> Result<Exit, Problem> {
    let mut session = session.watching(&pool);
    let interrupts = interrupt::install().map_err(|error| Problem::failed(&error))?;
    let events = feed(&pool);
    let ending = session.run(&events, &interrupts);
    let stats = pool.stats();
    let counted = Counted { workers: stats.workers, run: stats.run, busy: stats.busy, cost: cost(options.backend) };
    // Before the last word, so that no worker lives when it is said.
    let joined = end(&pool, &ending);
    let exit = session.finish(ending, counted);
    pool.insights().iter().for_each(|insights| report::insights(insights, format));
    joined.map(|()| exit)
}

fn end(pool: &mp::Pool, ending: &Ending) -> Result<(), Problem> {
    match ending {
        Ending::Complete => {}
        Ending::Interrupted(_) | Ending::ReaderGone | Ending::OutputFailed(_) => pool.terminate(),
    }
    // Not left to the drop of the pool: whoever waits for a line of input may still hold it.
    pool.join().map_err(|error| Problem::failed(&error).hint("-v shows how each worker began and ended"))
}

fn build(
    options: &args::Pool,
    workers: usize,
    (task, timeline): (&NamedTask, Option<&Timeline>),
) -> Result<Arc<mp::Pool>, Problem> {
    let mut builder = mp::Pool::builder()
        .workers(workers)
        .name(task.name)
        .backend(backend(options.backend))
        .start_method(start_method(options.birth.start_method))
        .retries(options.retries)
        .nice(options.nice)
        .pin_workers(options.pin)
        .insights(options.insights)
        .output(output(options.birth.output));
    if let Some(level) = logging::wanted() {
        builder = builder.forward_tracing(level);
    }
    if let Some(timeline) = timeline {
        builder = builder.trace(&timeline.trace);
    }
    if let Some(tasks) = options.max_tasks_per_worker {
        builder = builder.max_tasks_per_worker(tasks);
    }
    if let Some(timeout) = options.birth.timeout {
        builder = builder.timeout(timeout);
    }
    builder.build().map(Arc::new).map_err(|error| Problem::from_runtime(&error))
}

/// What the workers' time is, beside that of their tasks.
fn cost(backend: args::Backend) -> &'static str {
    match backend {
        args::Backend::Processes => "IPC",
        args::Backend::Threads => "handing tasks over",
        args::Backend::Serial => "encoding",
    }
}

fn backend(backend: args::Backend) -> mp::Backend {
    match backend {
        args::Backend::Processes => mp::Backend::Processes,
        args::Backend::Threads => mp::Backend::Threads,
        args::Backend::Serial => mp::Backend::Serial,
    }
}

/// The runtime's word for it.
pub(crate) fn output(output: args::Output) -> mp::Output {
    match output {
        args::Output::Inherit => mp::Output::Inherit,
        args::Output::Null => mp::Output::Null,
        args::Output::Capture => mp::Output::Capture,
    }
}

/// The runtime's word for it.
pub(crate) fn start_method(method: args::StartMethod) -> mp::StartMethod {
    match method {
        args::StartMethod::Spawn => mp::StartMethod::Spawn,
        args::StartMethod::ForkServer => mp::StartMethod::ForkServer,
        args::StartMethod::Fork => mp::StartMethod::Fork,
    }
}
