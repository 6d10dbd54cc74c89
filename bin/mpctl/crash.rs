//! Saboteurs: tasks that end badly, each in its own way.
//!
//! Do **not** clean up: the supervisor must cope.

use std::hint::black_box;
use std::process;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};

/// Dies of SIGSEGV.
#[mp::task]
fn segfault() {
    // Raised, not caused: the process dies of it all the same, and this crate stays free of unsafe code. The first one may meet
    // a handler that expects the instruction to be tried again, as Rust's own does.
    while raise(Signal::SIGSEGV).is_ok() {}
}

/// Dies of SIGABRT, by abort().
#[mp::task]
fn abort() {
    process::abort();
}

/// Panics.
#[mp::task(message = "out of luck")]
fn panic(message: String) {
    panic!("{message}");
}

/// Exits from within the task.
#[mp::task(code = 3)]
#[expect(clippy::disallowed_methods, reason = "a saboteur: to exit without a word is what it is for")]
fn exit(code: i32) {
    process::exit(code);
}

/// Sleeps for an hour, or so long.
#[mp::task(ms = 3_600_000)]
fn hang(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Keeps a processor busy for an hour, or so long.
#[mp::task(ms = 3_600_000)]
fn spin(ms: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(ms) {
        std::hint::spin_loop();
    }
}

/// Calls itself until the stack is used up.
#[mp::task]
fn stack_overflow() -> u64 {
    descend(0)
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    descend(frame[0] + 1) + black_box(frame)[1]
}
