//! A progress bar on standard error: only on a terminal, and only when the work takes its time.
//!
//! Does **not** know what the work is.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// The bar, or the wait for it.
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// There will be no bar.
    Never,
    /// Not yet.
    Waiting,
    Shown,
}

impl Progress {
    /// A bar for `total` tasks (`None`: nobody knows), unless `quiet` or nobody can see it.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        let state = if quiet || !std::io::stderr().is_terminal() { State::Never } else { State::Waiting };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = match total {
            Some(_) => "{bar:30.cyan} {pos}/{len} tasks, {per_sec}, {eta} to go",
            None => "{spinner:.cyan} {pos} tasks, {per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, begun: Instant::now(), state }
    }

    /// One task more is done.
    pub(crate) fn done(&self) {
        if self.state != State::Never {
            self.bar.inc(1);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self) {
        if self.state == State::Waiting && self.begun.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.state = State::Shown;
        }
        if self.state == State::Shown {
            self.bar.tick();
        }
    }

    /// Runs `write` with the bar out of its way.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.state == State::Shown { self.bar.suspend(write) } else { write() }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Since the work began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}
