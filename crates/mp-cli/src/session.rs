//! The one loop of a command that runs tasks: events in, results and failures out, until all is said.
//!
//! Does **not** know where events come from, nor how to stop what makes them: it says how it ended.

use std::io::{self, StdoutLock};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select};
use mp::{Failure, Pool};
use serde_json::{Value, json};

use crate::args::{Format, LogFormat, Show, Talk};
use crate::duration;
use crate::exit::Exit;
use crate::feed::Event;
use crate::interrupt::Signal;
use crate::output::Output;
use crate::problem::{Problem, unwritable};
use crate::progress::Progress;
use crate::report::{Report, failure_json, note, note_over_echo, problem_json};

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// A result waits no longer for others to be written with it: unseen by people, and it saves a write for each.
const GATHER: Duration = Duration::from_millis(5);

/// Why the loop ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Every item had its word.
    Complete,
    /// A signal came.
    Interrupted(Signal),
    /// Standard output is closed: who read it has enough.
    ReaderGone,
    /// Standard output can't be written (a full disk).
    OutputFailed(io::Error),
}

/// What the pool (or the processes) counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) workers: usize,
    /// Inside the functions, summed.
    pub(crate) run: Duration,
    /// Workers at work, summed.
    pub(crate) busy: Duration,
    /// What the workers did when they were not inside the functions.
    pub(crate) cost: &'static str,
}

/// See the module.
pub(crate) struct Session {
    output: Output<StdoutLock<'static>>,
    report: Report,
    progress: Progress,
    /// Whose tasks it shows; ends without waiting for this.
    pool: Weak<Pool>,
    summary: bool,
    /// Since when there is something that was not flushed.
    unseen: Option<Instant>,
    exit: Exit,
    done: u64,
    failed: u64,
    rejected: u64,
}

impl Session {
    /// For `total` items, where that is known.
    pub(crate) fn new(show: &Show, talk: &Talk, total: Option<u64>) -> Self {
        // A log would be written across the bar.
        let no_bar = talk.quiet || talk.verbose > 0 || talk.log_format == LogFormat::Json;
        Self {
            output: Output::new(show.format, io::stdout().lock()),
            report: Report::default(),
            progress: Progress::new(total, no_bar),
            pool: Weak::new(),
            summary: !talk.quiet && show.format != Format::Json,
            unseen: None,
            exit: Exit::Done,
            done: 0,
            failed: 0,
            rejected: 0,
        }
    }

    /// With what is said of failures.
    pub(crate) fn reporting(self, report: Report) -> Self {
        Self { report, ..self }
    }

    /// With what the tasks of `pool` say of themselves while they run.
    pub(crate) fn watching(self, pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::downgrade(pool), ..self }
    }

    /// Shows what comes until nothing more can, or must.
    pub(crate) fn run(&mut self, events: &Receiver<Event>, interrupts: &Receiver<Signal>) -> Ending {
        let mut interrupts = interrupts.clone();
        loop {
            let step = select! {
                recv(interrupts) -> signal => match signal {
                    Ok(signal) => return Ending::Interrupted(signal),
                    Err(_) => { interrupts = never(); Ok(()) }
                },
                recv(events) -> event => match event {
                    Ok(event) => self.event(event).and_then(|()| self.flush_if_due()),
                    Err(_) => return self.flush().map_or_else(Ending::from, |()| Ending::Complete),
                },
                default(if self.unseen.is_some() { GATHER } else { TICK }) => self.idle(),
            };
            if let Err(error) = step {
                return Ending::from(error);
            }
        }
    }

    /// Says how it went, and gives the exit code.
    pub(crate) fn finish(mut self, ending: Ending, counted: Counted) -> Exit {
        self.progress.finish();
        match ending {
            Ending::Complete => self.conclude("complete", &counted),
            Ending::Interrupted(signal) => {
                self.exit.worsen(Exit::Interrupted);
                self.flush().ok();
                note_over_echo(&format!(
                    "interrupted by {signal} after {}{} and {}",
                    tasks(self.done),
                    self.but(),
                    self.elapsed()
                ));
                self.output.summary(&self.json("interrupted", &counted)).and_then(|()| self.flush()).ok();
            }
            Ending::ReaderGone => {}
            Ending::OutputFailed(error) => {
                self.exit.worsen(Exit::TaskFailed);
                self.report.problem(&unwritable(&error));
            }
        }
        self.exit
    }

    fn conclude(&mut self, ended: &str, counted: &Counted) {
        let summary = self.json(ended, counted);
        if let Err(error) = self.output.summary(&summary).and_then(|()| self.flush())
            && let Ending::OutputFailed(error) = Ending::from(error)
        {
            self.exit.worsen(Exit::TaskFailed);
            self.report.problem(&unwritable(&error));
        }
        if self.summary {
            note(&self.text(counted));
        }
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.progress.done();
        match event {
            Event::Outcome(index, outcome) => self.outcome(index, outcome),
            Event::Rejected(index, problem) => self.rejected(index, &problem),
        }
    }

    fn outcome(&mut self, index: u64, outcome: Result<Value, Failure>) -> io::Result<()> {
        self.done += 1;
        match outcome {
            Ok(value) => self.output.value(index, &value),
            Err(failure) => self.failure(index, &failure),
        }
    }

    fn failure(&mut self, index: u64, failure: &Failure) -> io::Result<()> {
        self.failed += 1;
        self.exit.worsen(Exit::of(failure));
        self.output.error(index, &failure_json(failure))?;
        self.flush()?;
        self.progress.aside(|| self.report.failure(failure));
        Ok(())
    }

    fn rejected(&mut self, index: u64, problem: &Problem) -> io::Result<()> {
        self.rejected += 1;
        self.exit.worsen(problem.exit);
        self.output.error(index, &problem_json(problem))?;
        self.flush()?;
        self.progress.aside(|| self.report.problem(problem));
        Ok(())
    }

    fn flush_if_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let since = *self.unseen.get_or_insert(now);
        if now - since > GATHER { self.idle() } else { Ok(()) }
    }

    fn idle(&mut self) -> io::Result<()> {
        let said = |pool: Arc<Pool>| pool.said().into_iter().map(|(_, said)| said).collect();
        self.progress.tick(|| self.pool.upgrade().map_or_else(Vec::new, said));
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unseen = None;
        if self.output.is_flushed() {
            return Ok(());
        }
        self.progress.aside(|| self.output.flush())
    }

    fn elapsed(&self) -> String {
        duration::show(self.progress.elapsed())
    }

    fn text(&self, counted: &Counted) -> String {
        let workers = if counted.workers == 1 { "1 worker".to_owned() } else { format!("{} workers", counted.workers) };
        // What a task did that never ended is not known, so there is no share to tell.
        let share = overhead_share(counted)
            .filter(|_| self.failed == 0)
            .map(|share| format!(", {:.0}% of the workers' time was {}", share * 100.0, counted.cost));
        format!("{}{} on {workers} in {}{}", tasks(self.done), self.but(), self.elapsed(), share.unwrap_or_default())
    }

    /// ` (1 failed, 2 rejected)`.
    fn but(&self) -> String {
        let failed = (self.failed > 0).then(|| format!("{} failed", self.failed));
        let rejected = (self.rejected > 0).then(|| format!("{} rejected", self.rejected));
        let both = [failed, rejected].into_iter().flatten().collect::<Vec<_>>();
        if both.is_empty() { String::new() } else { format!(" ({})", both.join(", ")) }
    }

    fn json(&self, ended: &str, counted: &Counted) -> Value {
        json!({
            "ended": ended,
            "exit": self.exit.code(),
            "workers": counted.workers,
            "tasks": self.done,
            "failed": self.failed,
            "rejected": self.rejected,
            "seconds": self.progress.elapsed().as_secs_f64(),
            "run_seconds": counted.run.as_secs_f64(),
            "overhead_share": overhead_share(counted),
        })
    }
}

fn tasks(number: u64) -> String {
    if number == 1 { "1 task".to_owned() } else { format!("{number} tasks") }
}

fn overhead_share(counted: &Counted) -> Option<f64> {
    let busy = counted.busy.as_secs_f64();
    (busy > 0.0).then(|| (1.0 - counted.run.as_secs_f64() / busy).clamp(0.0, 1.0))
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::OutputFailed(error) }
    }
}
