//! What crosses between a supervisor and its workers: ids, frames, the codec, outcomes.
//!
//! Does **not** know: an operating system, ipc-channel, a clock, a thread. It alone names bincode.
//! A stranger who wants to know what travels reads [`frame`]: it is all on one screen.
#![forbid(unsafe_code)]

pub mod birth;
mod bounded;
mod budget;
pub mod bulk;
mod bytes;
pub mod codec;
mod exit;
mod failure;
pub mod frame;
mod id;
pub mod item;
pub mod lines;
pub mod outlets;
pub mod record;

pub use bytes::Bytes;
pub use codec::CodecError;
pub use exit::WorkerExit;
pub use failure::{CodecStage, Evidence, Failure, Panic, TaskLabel};
pub use id::{TaskId, WorkerId};
pub use mp_crash as crash;
