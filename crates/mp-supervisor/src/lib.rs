//! Under construction.

mod queue;

pub use queue::{PutError, Queue, QueueError};
