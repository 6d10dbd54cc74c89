//! Faults that a pool must survive: after each, the exact outcome is named, the pool goes on, and nothing is left.

#[path = "../common/mod.rs"]
mod common;

mod deaths;
mod ends;
mod limits;
mod matrix;
mod rubbish;
mod saboteur;
mod tasks;
mod volume;

mp::test_support!();
