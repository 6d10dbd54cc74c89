//! Joinable queues, pipes, connections and managers between real processes, spawned and forked, and what is left when one
//! end is killed.

#[path = "../common/mod.rs"]
mod common;

mod joinable;
mod listener;
mod manager;
mod pipe;

use mp::{Process, StartMethod};

mp::test_support!();

/// The ways in which a process comes to be.
const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

/// Runs `body` for each way, under a watchdog and with a look at what it leaves.
fn each(name: &str, body: impl Fn(StartMethod)) {
    for method in METHODS {
        common::bench_by(method, name, mp::Backend::Processes, |bench| body(bench.start_method));
    }
}

/// A process that runs `task`.
fn start<F, A, R>(method: StartMethod, task: F, args: A) -> Process<R>
where
    F: mp::Task<A, Output = R>,
    A: serde::Serialize + serde::de::DeserializeOwned,
    R: serde::de::DeserializeOwned + 'static,
{
    Process::builder(task, args).start_method(method).spawn().expect("a process")
}
