//! Tasks that the tests of this file's neighbours share.

use std::time::Duration;

use mp::{Failure, Queue, WorkerExit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(1000);

pub(crate) fn square(n: u64) -> u64 {
    n * n
}

/// Says which process runs it, and waits to be let through.
pub(crate) fn wait_at(gate: Queue<u64>, started: Queue<u32>) -> u64 {
    started.put(std::process::id()).expect("said");
    gate.get_timeout(LONG).expect("let through")
}

/// Never ends.
pub(crate) fn spin() {
    spin_for_ever()
}

/// Neither ends, nor takes the processor from those beside it, which are to be in time.
pub(crate) fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

pub(crate) fn spin_for_ever() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn queue<T>() -> Queue<T> {
    Queue::new().expect("a queue")
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).expect("it is there");
}

/// Whether an outcome is that its worker was killed by `signal`.
pub(crate) fn lost_by<T>(outcome: &Result<T, Failure>, signal: Signal) -> bool {
    let number = signal as i32;
    let by = |exit: &WorkerExit| matches!(exit, WorkerExit::Signaled { signal, .. } if *signal == number);
    matches!(outcome, Err(Failure::Lost { exit, pid, .. }) if by(exit) && *pid > 1)
}

/// The state letter of a process, as `ps` shows it; `None` when there is none.
pub(crate) fn state_of(pid: u32) -> Option<char> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("State:"))?.trim().chars().next()
}
