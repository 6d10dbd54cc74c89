//! What a worker has around its tasks: a state, shared objects, and where it runs.

#[path = "../common/mod.rs"]
mod common;

mod global;
mod insights;
mod progress;
mod seats;
mod shared;
mod state;

mp::test_support!();
