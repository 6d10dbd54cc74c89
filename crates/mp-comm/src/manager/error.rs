//! What can go wrong with a manager, and whose fault it is.
//!
//! Does **not** know how it works.

use std::time::Duration;

use mp_wire::CodecError;

use super::wire::Refusal;
use crate::error::CommError;

/// Why a manager, or an object of it, did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// The manager has ended, or sent this client away; what it held is lost.
    #[error("the manager at {address} has ended")]
    Gone {
        /// Where it was.
        address: String,
    },
    /// The manager did not answer, or what was waited for did not come, in time.
    #[error("no answer of the manager within {after:?}")]
    TimedOut {
        /// How long the call waited.
        after: Duration,
    },
    /// The server could not be started.
    #[error("manager could not be started: {0}")]
    Start(String),
    /// The process of the server could not be started.
    #[error("manager's process could not be started")]
    Spawn(#[source] Box<mp_supervisor::Error>),
    /// It could not be connected to.
    #[error("manager cannot be reached")]
    Connect(#[source] CommError),
    /// A key, an item or a value could not be encoded. Nothing was sent.
    #[error("value for the manager cannot be encoded")]
    Encode(#[source] CodecError),
    /// What the manager holds is not of the proxy's type.
    #[error("value of {len} bytes from the manager cannot be decoded")]
    Decode {
        /// How long it is.
        len: usize,
        /// What was wrong with it.
        source: CodecError,
    },
    /// The object was deleted.
    #[error("the manager has no such object (any more)")]
    NoObject,
    /// Nothing was published by this name.
    #[error("nothing is published as `{0}`")]
    NoName(String),
    /// What was published is of other types.
    #[error("what is published as `{name}` is a {published}")]
    OtherTypes {
        /// Its name.
        name: String,
        /// What it is.
        published: String,
    },
    /// There is no such place in the list.
    #[error("the list has {len} items, and none at {index}")]
    OutOfRange {
        /// What was asked for.
        index: u64,
        /// How many there are.
        len: u64,
    },
    /// A bounded semaphore was released more often than it was acquired.
    #[error("semaphore has {bound} permits, and all of them are there")]
    TooManyReleases {
        /// With how many it began.
        bound: u32,
    },
    /// All items that this process took are done already.
    #[error("all items that this process took from the queue are done")]
    NothingTaken,
    /// A process, or a thread of it, ended with items of a joinable queue that it was not done with. They are off the account.
    #[error("process {pid} ended with {items} items that were not done")]
    Abandoned {
        /// Who had them.
        pid: u32,
        /// How many.
        items: u64,
    },
    /// The barrier was aborted or reset, one who waited at it ended, or one waited too long.
    #[error("barrier is broken")]
    Broken,
    /// A lock was used that the caller does not hold.
    #[error("lock is not held by the caller")]
    NotHeld,
    /// More clients are connected than the manager serves.
    #[error("the manager serves no more clients")]
    TooManyClients,
    /// A message would be longer than the manager allows.
    #[error("message of {len} bytes is above the manager's maximum of {max}")]
    TooLarge {
        /// Its length in bytes.
        len: u64,
        /// The maximum.
        max: u64,
    },
    /// The object's own code panicked. It lives on, as the panic left it.
    #[error("object of the manager panicked: {0}")]
    Panicked(String),
    /// The other end is no manager of this version.
    #[error("the manager answered {0}, which is no answer to that")]
    Malformed(String),
}

impl ManagerError {
    pub(super) fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoObject => Self::NoObject,
            Refusal::NoName => Self::NoName(String::new()),
            Refusal::OtherTypes { published } => Self::OtherTypes { name: String::new(), published },
            Refusal::OutOfRange { len } => Self::OutOfRange { index: 0, len },
            Refusal::TooManyClients => Self::TooManyClients,
            Refusal::TooLarge { len, max } => Self::TooLarge { len, max },
            Refusal::Panicked(text) => Self::Panicked(text),
            Refusal::NotOfThisKind => Self::Malformed("that the object is of another kind".to_owned()),
            Refusal::NotHeld => Self::NotHeld,
            Refusal::TooManyReleases { bound } => Self::TooManyReleases { bound },
            Refusal::NothingTaken => Self::NothingTaken,
            Refusal::Abandoned { pid, items } => Self::Abandoned { pid, items },
            Refusal::Broken => Self::Broken,
            Refusal::Codec(text) => Self::Malformed(text),
        }
    }
}

impl From<ManagerError> for mp_supervisor::Error {
    fn from(error: ManagerError) -> Self {
        Self::Other(Box::new(error))
    }
}
