//! `measure`: what a task costs on workers, and from which task on they pay; shown, not judged.
//!
//! Does **not** measure: `mp-measure` does.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum, ValueHint};
use mp_measure::{Control, Ended, Named, Own, Plan, parse_bytes};

use crate::args::Talk;
use crate::arguments::{self, Raw};
use crate::exit::Exit;
use crate::numbers::{whole, workers};
use crate::problem::Problem;
use crate::resolve::resolve;
use crate::set_aside::SetAside;
use crate::{duration, interrupt};

/// The longest task that makes sense in a grid.
const LONGEST: Duration = Duration::from_secs(10);

/// What an interrupted run says.
const INTERRUPTED: &str = "what was measured is shown after the task that runs; a second Ctrl-C ends it at once";

/// The line of progress is written anew so often, at most.
const REFRESH: Duration = Duration::from_millis(100);

/// Measure what a task costs on workers, layer by layer, and from which task on they pay
///
/// The same work is run as a direct call, on threads, on threads with encoded arguments, over ipc-channel within one
/// process, and on worker processes, in turns: for each size of argument and each task time, one by one and in batches.
/// The report ends with the task time from which workers beat one thread.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpctl measure
  mpctl measure --full --html report.html
  mpctl measure --payload 8,64K,1MiB --task-time 1us,100us,10ms --workers 1,2 --time-budget 30s
  mpctl measure --task square 12")]
pub(crate) struct Measure {
    /// A small grid, in some 15 seconds; this is the default
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// The whole grid: 0 B to 64 MiB, 1 µs to 100 ms, with pauses as well; some minutes
    #[arg(long)]
    full: bool,
    /// Measure this task instead of the grid, with the arguments that follow
    #[arg(long, value_name = "NAME", conflicts_with_all = ["quick", "full", "payload", "task_time", "html"])]
    task: Option<String>,
    /// Its arguments: JSON where they parse as JSON, else strings
    #[arg(value_name = "ARGS", requires = "task", allow_negative_numbers = true)]
    args: Vec<String>,
    /// Sizes of the argument: 0, 8, 64K, 1MiB
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = parse_bytes)]
    payload: Vec<u64>,
    /// How long tasks work: 1us, 100us, 10ms
    #[arg(long, value_name = "TIMES", value_delimiter = ',', value_parser = task_time)]
    task_time: Vec<u64>,
    /// Numbers of workers [default: the processors this program may use]
    #[arg(short, long, value_name = "NUMBERS", value_delimiter = ',', allow_negative_numbers = true, value_parser = workers)]
    workers: Vec<usize>,
    /// How often each way of running a task has its turn [default: 3; with --full 5]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1..=1000, "a number from 1 to 1000"))]
    rounds: Option<u32>,
    /// All of it ends after this time, with what was measured [default: 15s; with --full 5m, with --task 10s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    time_budget: Option<Duration>,
    /// `table` for people, `json` for programs: one object
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Form,
    /// Write a page with plots as well, in one file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
}

/// See `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One JSON object
    Json,
    /// Tables and sentences
    Table,
}

fn task_time(text: &str) -> Result<u64, String> {
    let limit = || format!("a task works for 1us to {}", duration::show(LONGEST));
    // A bare number would be seconds, which nobody means.
    if text.parse::<f64>().is_ok() {
        return Err("expected a time with a unit: 1us, 100us, 10ms".to_owned());
    }
    let time = duration::parse(text).map_err(|_| "expected a time with a unit: 1us, 100us, 10ms".to_owned())?;
    let ns = u64::try_from(time.as_nanos()).map_err(|_| limit())?;
    if (1_000..=LONGEST.as_nanos()).contains(&u128::from(ns)) { Ok(ns) } else { Err(limit()) }
}

/// `measure`
pub(crate) fn measure(options: &Measure, talk: &Talk) -> Result<Exit, Problem> {
    if let Some(name) = &options.task {
        return measure_own(name, options, talk);
    }
    let plan = plan(options);
    plan.check().map_err(|error| problem(&error, LIMITS))?;
    // Before the time is spent: a page that cannot be written would be told too late.
    options.html.as_deref().map(writable).transpose()?;
    let stdout = SetAside::stdout()?;
    let stop = Arc::new(AtomicBool::new(false));
    interrupt::stop_when_asked(&stop, INTERRUPTED)?;
    let progress = Progress::new(talk.quiet);
    let measured = plan.run(&Control::new(&stop, &|done, total| progress.show(done, total)));
    progress.clear();
    let measured = measured.map_err(|error| problem(&error, LIMITS))?;
    let text = match options.format {
        Form::Table => measured.table(),
        Form::Json => measured.json() + "\n",
    };
    // First what cost the time: whatever becomes of the page, it is there.
    let shown = show(stdout, &text, measured.ended);
    let write = |path: &PathBuf| std::fs::write(path, measured.html()).map_err(|error| page_lost(path, &error));
    let written = options.html.as_ref().map(write).transpose();
    let exit = shown?;
    written.map(|_| exit)
}

fn show(stdout: SetAside, text: &str, ended: Ended) -> Result<Exit, Problem> {
    let shown = stdout.write(text)?;
    Ok(if ended == Ended::Interrupted { Exit::Interrupted } else { shown })
}

fn measure_own(name: &str, options: &Measure, talk: &Talk) -> Result<Exit, Problem> {
    let task = resolve(name)?;
    let args = arguments::encode(task, options.args.iter().cloned().map(Raw::from_text).collect())?;
    let workers = match options.workers.as_slice() {
        [] => mp::cpu_count(),
        [workers] => *workers,
        _ => return Err(Problem::usage("--task is measured with one number of workers").hint("--workers 2")),
    };
    let standard = Own::default();
    let own = Own {
        workers,
        rounds: options.rounds.unwrap_or(standard.rounds),
        time_budget: options.time_budget.unwrap_or(standard.time_budget),
    };
    let stdout = SetAside::stdout()?;
    let stop = Arc::new(AtomicBool::new(false));
    interrupt::stop_when_asked(&stop, INTERRUPTED)?;
    let progress = Progress::new(talk.quiet);
    let measured = own.run(&Named { task, args }, &Control::new(&stop, &|done, total| progress.show(done, total)));
    progress.clear();
    let measured = measured.map_err(|error| problem(&error, OWN_FAILED))?;
    let text = match options.format {
        Form::Table => measured.table() + &more_time(measured.needed_seconds),
        Form::Json => measured.json() + "\n",
    };
    show(stdout, &text, measured.ended)
}

/// What to give where the time was too short.
fn more_time(seconds: Option<f64>) -> String {
    seconds.map(|seconds| format!("hint: --time-budget {seconds}s\n")).unwrap_or_default()
}

fn plan(options: &Measure) -> Plan {
    let mut plan = if options.full { Plan::full() } else { Plan::quick() };
    let lists = [(&options.payload, &mut plan.payloads), (&options.task_time, &mut plan.task_ns)];
    for (given, planned) in lists {
        if !given.is_empty() {
            *planned = sorted(given);
        }
    }
    if !options.workers.is_empty() {
        plan.workers = sorted(&options.workers);
    }
    plan.rounds = options.rounds.unwrap_or(plan.rounds);
    plan.time_budget = options.time_budget.unwrap_or(plan.time_budget);
    plan
}

fn sorted<T: Ord + Copy>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

/// Tried without a trace: a measurement that comes to nothing leaves no empty page.
fn writable(path: &Path) -> Result<(), Problem> {
    let new = File::options().write(true).create_new(true).open(path);
    let tried = match new {
        Ok(_) => std::fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => File::options().append(true).open(path).map(drop),
        Err(error) => Err(error),
    };
    tried.map_err(|error| {
        Problem::usage(format!("cannot write {}: {error}", path.display())).hint("--html takes the name of a file")
    })
}

fn page_lost(path: &Path, error: &io::Error) -> Problem {
    let problem = Problem { message: format!("cannot write {}: {error}", path.display()), ..Problem::failed(error) };
    problem.hint("the figures on standard output are complete; for the page, measure again with --html elsewhere")
}

/// Also where the grid's own task failed: it does nothing that could, so the machine did.
const LIMITS: &str = "fewer --workers may do, or higher limits (ulimit -u, -n)";

const OWN_FAILED: &str = "a task is run on a worker first, and measured if it has a value";

/// `of_task` is the hint where a task failed.
fn problem(error: &mp_measure::Error, of_task: &str) -> Problem {
    use mp_measure::Error;
    match error {
        Error::Plan(reason) => Problem::usage(reason.clone()).hint("give smaller lists, or fewer workers"),
        Error::Pool(error) => Problem::from_runtime(error),
        Error::Task(failure) => Problem { exit: Exit::of(failure), ..Problem::failed(failure).hint(of_task) },
        Error::Panicked => Problem::failed(error).hint("what it does must not depend on the process that it runs in"),
        Error::System(_) => Problem::failed(error).hint(LIMITS),
        other => Problem::failed(other).hint("what was measured until then is lost: try again, or with --workers 1"),
    }
}

/// A line on standard error while it lasts. No bar with a thread of its own: that would be measured too.
struct Progress {
    shown: bool,
    last: std::cell::Cell<Option<Instant>>,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        Self { shown: !quiet && io::stderr().is_terminal(), last: std::cell::Cell::new(None) }
    }

    fn show(&self, done: u64, total: u64) {
        let due = self.last.get().is_none_or(|last| last.elapsed() > REFRESH);
        if self.shown && due {
            self.last.set(Some(Instant::now()));
            let percent = 100 * done / total.max(1);
            // Where standard error is closed, nobody looks.
            write!(io::stderr(), "\r\x1b[Kmeasuring, {done} of {total} turns ({percent} %)\r").ok();
        }
    }

    fn clear(&self) {
        if self.shown {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_times_need_a_unit_and_have_limits() {
        assert_eq!(
            [task_time("1us"), task_time("1.5ms"), task_time("1s")],
            [Ok(1000), Ok(1_500_000), Ok(1_000_000_000)]
        );
        for text in ["5", "0.1us", "1h", "soon", ""] {
            assert!(task_time(text).is_err(), "{text}");
        }
    }
}
