//! What a test leaves: processes, descriptors, shared memory. Read from `/proc`.
//!
//! Tests share their process, so all of it can only be looked at when no test runs: each holds a turn to read, and the one
//! that can have the turn to write is alone.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard};

use mp::{Backend, Output, Pool};

use super::eventually;

static TURN: RwLock<()> = RwLock::new(());

/// What there is when nothing runs, but all that stays for ever has been made: threads, epoll, lifeline.
struct Before {
    descriptors: usize,
    shared_memory: BTreeSet<String>,
}

static BEFORE: LazyLock<Before> = LazyLock::new(|| {
    let shared_memory = shared_memory();
    for backend in [Backend::Processes, Backend::Threads] {
        let pool = Pool::builder().backend(backend).workers(1).output(Output::Capture).build().expect("a first pool");
        super::works(&pool);
    }
    Before { descriptors: descriptors(), shared_memory }
});

pub(crate) fn take_turn() -> RwLockReadGuard<'static, ()> {
    LazyLock::force(&BEFORE);
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

/// No worker of the pools called `name` is there, not even as a zombie's parent.
pub(crate) fn nobody_of(name: &str) {
    let mine = |pid: &u32| command_line(*pid).contains(name);
    eventually("its workers are gone", || !processes().iter().any(mine));
}

/// Nothing more than before the first test, if no other test runs.
pub(crate) fn nothing_at_all(turn: RwLockReadGuard<'static, ()>) {
    drop(turn);
    let Ok(_alone) = TURN.try_write() else { return };
    eventually("no child is left", || children().is_empty());
    eventually("no descriptor is left", || descriptors() <= BEFORE.descriptors);
    eventually("nothing is left in /dev/shm", || shared_memory().is_subset(&BEFORE.shared_memory));
}

/// Every child of this process: what it is, what it does, where it waits.
pub(crate) fn describe_children() -> String {
    let of = |pid: u32, file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let state = |pid| of(pid, "status").lines().find(|line| line.starts_with("State:")).unwrap_or("gone").to_owned();
    let line = |pid: u32| format!("  {pid} {}: {}, {}", command_line(pid), state(pid), of(pid, "wchan"));
    children().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The children of all threads, zombies included.
pub(crate) fn children() -> Vec<u32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn command_line(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn shared_memory() -> BTreeSet<String> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
