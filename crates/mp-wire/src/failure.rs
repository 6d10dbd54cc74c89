//! The one final word on a task that has no value.
//!
//! Does **not** know who decides it: the worker (panic, codec) or the supervisor (all else).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mp_crash::Crash;
use serde::{Deserialize, Serialize};

use crate::{TaskId, WorkerExit, WorkerId};

/// Which task an outcome speaks of. Printed as `task 17 "squares::square"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskLabel {
    /// Its number in the pool.
    pub id: TaskId,
    /// The function's path, or the name that the submitter gave.
    pub name: Arc<str>,
}

impl fmt::Display for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} \"{}\"", self.id, self.name)
    }
}

/// Where on its way a value could not be encoded or decoded.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CodecStage {
    /// The arguments, in the caller's thread.
    EncodeArgs,
    /// The arguments, in the worker.
    DecodeArgs,
    /// The result, in the worker.
    EncodeResult,
    /// The result, in the caller's thread.
    DecodeResult,
}

impl fmt::Display for CodecStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EncodeArgs => "arguments could not be encoded",
            Self::DecodeArgs => "arguments could not be decoded",
            Self::EncodeResult => "result could not be encoded",
            Self::DecodeResult => "result could not be decoded",
        })
    }
}

/// Why a task has no value. Every task that was accepted ends in its value or in exactly one of these.
///
/// A function that returns `Result` is a task like any other: its `Err` is a value, not a `Failure`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The task panicked; the worker goes on. Python re-raises the exception here.
    #[non_exhaustive]
    Panicked {
        /// What it said, or `Box<dyn Any>` where the payload was no text.
        message: String,
        /// `file:line:column`.
        location: Option<String>,
        /// Where it came from, when `RUST_BACKTRACE` asks for it.
        backtrace: Option<String>,
        /// Which task.
        task: TaskLabel,
    },
    /// The worker died while it ran the task. Python's `Pool` hangs here; `ProcessPoolExecutor` breaks.
    #[non_exhaustive]
    Lost {
        /// How it ended.
        exit: WorkerExit,
        /// Which worker.
        worker: WorkerId,
        /// The process it was (0 where the worker was a thread).
        pid: u32,
        /// The last lines the worker wrote to its standard error, where that is captured; else empty.
        stderr_tail: String,
        /// How many times the task was begun.
        attempts: u32,
        /// The most memory that the process had resident, in bytes. `None` where that is not known: for a thread, and for a process
        /// that had less than its supervisor, whose own peak the kernel counts in.
        peak_rss: Option<u64>,
        /// Where it crashed, if it died by a signal such as SIGSEGV or SIGABRT. Its `Display` is the backtrace. Of many such
        /// failures at once the last ones have none: what is kept is bounded.
        crash: Option<Crash>,
        /// Which task.
        task: TaskLabel,
    },
    /// The task ran longer than its limit; its worker was ended and replaced.
    #[non_exhaustive]
    TimedOut {
        /// The limit.
        after: Duration,
        /// Which task.
        task: TaskLabel,
    },
    /// A value on its way to or from the worker could not be encoded or decoded.
    #[non_exhaustive]
    Codec {
        /// Which value, where.
        stage: CodecStage,
        /// What the codec said.
        reason: String,
        /// Which task.
        task: TaskLabel,
    },
    /// It was cancelled before it had a value.
    Cancelled,
    /// The pool ended before the task could.
    #[non_exhaustive]
    Stopped {
        /// What ended the pool.
        reason: String,
    },
}

impl Failure {
    /// A panic of `task`.
    #[must_use]
    pub fn panicked(task: TaskLabel, panic: Panic) -> Self {
        let Panic { message, location, backtrace } = panic;
        Self::Panicked { message, location, backtrace, task }
    }

    /// `task` was lost with the worker that ran it.
    #[must_use]
    pub fn lost(task: TaskLabel, attempts: u32, (worker, exit, seen): (WorkerId, WorkerExit, Evidence)) -> Self {
        let Evidence { pid, stderr_tail, peak_rss, crash } = seen;
        Self::Lost { exit, worker, pid, stderr_tail, attempts, peak_rss, crash, task }
    }

    /// `task` ran longer than `after`.
    #[must_use]
    pub fn timed_out(task: TaskLabel, after: Duration) -> Self {
        Self::TimedOut { after, task }
    }

    /// A value of `task` could not cross.
    #[must_use]
    pub fn codec(task: TaskLabel, stage: CodecStage, reason: String) -> Self {
        Self::Codec { stage, reason, task }
    }

    /// The pool ended first.
    #[must_use]
    pub fn stopped(reason: impl Into<String>) -> Self {
        Self::Stopped { reason: reason.into() }
    }

    /// The task that this is about, where the failure names one.
    #[must_use]
    pub fn task(&self) -> Option<&TaskLabel> {
        match self {
            Self::Panicked { task, .. }
            | Self::Lost { task, .. }
            | Self::TimedOut { task, .. }
            | Self::Codec { task, .. } => Some(task),
            Self::Cancelled | Self::Stopped { .. } => None,
        }
    }
}

/// What a worker that died left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The process it was; 0 where it was a thread.
    pub pid: u32,
    /// The last lines of its standard error, at most 4 KiB, where that was captured.
    pub stderr_tail: String,
    /// Its peak of resident memory, in bytes, where that is known.
    pub peak_rss: Option<u64>,
    /// Where it crashed, if it told.
    pub crash: Option<Crash>,
}

/// What a panic left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    /// Its text.
    pub message: String,
    /// `file:line:column`.
    pub location: Option<String>,
    /// The captured backtrace, where one was asked for.
    pub backtrace: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { message, location, task, .. } => {
                write!(f, "{task} panicked")?;
                if let Some(location) = location {
                    write!(f, " at {location}")?;
                }
                write!(f, ": {message}")
            }
            Self::Lost { exit, worker, pid, attempts, task, .. } => {
                write!(f, "worker {worker} (pid {pid}) {exit} while running {task}")?;
                if *attempts > 1 {
                    write!(f, " (attempt {attempts})")?;
                }
                Ok(())
            }
            Self::TimedOut { after, task } => write!(f, "{task} timed out after {after:?}"),
            Self::Codec { stage, reason, task } => write!(f, "{task}: {stage}: {reason}"),
            Self::Cancelled => f.write_str("task was cancelled"),
            Self::Stopped { reason } => write!(f, "task was not finished: {reason}"),
        }
    }
}

impl std::error::Error for Failure {}
