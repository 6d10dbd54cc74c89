//! `chaos`: the run of [`crate::chaos`], and what it came to.
//!
//! Does **not** judge.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::args::{Format, StartMethod, Talk};
use crate::chaos::{Plan, Report, run};
use crate::exit::Exit;
use crate::numbers::{retries, whole, workers};
use crate::pool_cmds::start_method;
use crate::problem::Problem;
use crate::timeline::Timeline;
use crate::{duration, interrupt, report};

/// Kill workers at random under many tasks, and check that each task is accounted for
///
/// Tasks take up to some milliseconds and carry up to some 100 KB each way; each result can be checked. Every task must
/// end in its value, or in the failure of a worker that was killed while it ran it; nothing may be left behind. The exit
/// code is 0 only if that holds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpctl chaos
  mpctl chaos --tasks 200000 --kill-every 20 --workers 4 --seed 7
  mpctl chaos --retries 3 --format json")]
pub(crate) struct Chaos {
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = Plan::default().tasks, allow_negative_numbers = true, value_parser = whole::<u32>(0..=u32::MAX, "a number of tasks"))]
    tasks: u32,
    /// The time between two kills: in milliseconds, or with a unit
    #[arg(long, value_name = "MS", default_value = "20", allow_negative_numbers = true, value_parser = milliseconds)]
    kill_every: Duration,
    /// What sizes, times and victims follow from
    #[arg(long, value_name = "S", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX, "a whole number, 0 or more"))]
    seed: u64,
    /// How many workers [default: the processors this program may use]
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = workers)]
    workers: Option<usize>,
    /// How a worker process starts
    #[arg(long, value_name = "METHOD", default_value = "spawn")]
    start_method: StartMethod,
    /// How often a task that was lost with its worker is tried again
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = retries)]
    retries: u32,
    /// Record when each task waited, crossed and ran, for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trace: Option<PathBuf>,
    /// `lines` and `table` for people, `json` for programs: one object
    #[arg(long, value_name = "FORM", default_value = "lines")]
    format: Format,
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0) => Err("expected more than nothing".to_owned()),
        Ok(number) => Ok(Duration::from_millis(number)),
        Err(_) => duration::parse(text),
    }
}

/// `chaos`
pub(crate) fn chaos(options: &Chaos, talk: &Talk) -> Result<Exit, Problem> {
    if options.start_method == StartMethod::Fork {
        return Err(Problem::usage("forked workers are not replaced, so they cannot be killed for long")
            .hint("--start-method spawn"));
    }
    let timeline = Timeline::create(options.trace.as_deref())?;
    let plan = Plan {
        tasks: options.tasks,
        kill_every: options.kill_every,
        seed: options.seed,
        workers: options.workers.unwrap_or_else(mp::cpu_count),
        retries: options.retries,
        start_method: start_method(options.start_method),
        trace: timeline.as_ref().map(|timeline| timeline.trace.clone()),
        ..Plan::default()
    };
    let stop = Arc::new(AtomicBool::new(false));
    // The books are closed all the same.
    interrupt::stop_when_asked(&stop, "no more tasks are submitted")?;
    let report = run(&plan, &stop).map_err(|error| Problem::from_runtime(&error))?;
    show(&report, options.format).map_err(|error| Problem::failed(&error))?;
    report.notes.iter().for_each(|note| report::note(note));
    let exit = match (report.is_good(), stop.load(Ordering::Relaxed)) {
        (false, _) => Exit::TaskFailed,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Done,
    };
    Timeline::finish(timeline, Ok(exit), talk)
}

fn show(report: &Report, format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = match format {
        Format::Json => writeln!(out, "{}", report.json()),
        Format::Lines | Format::Table => {
            report.rows().iter().try_for_each(|(name, value)| writeln!(out, "{name:<30} {value}"))
        }
    };
    match written {
        // A reader that has left has the exit code.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_milliseconds() {
        assert_eq!(milliseconds("20"), Ok(Duration::from_millis(20)));
        assert_eq!(milliseconds("1.5s"), Ok(Duration::from_millis(1500)));
        assert!(milliseconds("0").is_err() && milliseconds("soon").is_err());
    }
}
