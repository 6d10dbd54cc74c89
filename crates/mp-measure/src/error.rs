//! Why something could not be measured.
//!
//! Does **not** know what a slow task is: that is a result.

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Workers could not be started.
    #[error("workers could not be started")]
    Pool(#[from] mp::Error),
    /// A task ended without a value.
    #[error("the measured task failed")]
    Task(#[from] mp::Failure),
    /// A task could not be handed over.
    #[error("the measured task could not be submitted")]
    Submit(#[from] mp::SubmitError),
    /// A value could not be encoded or decoded.
    #[error("a value could not cross")]
    Codec(#[from] mp_wire::CodecError),
    /// A line within this process broke.
    #[error("a line within this process broke")]
    Line(#[from] mp_link::LinkError),
    /// A thread of the comparison has ended.
    #[error("a thread that was measured has ended")]
    ThreadGone,
    /// The operating system refused.
    #[error("the system refused")]
    System(#[from] std::io::Error),
    /// The function panicked where it was called directly.
    #[error("the task panicked in a direct call, though not on a worker")]
    Panicked,
    /// The plan asks for what makes no sense.
    #[error("{0}")]
    Plan(String),
}
