//! What workers say beside their outcomes: lines of output, and `tracing` events.
//!
//! Does **not** touch the scheduler, nor what a task is: it tags what it hears and hands it on.

mod desk;
mod events;
mod outlet;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_sys::outlet as pipes;
use mp_wire::lines::Lines;
use mp_wire::outlets::{Outlets, Streams, TraceLevel};
use mp_wire::{TaskId, WorkerId};
use parking_lot::{Condvar, Mutex};

use crate::settings::Output;
use outlet::{Kind, Outlet, Said, Speaker};

/// A line that a worker wrote. See [`crate::PoolBuilder::on_output`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// Which worker.
    pub worker: WorkerId,
    /// Its process.
    pub pid: u32,
    /// The task that ran when it was written, or the last one before; `None` before the first.
    pub task: Option<TaskId>,
    /// To which of its streams.
    pub stream: OutputStream,
    /// The line, without its end. Bytes that are no UTF-8 are replaced.
    pub text: String,
    /// It was longer than 8 KiB: the rest follows as the next line of this stream.
    pub goes_on: bool,
}

/// A standard stream that a worker writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// `[pool 3.2 pid 4711 task 17] text`
impl fmt::Display for OutputLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} pid {}", self.worker, self.pid)?;
        if let Some(task) = self.task {
            write!(f, " task {task}")?;
        }
        write!(f, "] {}", self.text)
    }
}

type Callback = Arc<dyn Fn(OutputLine) + Send + Sync>;

/// What is wanted of the workers' words.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) output: Output,
    callback: Option<Callback>,
    pub(crate) tracing: Option<TraceLevel>,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("output", &self.output).field("tracing", &self.tracing).finish_non_exhaustive()
    }
}

impl Wanted {
    pub(crate) fn handed_to(self, callback: impl Fn(OutputLine) + Send + Sync + 'static) -> Self {
        Self { output: Output::Capture, callback: Some(Arc::new(callback)), ..self }
    }

    pub(crate) fn anything(&self) -> bool {
        self.output != Output::Inherit || self.tracing.is_some()
    }

    /// `None` where nothing is: then nothing is made for it.
    pub(crate) fn into_outputs(self) -> Option<Arc<Outputs>> {
        self.anything().then(|| Arc::new(Outputs { wanted: self, open: Mutex::new(0), all_gone: Condvar::new() }))
    }
}

/// What the workers of one pool say.
#[derive(Debug)]
pub(crate) struct Outputs {
    wanted: Wanted,
    /// Outlets whose last words have not been handed on.
    open: Mutex<usize>,
    all_gone: Condvar,
}

/// What a worker is told, what it is given, and what is kept.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) told: Outlets,
    pub(crate) given: Vec<OwnedFd>,
    pub(crate) kept: Kept,
}

/// Where one worker is heard. Dropped, it is heard no more.
#[derive(Debug, Default)]
pub(crate) struct Kept(Vec<Arc<Outlet>>);

impl Kept {
    /// Its process exists now: what it says has a name.
    pub(crate) fn name(&self, pid: u32) {
        self.0.iter().for_each(|outlet| outlet.name(pid));
    }

    /// It has died: what it said is read to the end. Gives the last lines of its standard error.
    pub(crate) fn close(&self) -> String {
        let mut last = String::new();
        for (stream, tail) in self.0.iter().filter_map(Outlet::close) {
            if stream == OutputStream::Stderr {
                last = tail;
            }
        }
        last
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.close();
    }
}

impl Outputs {
    /// Makes what a new worker needs.
    pub(crate) fn open(self: &Arc<Self>, worker: WorkerId, token: u64) -> io::Result<Opened> {
        let mut opened = Opened::default();
        opened.told.tracing = self.wanted.tracing;
        match self.wanted.output {
            Output::Inherit => {}
            Output::Null => {
                opened.told.streams = Streams::Redirected;
                opened.given.extend([pipes::nowhere()?, pipes::nowhere()?]);
            }
            Output::Capture => {
                opened.told.streams = Streams::Marked;
                for stream in [OutputStream::Stdout, OutputStream::Stderr] {
                    let (reading, writing) = pipes::pipe()?;
                    opened.given.push(writing);
                    let kind = Kind::Stream(stream, Lines::new(token));
                    opened.kept.0.push(Outlet::open(self, worker, (reading, kind))?);
                }
            }
        }
        if self.wanted.tracing.is_some() {
            let (reading, writing) = mp_sys::socket::packet_pair()?;
            opened.given.push(writing);
            opened.kept.0.push(Outlet::open(self, worker, (reading, Kind::Events))?);
        }
        Ok(opened)
    }

    fn hand_on(&self, speaker: Speaker, stream: Option<OutputStream>, said: VecDeque<Said>) {
        let mut lines = Vec::new();
        for said in said {
            match (said, stream) {
                (Said::Event(record), _) => events::emit(speaker, &record),
                (Said::Line { task, text, goes_on }, Some(stream)) => {
                    lines.push(OutputLine { worker: speaker.worker, pid: speaker.pid, task, stream, text, goes_on });
                }
                (Said::Line { .. }, None) => {}
            }
        }
        match &self.wanted.callback {
            Some(callback) => lines.into_iter().for_each(|line| call(callback, line)),
            None => write(stream, &lines),
        }
    }

    fn opened(&self) {
        *self.open.lock() += 1;
    }

    fn closed(&self) {
        let mut open = self.open.lock();
        *open -= 1;
        if *open == 0 {
            self.all_gone.notify_all();
        }
    }

    /// Waits until all that workers who have ended said was handed on, at most for `limit`: a callback may never return.
    pub(crate) fn wait_handed_on(&self, limit: Duration) {
        if desk::is_here() {
            return;
        }
        let deadline = Instant::now() + limit;
        let mut open = self.open.lock();
        while *open > 0 {
            if self.all_gone.wait_until(&mut open, deadline).timed_out() {
                return;
            }
        }
    }
}

/// A callback that panics harms nobody, and has the next line all the same.
fn call(callback: &Callback, line: OutputLine) {
    if catch_unwind(AssertUnwindSafe(|| callback(line))).is_err() {
        crate::log::error!("a callback for the output of workers panicked");
    }
}

/// To where a worker would have written, with who it was in front.
fn write(stream: Option<OutputStream>, lines: &[OutputLine]) {
    if lines.is_empty() {
        return;
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // Where the stream is closed there is nobody left to tell.
    let _ = match stream {
        Some(OutputStream::Stderr) => pipes::write_past_locks(io::stderr(), text.as_bytes()),
        Some(OutputStream::Stdout) | None => pipes::write_past_locks(io::stdout(), text.as_bytes()),
    };
}

/// As it crosses.
pub(crate) fn level_of(level: tracing::Level) -> TraceLevel {
    match level {
        tracing::Level::ERROR => TraceLevel::Error,
        tracing::Level::WARN => TraceLevel::Warn,
        tracing::Level::INFO => TraceLevel::Info,
        tracing::Level::DEBUG => TraceLevel::Debug,
        tracing::Level::TRACE => TraceLevel::Trace,
    }
}
