//! Faults that a pool must survive: after each, the exact outcome is named, the pool goes on, and nothing is left.

#[path = "../common/mod.rs"]
mod common;

mod deaths;
mod dropped;
mod ends;
mod limits;
mod matrix;
mod nested;
mod rubbish;
mod saboteur;
mod tasks;
mod volume;

mp::test_support!();
