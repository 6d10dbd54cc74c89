//! What a pool can be told of how its workers and tasks are to be treated, and that it does so.

#[path = "../common/mod.rs"]
mod common;

mod bounded;
mod broadcast;
mod cancelling;
mod ending;
mod priorities;
mod recycling;
mod setup;
mod tasks;
mod timeline;

mp::test_support!();
