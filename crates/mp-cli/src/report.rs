//! What is said on standard error: failures with a hint, problems, the summary.
//!
//! Does **not** know standard output. Colours only where standard error is a terminal that wants them (anstream).

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use mp::{Crash, CrashFrame, Failure, Insights, WorkerExit};
use serde_json::{Value, json};

use crate::args::Format;
use crate::logging::as_event;
use crate::problem::{Problem, program};

const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// So many of a dead worker's last lines are shown.
const LAST_WORDS: usize = 10;

/// Says things; hints once each.
#[derive(Debug, Default)]
pub(crate) struct Report {
    hinted: Vec<String>,
    /// The command knows no `--retries`.
    once: bool,
}

impl Report {
    /// Of a command that tries each task once, whatever comes.
    pub(crate) fn without_retries() -> Self {
        Self { once: true, ..Self::default() }
    }

    /// A task that failed.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        let text = format!("{failure}{}{}", last_words(failure), place(failure));
        self.error(&text, hint(failure, self.once));
    }

    /// Something that was no task.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        self.error(&problem.message, problem.hint.as_deref());
    }

    fn error(&mut self, text: &str, hint: Option<&str>) {
        if let Some(event) = as_event("ERROR", text, hint) {
            return say(&event.to_string());
        }
        say(&format!("{RED}{}:{RED:#} {text}", program()));
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }

    fn hint(&mut self, hint: &str) {
        if self.hinted.iter().any(|said| said == hint) || self.hinted.len() > 8 {
            return;
        }
        self.hinted.push(hint.to_owned());
        say(&format!("{CYAN}hint:{CYAN:#} {hint}"));
    }
}

/// As [`note`], in the place of the `^C` that a terminal shows where it was typed.
pub(crate) fn note_over_echo(text: &str) {
    if io::stderr().is_terminal() {
        write!(io::stderr(), "\r\x1b[K").ok();
    }
    note(text);
}

/// A line of its own, as `mpctl: text`, that is no error.
pub(crate) fn note(text: &str) {
    match as_event("INFO", text, None) {
        Some(event) => say(&event.to_string()),
        None => say(&format!("{DIM}{}: {text}{DIM:#}", program())),
    }
}

/// Where the time went: a table for people, one object for programs.
pub(crate) fn insights(insights: &Insights, format: Format) {
    match (as_event("INFO", "insights", None), format) {
        (Some(mut event), _) => {
            event["fields"]["insights"] = json!(insights);
            say(&event.to_string());
        }
        (None, Format::Json) => say(&json!({"insights": insights}).to_string()),
        (None, Format::Lines | Format::Table) => say(&insights.to_string()),
    }
}

fn say(line: &str) {
    // Where standard error is closed there is nobody left to tell.
    writeln!(anstream::stderr(), "{line}").ok();
}

/// The last lines that a dead worker wrote to its standard error, where they were captured.
fn last_words(failure: &Failure) -> String {
    let Failure::Lost { stderr_tail, .. } = failure else { return String::new() };
    let lines: Vec<_> = stderr_tail.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LAST_WORDS)..];
    shown.iter().map(|line| format!("\n  | {line}")).collect()
}

/// Where it crashed, if that is asked for as for a panic's backtrace.
fn crash_of(failure: &Failure) -> Option<&Crash> {
    match failure {
        Failure::Lost { crash, .. } if wants_backtraces() => crash.as_ref(),
        _ => None,
    }
}

fn wants_backtraces() -> bool {
    std::env::var_os("RUST_BACKTRACE").is_some_and(|wants| wants != "0")
}

fn place(failure: &Failure) -> String {
    crash_of(failure).map(|crash| format!("\n{crash}").trim_end().to_owned()).unwrap_or_default()
}

fn hint(failure: &Failure, once: bool) -> Option<&'static str> {
    Some(match failure {
        Failure::Lost { exit: WorkerExit::Signaled { signal: 9, .. }, .. } => {
            "SIGKILL comes from outside: somebody's kill, or the kernel when memory ran out (dmesg tells)"
        }
        Failure::Lost { crash: Some(_), .. } if once && !wants_backtraces() => {
            "only the process of this task has ended, the others go on; RUST_BACKTRACE=1 shows where it crashed"
        }
        Failure::Lost { crash: Some(_), .. } if !wants_backtraces() => {
            "only this task's process has ended, others go on; --retries N tries again, RUST_BACKTRACE=1 shows where it crashed"
        }
        Failure::Lost { .. } if once => "only the process of this task has ended, the others go on",
        Failure::Lost { .. } => "only this task's process has ended, others go on; --retries N tries again",
        Failure::TimedOut { .. } if once => "--timeout sets the limit",
        Failure::TimedOut { .. } => "--timeout sets the limit, --retries N tries again",
        Failure::Panicked { .. } => {
            "a panic costs no worker; with RUST_BACKTRACE=1, --format json shows how the task came to it"
        }
        _ => return None,
    })
}

/// A failure for programs.
pub(crate) fn failure_json(failure: &Failure) -> Value {
    let mut object = json!({"kind": kind(failure), "message": failure.to_string()});
    match failure {
        Failure::Panicked { message, location, backtrace, .. } => {
            object["panic"] = json!({"message": message, "location": location, "backtrace": backtrace});
        }
        Failure::Lost { exit, worker, pid, stderr_tail, attempts, peak_rss, .. } => {
            object["worker"] = json!(worker.to_string());
            object["pid"] = json!(pid);
            object["exit"] = json!(exit.code());
            object["attempts"] = json!(attempts);
            object["stderr_tail"] = json!(stderr_tail);
            object["peak_rss"] = json!(peak_rss);
            object["crash"] = crash_of(failure).map_or(Value::Null, crash_json);
        }
        Failure::TimedOut { after, .. } => object["after_seconds"] = json!(after.as_secs_f64()),
        _ => {}
    }
    object
}

fn crash_json(crash: &Crash) -> Value {
    let frame =
        |frame: &CrashFrame| json!({"function": frame.function, "location": frame.location, "module": frame.module});
    json!({"address": crash.address(), "frames": crash.frames().iter().map(frame).collect::<Vec<_>>()})
}

/// Something that was no task, for programs.
pub(crate) fn problem_json(problem: &Problem) -> Value {
    json!({"kind": "rejected", "message": problem.message, "hint": problem.hint})
}

pub(crate) fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Panicked { .. } => "panicked",
        Failure::Lost { .. } => "lost",
        Failure::TimedOut { .. } => "timed_out",
        Failure::Codec { .. } => "codec",
        Failure::Cancelled => "cancelled",
        Failure::Stopped { .. } => "stopped",
        _ => "failed",
    }
}
