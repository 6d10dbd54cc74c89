//! The child's side: a copy of the program that serves instead of running `main`.
//!
//! Does **not** know pools, scheduling or other workers: it meets the supervisor in frames alone.

pub mod registry;
mod task;

pub use task::{Entry, Ran, Refused, Task, entry_of};

#[doc(hidden)]
pub use linkme;
