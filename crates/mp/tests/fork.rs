//! Workers made by `fork(2)`: only where there is one thread, so each test is a process of its own, without the harness.
//!
//! Does **not** test what forked and spawned workers have in common.
#![expect(clippy::print_stdout, reason = "a test without the test harness reports by printing")]
#![expect(clippy::disallowed_methods, reason = "each test is this program again, in a role")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use mp::{Failure, Pool, PoolBuilder, Process, StartMethod};

const TESTS: &[(&str, fn())] = &[
    ("forked_workers_share_what_was_in_memory", share_memory),
    ("forked_workers_print_no_buffered_output_again", print_once),
    ("a_forked_process_runs_its_task", run_a_process),
    ("with_threads_a_fork_is_refused", refuse_with_threads),
    ("each_forked_worker_is_initialized_before_its_first_task", initialize),
    ("the_first_initializer_that_fails_stops_a_pool_of_forked_workers", initialize_in_vain),
    ("the_others_take_over_until_the_last_has_died", take_over),
];

fn main() {
    mp::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = |name: &str| TESTS.iter().find(|(known, _)| *known == name).map(|(_, test)| test);
    if let Some(test) = arguments.first().and_then(|first| first.strip_prefix("role:")).and_then(test) {
        return test();
    }
    if arguments.iter().any(|argument| argument == "--list") {
        let ignored = arguments.iter().any(|argument| argument == "--ignored");
        return TESTS.iter().filter(|_| !ignored).for_each(|(name, _)| println!("{name}: test"));
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen: Vec<_> =
        TESTS.iter().filter(|(name, _)| filter.is_none_or(|part| name.contains(part.as_str()))).collect();
    let passed = chosen.iter().filter(|(name, _)| passes(name)).count();
    println!("{passed} passed, {} failed", chosen.len() - passed);
    assert_eq!(passed, chosen.len(), "see above");
}

fn passes(name: &str) -> bool {
    let own = std::env::current_exe().expect("a path");
    let output = Command::new("timeout").arg("600").arg(own).arg(format!("role:{name}")).stdin(Stdio::null()).output();
    let output = output.expect("coreutils");
    let passed = output.status.success();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    if !passed {
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    passed
}

fn forked(workers: usize) -> PoolBuilder {
    Pool::builder().workers(workers).start_method(StartMethod::Fork)
}

static SECRET: std::sync::OnceLock<u64> = std::sync::OnceLock::new();

fn secret(_: u64) -> (Option<u64>, u32) {
    (SECRET.get().copied(), std::process::id())
}

fn share_memory() {
    SECRET.set(42).expect("first");
    let pool = forked(3).build().expect("one thread");
    let pids: BTreeSet<u32> = pool.worker_pids().into_iter().collect();
    let seen = pool.map(secret, 0..100).expect("values");
    assert!(seen.iter().all(|(secret, pid)| *secret == Some(42) && pids.contains(pid)), "{seen:?} {pids:?}");
    assert_eq!(pids.len(), 3);
    pool.join().expect("a good end");
}

fn print_once() {
    let own = std::env::current_exe().expect("a path");
    if std::env::var_os("MP_TEST_PRINTS").is_none() {
        let output = Command::new(own)
            .arg("role:forked_workers_print_no_buffered_output_again")
            .env("MP_TEST_PRINTS", "1")
            .output();
        assert_eq!(String::from_utf8_lossy(&output.expect("runs").stdout), "unfinished line");
        return;
    }
    print!("unfinished line");
    let pool = forked(2).build().expect("one thread");
    pool.apply(secret, (1,)).expect("a value");
    pool.join().expect("a good end");
}

fn run_a_process() {
    let process = Process::builder(secret, (1,)).start_method(StartMethod::Fork).spawn().expect("one thread");
    let pid = process.pid();
    assert_eq!(process.join().expect("a value").1, pid);
}

fn learn(secret: u64) -> Result<(), String> {
    SECRET.set(secret).map_err(|again| format!("told twice: {again}"))
}

fn initialize() {
    let pool = forked(3).initializer(learn, (7,)).build().expect("one thread");
    let seen = pool.map(secret, 0..100).expect("values");
    assert!(seen.iter().all(|(secret, _)| *secret == Some(7)), "{seen:?}");
    assert_eq!(SECRET.get(), None, "it ran here");
    pool.join().expect("a good end");
}

fn initialize_in_vain() {
    SECRET.set(1).expect("first");
    let pool = forked(2).initializer(learn, (7,)).build().expect("one thread");
    let refused = pool.apply(secret, (1,));
    let Err(Failure::Stopped { reason, .. }) = &refused else { panic!("{refused:?}") };
    assert!(reason.contains("told twice: 7"), "{reason}");
    let error = pool.join().expect_err("it has ended by itself").to_string();
    assert!(error.contains("told twice: 7"), "{error}");
}

fn refuse_with_threads() {
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || receiver.recv());
        let refused = forked(2).build().expect_err("two threads");
        let text = format!("{refused:?}");
        assert!(text.contains("this process has 2 threads"), "{text}");
        drop(sender);
    });
}

fn abort_at_3(n: u64) -> u64 {
    if n == 3 {
        std::process::abort();
    }
    n
}

fn take_over() {
    let pool = forked(2).build().expect("one thread");
    let outcomes = pool.map_outcomes(abort_at_3, 0..50);
    let lost: Vec<_> = (0..).zip(&outcomes).filter(|(_, outcome)| outcome.is_err()).map(|(n, _)| n).collect();
    assert_eq!(lost, [3], "one death, one failure");
    assert!(matches!(pool.apply(abort_at_3, (3,)), Err(Failure::Lost { .. })), "the last worker");
    let text = format!("{:?}", pool.join().expect_err("its workers have died"));
    assert!(text.contains("none is replaced"), "{text}");
    assert!(matches!(pool.apply(abort_at_3, (1,)), Err(Failure::Stopped { .. })));
}
