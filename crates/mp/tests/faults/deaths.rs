//! Workers that die: idle, at work, while they start, one after the other, all at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mp::{Backend, Failure, Pool, Queue, WorkerExit};
use nix::sys::signal::Signal;
use serde_bytes::ByteBuf;

use crate::common::{bench, eventually, found, works};
use crate::tasks::{LONG, lost_by, queue, signal, square, state_of, wait_at};

/// Python's `Pool` hangs here: the idle worker dies in its `recv`, and the next task is sent to nobody.
#[test]
fn an_idle_worker_killed_costs_nothing() {
    bench("idle", Backend::Processes, |bench| {
        for workers in [1, 2, 5, 13] {
            let pool = bench.pool(workers);
            for round in 0..4 {
                works(&pool);
                // Not the one of the last round, whose end the supervisor may not have seen yet.
                let asleep = |pid: &u32| state_of(*pid) == Some('S');
                let pid = found("a worker waits for work", || pool.worker_pids().into_iter().find(asleep));
                signal(pid, Signal::SIGKILL);
                assert_eq!(pool.apply(square, (round,)), Ok(square(round)), "round {round} of {workers} workers");
            }
        }
    });
}

#[test]
fn one_of_a_hundred_is_killed_and_99_have_their_values() {
    bench("one_of_100", Backend::Processes, |bench| {
        fn victim_or_square(n: u64, started: Queue<u32>) -> u64 {
            if n == 42 { wait_at(started_gate(), started) } else { square(n) }
        }
        fn started_gate() -> Queue<u64> {
            queue()
        }
        for workers in [1, 2, 5, 13] {
            let pool = bench.pool(workers);
            let started = queue();
            let items = (0..100).map(|n| (n, started.clone()));
            let handle = pool.starmap_async(victim_or_square, items).expect("accepted");
            signal(started.get_timeout(LONG).expect("it runs"), Signal::SIGKILL);
            let outcomes = handle.outcomes();
            for (n, outcome) in (0..).zip(&outcomes) {
                let right = if n == 42 { lost_by(outcome, Signal::SIGKILL) } else { *outcome == Ok(square(n)) };
                assert!(right, "item {n} of {workers} workers: {outcome:?}");
            }
            works(&pool);
        }
    });
}

/// Each task waits in its worker, and all workers are killed at once, by each signal that a system sends.
#[test]
fn all_workers_are_killed_at_once() {
    bench("all_at_once", Backend::Processes, |bench| {
        for by in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGHUP] {
            let pool = bench.pool(5);
            let (gate, started) = (queue(), queue());
            let submit = |_| pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
            let running: Vec<_> = (0..5).map(submit).collect();
            let queued = pool.map_async(square, 0..100).expect("accepted");
            let pids: Vec<_> = (0..5).map(|_| started.get_timeout(LONG).expect("it runs")).collect();
            pids.into_iter().for_each(|pid| signal(pid, by));
            for handle in running {
                let outcome = handle.get();
                assert!(lost_by(&outcome, by), "{by}: {outcome:?}");
            }
            assert_eq!(queued.get(), Ok((0..100).map(square).collect::<Vec<_>>()));
            works(&pool);
            assert_eq!(pool.stats().deaths, 5);
        }
    });
}

#[test]
fn workers_are_killed_while_they_start() {
    bench("starting", Backend::Processes, |bench| {
        for _ in 0..5 {
            let pool = bench.pool(3);
            let handle = pool.map_async(square, 0..50).expect("accepted");
            eventually("a worker was born", || !pool.worker_pids().is_empty());
            // One that is gone already was as fast as the test.
            pool.worker_pids().into_iter().for_each(kill_if_there);
            let outcomes = handle.outcomes();
            for (n, outcome) in (0..).zip(outcomes) {
                assert!(outcome == Ok(square(n)) || lost_by(&outcome, Signal::SIGKILL), "item {n}: {outcome:?}");
            }
            works(&pool);
        }
    });
}

/// Its number cannot be another's: a child's is kept until the supervisor has taken its status.
fn kill_if_there(pid: u32) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), Signal::SIGKILL);
}

/// Large arguments are on their way to a worker, large results on their way back, when it dies.
#[test]
fn workers_die_amid_large_payloads() {
    bench("large", Backend::Processes, |bench| {
        fn grow_or_die(bytes: ByteBuf, n: u64) -> ByteBuf {
            if n % 5 == 3 {
                std::process::abort();
            }
            bytes
        }
        let pool = bench.pool(2);
        for len in [40 << 10, 60 << 10, 5 << 20] {
            let items = (0..20).map(|n| (ByteBuf::from(vec![n as u8; len]), n));
            let outcomes = pool.starmap_async(grow_or_die, items).expect("accepted").outcomes();
            for (n, outcome) in (0_u64..).zip(outcomes) {
                let right = match &outcome {
                    Ok(bytes) => n % 5 != 3 && bytes.len() == len && bytes.iter().all(|byte| u64::from(*byte) == n),
                    Err(_) => n % 5 == 3 && lost_by(&outcome, Signal::SIGABRT),
                };
                assert!(right, "item {n} of {len} bytes");
            }
        }
        works(&pool);
    });
}

/// What had finished keeps its value, what ran is lost, what had not begun runs elsewhere; each exactly once.
#[test]
fn a_death_within_a_batch_is_blamed_on_one_item() {
    bench("batch", Backend::Processes, |bench| {
        fn count_or_die(n: u64, ran: Queue<u64>) -> u64 {
            ran.put(n).expect("counted");
            if n % 100 == 50 {
                std::process::abort();
            }
            n
        }
        for workers in [1, 2, 5, 13] {
            let pool = bench.pool(workers);
            let ran = queue();
            let handle = pool.starmap_async(count_or_die, (0..500).map(|n| (n, ran.clone()))).expect("accepted");
            for (n, outcome) in (0..).zip(handle.outcomes()) {
                let right = if n % 100 == 50 { lost_by(&outcome, Signal::SIGABRT) } else { outcome == Ok(n) };
                assert!(right, "item {n}: {outcome:?}");
            }
            let mut counts = HashMap::new();
            (0..ran.len()).for_each(|_| *counts.entry(ran.get().expect("an item")).or_insert(0) += 1);
            assert!(counts.len() == 500 && counts.values().all(|count| *count == 1), "{counts:?}");
            works(&pool);
        }
    });
}

#[test]
fn a_task_that_kills_every_worker_is_given_up_after_its_attempts() {
    bench("killer", Backend::Processes, |bench| {
        fn die_or_count(n: u64, ran: Queue<u32>) -> u64 {
            if n == 7 {
                ran.put(mp::current_worker().expect("a worker").attempt).expect("counted");
                std::process::abort();
            }
            n
        }
        for workers in [1, 2, 5, 13] {
            let pool = bench.build(bench.builder().workers(workers).retries(4));
            let ran = queue();
            let handle = pool.starmap_async(die_or_count, (0..50).map(|n| (n, ran.clone()))).expect("accepted");
            for (n, outcome) in (0..).zip(handle.outcomes()) {
                match outcome {
                    Ok(value) => assert_eq!(value, n),
                    Err(Failure::Lost { attempts, .. }) => assert_eq!((n, attempts), (7, 5)),
                    Err(other) => panic!("item {n}: {other:?}"),
                }
            }
            let attempts: Vec<_> = (0..ran.len()).map(|_| ran.get().expect("an attempt")).collect();
            assert_eq!(attempts, [1, 2, 3, 4, 5]);
            works(&pool);
        }
    });
}

#[test]
fn a_retry_that_lives_has_its_value() {
    bench("retry", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).retries(2));
        let third_time = || match mp::current_worker().map(|worker| worker.attempt) {
            Some(3) => 3_u32,
            _ => std::process::abort(),
        };
        assert_eq!(pool.apply(third_time, ()), Ok(3));
    });
}

/// Workers die faster than the limit allows: the pool ends with the first cause, and every outcome comes.
#[test]
fn a_crash_loop_stops_the_pool_with_its_first_cause() {
    bench("crash_loop", Backend::Processes, |bench| {
        for workers in [1, 2, 5, 13] {
            let pool = bench.build(bench.builder().workers(workers).restart_limit(3, Duration::from_secs(60)));
            let exits = || -> () { by_exit(7) };
            let handles: Vec<_> = (0..100).map(|_| pool.apply_async(exits, ())).collect();
            let outcomes: Vec<_> = handles.into_iter().flatten().map(mp::TaskHandle::get).collect();
            let lost = |o: &&Result<(), _>| matches!(o, Err(Failure::Lost { exit: WorkerExit::Exited(7), .. }));
            let first_cause = |reason: &str| reason.contains("more than 3 workers") && reason.contains("code 7");
            let stopped = |o: &&Result<(), _>| matches!(o, Err(Failure::Stopped { reason, .. }) if first_cause(reason));
            assert_eq!(outcomes.iter().filter(|o| lost(o) || stopped(o)).count(), outcomes.len(), "{outcomes:?}");
            assert!((4..4 + workers).contains(&outcomes.iter().filter(lost).count()), "{outcomes:?}");
            assert!(matches!(pool.apply(square, (1,)), Err(Failure::Stopped { reason, .. }) if first_cause(&reason)));
            assert!(first_cause(&pool.join().expect_err("it has ended by itself").to_string()));
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "that is what it is to do")]
fn by_exit(code: i32) -> ! {
    std::process::exit(code)
}

/// Kills at random moments through thousands of tasks: each has exactly one outcome, its value or its worker's death.
#[test]
fn random_kills_during_a_long_run() {
    bench("random", Backend::Processes, |bench| {
        let pool = &*bench.pool(3);
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let (kills, mut submitted) = (&AtomicU64::new(0), 0);
        std::thread::scope(|scope| {
            scope.spawn(move || kill_until(pool, &stopped, kills));
            // A killer that seldom has a processor needs more rounds. The watchdog ends it, if it never has one.
            while submitted < 10_000 || kills.load(Ordering::Relaxed) <= 5 {
                let items = submitted..submitted + 1000;
                let outcomes = pool.map_outcomes(slow_square, items.clone());
                assert_eq!(outcomes.len(), 1000);
                for (n, outcome) in items.zip(outcomes) {
                    assert!(outcome == Ok(square(n)) || lost_by(&outcome, Signal::SIGKILL), "item {n}: {outcome:?}");
                }
                submitted += 1000;
            }
            drop(stop);
        });
        works(pool);
        let stats = pool.stats();
        assert_eq!((stats.completed + stats.failed, stats.submitted), (submitted + 1, submitted + 1));
    });
}

fn slow_square(n: u64) -> u64 {
    let steps = (0..20_000).map(std::hint::black_box).count() as u64;
    square(n) + steps - 20_000
}

/// Kills one after the other, each when some tasks have been finished since the last.
fn kill_until(pool: &Pool, stopped: &std::sync::mpsc::Receiver<()>, kills: &AtomicU64) {
    let mut done = 0;
    while stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
        let now = pool.stats().completed;
        if now < done + 150 {
            std::thread::yield_now();
            continue;
        }
        done = now;
        let pids = pool.worker_pids();
        if let Some(pid) = pids.get(kills.load(Ordering::Relaxed) as usize % pids.len().max(1)) {
            kill_if_there(*pid);
            kills.fetch_add(1, Ordering::Relaxed);
        }
    }
}
