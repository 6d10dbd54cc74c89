//! What can go wrong outside of tasks: building, spawning, submitting.
//!
//! Does **not** know what becomes of a task once it was accepted: that is `Failure`.

use std::{fmt, io};

use mp_wire::{CodecError, CodecStage, Failure, TaskId, TaskLabel};

/// Why a pool, a process or a queue could not be made.
#[non_exhaustive]
#[derive(thiserror::Error)]
pub enum Error {
    /// [`mp_worker::init`] was not called in this process, so its copies would run `main` instead of serving.
    #[error("mp::init() was not called: make it the first statement of main (in tests: mp::test_support!())")]
    NotInitialized,
    /// This process is itself a worker whose `main` does not begin with [`mp_worker::init`].
    #[error("this process is a worker copy of a program whose main does not begin with mp::init()")]
    WorkerRunsMain,
    /// This process is a worker of a worker of a worker, so deep, and wants workers of its own: most probably a task that
    /// starts a pool for itself, without end.
    #[error("workers of workers are {0} deep here, and may not be deeper (MP_MAX_DEPTH sets another limit)")]
    TooDeep(u32),
    /// A number of the builder makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The pool has ended by itself, for this reason.
    #[error("pool has ended: {0}")]
    Ended(String),
    /// The process could not be started.
    #[error("worker process could not be started")]
    Spawn(#[source] io::Error),
    /// The arguments could not be sent.
    #[error("arguments could not be sent")]
    Submit(#[from] SubmitError),
    /// The operating system refused.
    #[error("{doing}")]
    Os {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// A task failed: so that `?` in a `main` takes outcomes as well.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// A queue refused.
    #[error(transparent)]
    Queue(#[from] crate::queue::QueueError),
    /// Something beside pools, processes and queues refused: a pipe, a connection, a manager.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// The sentence and its causes: what a `main` that returns it prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// What most functions of this crate give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a task was not accepted. Nothing of it has run, or will.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The pool takes no more tasks: it was closed, or has ended.
    #[error("{0}")]
    Closed(String),
    /// The pool's queue is full.
    #[error("pool's queue is full")]
    Full,
    /// The arguments are above the pool's maximum.
    #[error("arguments of {len} bytes are above the maximum of {max}")]
    TooLarge {
        /// Their length in bytes.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// A number makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The arguments could not be encoded.
    #[error("arguments could not be encoded: {0}")]
    Codec(CodecError),
}

impl SubmitError {
    /// The same as the outcome of a task that was never accepted, for calls that give only outcomes.
    pub(crate) fn into_failure(self, name: &str) -> Failure {
        match self {
            Self::Closed(reason) | Self::Invalid(reason) => Failure::stopped(reason),
            Self::Full => Failure::stopped("pool's queue is full"),
            Self::TooLarge { .. } | Self::Codec(_) => {
                let reason = match &self {
                    Self::Codec(error) => error.to_string(),
                    other => other.to_string(),
                };
                Failure::codec(TaskLabel { id: TaskId(0), name: name.into() }, CodecStage::EncodeArgs, reason)
            }
        }
    }
}
