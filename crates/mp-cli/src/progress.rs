//! A progress bar on standard error: only on a terminal, and only when the work takes its time.
//!
//! Does **not** know what the work is.
//!
//! The cursor rests at the start of the bar's line. At its end, where the line is full, the terminal would write a typed
//! `^C` on the next line, and the last state of the bar would stay where nobody clears it.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// The bar is drawn so often in a second, at most.
const HZ: u8 = 20;

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
    /// A bar for `total` tasks (`None`: nobody knows), unless `never` or nobody can see it.
    pub(crate) fn new(total: Option<u64>, never: bool) -> Self {
        let state = if never || !std::io::stderr().is_terminal() { State::Never } else { State::Waiting };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = match total {
            Some(_) => "{bar:30.cyan} {pos}/{len} tasks{rate}{left}{msg}",
            None => "{spinner:.cyan} {pos} tasks{rate}{msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("rate", rate).with_key("left", left));
        }
        Self { bar, begun: Instant::now(), state }
    }

    /// One task more is done.
    pub(crate) fn done(&self) {
        if self.state != State::Never {
            self.bar.inc(1);
        }
    }

    /// Time has passed; of what runs, `running` says how much is done and how much there is to do.
    pub(crate) fn tick(&mut self, running: impl FnOnce() -> Vec<(u64, u64)>) {
        if self.state == State::Waiting && self.begun.elapsed() > PATIENCE {
            let terminal = Box::new(CursorAtStart(Term::buffered_stderr()));
            self.bar.set_draw_target(ProgressDrawTarget::term_like_with_hz(terminal, HZ));
            self.state = State::Shown;
        }
        if self.state == State::Shown {
            self.bar.set_message(within(&running()));
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

/// `, 3.7/s`, once there is something to measure.
fn rate(state: &ProgressState, out: &mut dyn Write) {
    let rate = state.per_sec();
    // What cannot be written into the bar is not there; nothing depends on it.
    match state.pos() {
        0 => Ok(()),
        _ if rate < 10.0 => write!(out, ", {rate:.1}/s"),
        _ => write!(out, ", {rate:.0}/s"),
    }
    .ok();
}

/// `, in it 3/10`: what the tasks that run say of themselves (`mp::progress`).
fn within(running: &[(u64, u64)]) -> String {
    let sum = |part: fn(&(u64, u64)) -> u64| running.iter().map(part).fold(0, u64::saturating_add);
    let (done, total) = (sum(|said| said.0), sum(|said| said.1));
    match running.len() {
        0 => String::new(),
        1 => format!(", in it {done}/{total}"),
        tasks => format!(", in {tasks} that run {done}/{total}"),
    }
}

/// `, 12s to go`, once there is something to tell it from.
fn left(state: &ProgressState, out: &mut dyn Write) {
    if state.pos() > 0 {
        write!(out, ", {:#} to go", HumanDuration(state.eta())).ok();
    }
}

/// A terminal that is left with the cursor at the start of the last line.
#[derive(Debug)]
struct CursorAtStart(Term);

impl TermLike for CursorAtStart {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.0.write_line(s)
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.0.write_str(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tasks_say_of_themselves_is_added_up() {
        assert_eq!(within(&[]), "");
        assert_eq!(within(&[(3, 10)]), ", in it 3/10");
        assert_eq!(within(&[(3, 10), (4, 5), (u64::MAX, 1)]), format!(", in 3 that run {}/16", u64::MAX));
    }
}
