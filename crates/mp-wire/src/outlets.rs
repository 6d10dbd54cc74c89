//! What a worker says beside its outcomes: its output, and its `tracing` events.
//!
//! Does **not** know pipes and sockets, nor who listens. Nothing here is a frame: none of it needs a credit, and all of it
//! may be lost.
//!
//! ```text
//!  standard output, standard error:   "text of task 16" | token, 17 | "text of task 17\n" ..      a mark when a task begins
//!  events:                            one packet each, a TraceRecord
//! ```

use serde::{Deserialize, Serialize};

use crate::TaskId;

/// Where a worker's standard output and standard error go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Streams {
    /// Where they go already.
    #[default]
    Inherited,
    /// To the two descriptors that come along.
    Redirected,
    /// As `Redirected`, and each is marked when a task begins.
    Marked,
}

/// What a worker is told of them, in its first frame. Descriptors come along: of the streams two, of the events one, in this
/// order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlets {
    /// Its output.
    pub streams: Streams,
    /// Up to which level its events are wanted, if they are.
    pub tracing: Option<TraceLevel>,
}

impl Outlets {
    /// How many descriptors come along.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        let streams = match self.streams {
            Streams::Inherited => 0,
            Streams::Redirected | Streams::Marked => 2,
        };
        streams + usize::from(self.tracing.is_some())
    }
}

/// The length of a mark.
pub const MARK: usize = 16;

/// How each mark of a worker begins: with a byte that is in no text, so that no end of a line waits to be told from it, and
/// its token, which nobody writes by chance.
#[must_use]
pub fn mark_prefix(token: u64) -> [u8; 8] {
    (token << 8).to_le_bytes()
}

/// What says in a stream that from here on `task` writes.
#[must_use]
pub fn mark(token: u64, task: TaskId) -> [u8; MARK] {
    let mut mark = [0; MARK];
    mark[..8].copy_from_slice(&mark_prefix(token));
    mark[8..].copy_from_slice(&task.0.to_le_bytes());
    mark
}

/// How grave an event is, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TraceLevel {
    /// `ERROR`.
    Error,
    /// `WARN`.
    Warn,
    /// `INFO`.
    Info,
    /// `DEBUG`.
    Debug,
    /// `TRACE`.
    Trace,
}

/// The most bytes that a packet with a [`TraceRecord`] may have.
pub const TRACE_MAX: usize = 16 * 1024;

/// An event of a worker, or the end of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRecord {
    /// How grave.
    pub level: TraceLevel,
    /// Its target, mostly a module.
    pub target: String,
    /// Its text; of a span its name.
    pub message: String,
    /// Its other fields, as `name=value name=value`.
    pub fields: String,
    /// The spans around it, the outermost first, as `outer{n=1}:inner`.
    pub spans: String,
    /// The task that ran in its thread.
    pub task: Option<TaskId>,
    /// Of the end of a span: how long it lived, in nanoseconds.
    pub lived_ns: Option<u64>,
    /// How many before it were lost, because nobody read fast enough.
    pub dropped: u64,
}
