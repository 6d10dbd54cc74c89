//! Workers that a fork server makes: what they share, what each has for itself, and who survives whom.
//!
//! What all workers have in common is in `backends` and `faults`, whose bodies run over each start method.

#[path = "../common/mod.rs"]
mod common;

mod deaths;
mod preload;
mod spares;
mod surroundings;

use mp::{Backend, PoolBuilder, StartMethod};

mp::test_support!();

/// Fork servers with the same preload are one for the whole process, so whoever kills one, or looks for the worker that it has
/// made ahead, must be alone: one test at a time.
fn one_at_a_time() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn alone(name: &str, body: impl FnOnce(&common::Bench)) {
    let _one = one_at_a_time();
    common::bench_by(StartMethod::ForkServer, name, Backend::Processes, body);
}

/// Each task on a worker of its own.
fn fresh_each(bench: &common::Bench, workers: usize) -> PoolBuilder {
    bench.builder().workers(workers).max_tasks_per_worker(1)
}

/// The fork servers of this process; and workers that have only just been made, which have its name for a moment.
fn servers() -> Vec<u32> {
    let is = |pid: &u32| name_of(*pid).starts_with("mp-fork-server") && was_executed(*pid);
    common::left::children().into_iter().filter(is).collect()
}

/// A worker has its fork server's name until it gives itself its own: on a busy machine a test that kills fork servers
/// killed a worker by it, which ran a task by then. What tells them apart is the kernel's flag of a fork without an exec.
fn was_executed(pid: u32) -> bool {
    const PF_FORKNOEXEC: u64 = 0x40;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let flags = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(6)?.parse::<u64>().ok());
    flags.is_some_and(|flags| flags & PF_FORKNOEXEC == 0)
}

fn server() -> u32 {
    common::found("one for all", || if let [server] = servers()[..] { Some(server) } else { None })
}

fn name_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default()
}
