//! What crosses between a supervisor and its fork server: orders one way, an answer to each the other way. And what a worker
//! that it has made hears first.
//!
//! Does **not** know descriptors, which travel beside an order; nor how a process is made.

use serde::{Deserialize, Serialize};

use crate::frame::Identity;

/// What a fork server is told; the last, the worker that it has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// To get ready: the first, once. Answered by [`Answer::Ready`].
    Prepare(Prepare),
    /// To make a worker, which then waits to hear who it is. Beside it travels what each worker is born with (see
    /// `PROTOCOL.md`). Answered by the worker: [`Answer::Born`].
    Fork,
    /// Who the worker is: to itself, on its socket for descriptors.
    Bear(Bear),
}

/// How to get ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepare {
    /// Who the supervisor is: its executable must be the same.
    pub identity: Identity,
    /// The task to run first, as its offset in the image; its result is not asked for.
    pub preload: Option<u64>,
    /// That task's encoded arguments.
    #[serde(with = "serde_bytes")]
    pub args: Vec<u8>,
}

/// How a worker is to be. Beside it travel, in this order: its directory, its standard output, its standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bear {
    /// The worker's id, for `ps`.
    pub id: String,
    /// The pool's name, for `ps`.
    pub pool: String,
    /// Where the environment differs from the fork server's: a name, and its value or that it has none.
    pub env: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What a fork server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is ready.
    Ready,
    /// A worker is there, with this pid: its own word.
    Born(u32),
    /// It could not be done.
    Refused(String),
}
