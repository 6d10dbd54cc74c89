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
use mp::Said;

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Of a text that a task says, so much is shown.
const TEXT: usize = 40;

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

    /// Time has passed; `running` is what those that run say of themselves.
    pub(crate) fn tick(&mut self, running: impl FnOnce() -> Vec<Said>) {
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

/// `, in it 3/10, "reading"`: what the tasks that run say of themselves (`mp::progress`). Of numbers the sum, of shares the mean, of texts
/// the first.
fn within(running: &[Said]) -> String {
    let (mut done, mut total, mut counted, mut shares, mut texts) = (0_u64, 0_u64, 0, Vec::new(), Vec::new());
    for said in running {
        match said {
            Said::Part { done: part, total: whole } => {
                (done, total, counted) = (done.saturating_add(*part), total.saturating_add(*whole), counted + 1);
            }
            Said::Count(part) => (done, counted) = (done.saturating_add(*part), counted + 1),
            Said::Share(share) => shares.push(share.clamp(0.0, 1.0)),
            Said::Text(text) => texts.push(text),
            _ => {}
        }
    }
    let of = |tasks: usize, what: String| match tasks {
        0 => String::new(),
        1 => format!(", in it {what}"),
        tasks => format!(", in {tasks} that run {what}"),
    };
    let whole = if total > 0 { format!("/{total}") } else { String::new() };
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let text = texts.first().map_or_else(String::new, |text| format!(", \"{}\"", one_line(text)));
    let shares = of(shares.len(), format!("{:.0}%", mean * 100.0));
    format!("{}{shares}{text}{}", of(counted, format!("{done}{whole}")), and_more(texts.len()))
}

/// What a terminal can show in a line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT).collect::<String>().trim().to_owned()
}

fn and_more(texts: usize) -> String {
    if texts > 1 { format!(" and {} more", texts - 1) } else { String::new() }
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
        let part = |done, total| Said::Part { done, total };
        assert_eq!(within(&[part(3, 10)]), ", in it 3/10");
        assert_eq!(within(&[part(3, 10), part(4, 5), part(u64::MAX, 1)]), format!(", in 3 that run {}/16", u64::MAX));
        assert_eq!(within(&[Said::Count(3)]), ", in it 3");
        assert_eq!(within(&[Said::Share(0.5), Said::Share(7.0)]), ", in 2 that run 75%");
        let texts = [Said::Text("reading\n\x1b[31ma file".to_owned()), Said::Text("writing".to_owned())];
        assert_eq!(within(&texts[..1]), ", \"reading  [31ma file\"", "nothing that a terminal obeys");
        assert_eq!(within(&texts), ", \"reading  [31ma file\" and 1 more");
    }
}
