//! Recycling, and the end of pools: dropped, closed, terminated with work in every state.

use std::time::{Duration, Instant};

use mp::{Backend, Failure, Process, WorkerExit};
use nix::sys::signal::Signal;

use crate::common::{bench, eventually, works};
use crate::tasks::{LONG, queue, signal, spin, square, state_of, wait_at};

#[test]
fn a_fresh_worker_for_each_of_ten_thousand_tasks() {
    bench("recycled", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(4).max_tasks_per_worker(1));
        let pid_and_square = |n: u64| (std::process::id(), square(n));
        let outcomes = pool.map(pid_and_square, 0..10_000).expect("no recycling is called a crash");
        assert!(outcomes.iter().zip(0..).all(|((_, value), n)| *value == square(n)));
        let mut pids: Vec<_> = outcomes.iter().map(|(pid, _)| *pid).collect();
        pids.dedup();
        assert_eq!(pids.len(), 10_000, "no worker ran two in a row");
        works(&pool);
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.failed, stats.deaths), (10_001, 0, 0));
    });
}

#[test]
fn recycling_with_large_results_and_while_closing() {
    bench("recycled_large", Backend::Processes, |bench| {
        for limit in [1, 3] {
            let pool = bench.build(bench.builder().workers(3).max_tasks_per_worker(limit));
            let large = |n: usize| serde_bytes::ByteBuf::from(vec![1; 300_000 + n]);
            let handle = pool.map_async(large, 0..40).expect("accepted");
            pool.close();
            pool.join().expect("closed");
            assert_eq!(pool.stats().deaths, 0);
            let sizes = handle.get().expect("no recycling is called a crash");
            assert!(sizes.iter().zip(0..).all(|(bytes, n)| bytes.len() == 300_000 + n));
        }
    });
}

/// However it ends: no worker is left when that returns, in bounded time, and every outcome comes.
#[test]
fn a_pool_ends_with_tasks_running_and_queued() {
    bench("ends", Backend::Processes, |bench| {
        for workers in [1, 2, 5, 13] {
            for way in ["drop", "terminate"] {
                let pool = bench.build(bench.builder().workers(workers).grace(Duration::from_millis(500)));
                let (gate, started) = (queue(), queue());
                let submit = |_| pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
                let running: Vec<_> = (0..workers).map(submit).collect();
                let pids: Vec<_> = (0..workers).map(|_| started.get_timeout(LONG).expect("it runs")).collect();
                let queued = pool.map_async(square, 0..100).expect("accepted");
                let mut lazy = pool.imap(square, 0..);
                let start = Instant::now();
                if way == "terminate" {
                    pool.terminate();
                    pool.terminate();
                    pool.join().expect("that was asked for");
                }
                drop(pool);
                assert!(start.elapsed() < LONG / 10, "{way} took {:?}", start.elapsed());
                assert!(pids.iter().all(|pid| state_of(*pid).is_none()), "{way}: workers are left");
                let stopped = |outcome: &Result<u64, Failure>| matches!(outcome, Err(Failure::Stopped { .. }));
                assert!(running.into_iter().all(|handle| stopped(&handle.get())));
                assert!(queued.outcomes().iter().all(stopped));
                assert!(lazy.by_ref().all(|outcome| stopped(&outcome)), "a lazy map ends with its pool");
            }
        }
    });
}

#[test]
fn a_pool_is_dropped_before_its_workers_are_there() {
    bench("dropped_early", Backend::Processes, |bench| {
        for round in 0..20 {
            let pool = bench.pool(1 + round % 5);
            let handle = pool.apply_async(square, (3,)).expect("accepted");
            drop(pool);
            assert!(matches!(handle.get(), Ok(9) | Err(Failure::Stopped { .. })));
        }
    });
}

#[test]
fn workers_are_killed_while_the_pool_closes() {
    bench("killed_closing", Backend::Processes, |bench| {
        let pool = bench.pool(3);
        works(&pool);
        let handle = pool.map_async(square, 0..2000).expect("accepted");
        pool.close();
        pool.worker_pids().into_iter().for_each(|pid| signal(pid, Signal::SIGKILL));
        pool.join().expect("it was closed");
        let outcomes = handle.outcomes();
        assert_eq!(outcomes.len(), 2000);
        let values = (0..).zip(&outcomes).filter(|(n, outcome)| **outcome == Ok(square(*n))).count();
        assert!(values >= 2000 - 3, "at most one item for each worker is lost: {values}");
    });
}

#[test]
fn an_abandoned_lazy_map_stops_reading() {
    bench("abandoned", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let (read, reads) = std::sync::mpsc::channel();
        let mut squares = pool.imap(square, (0..).inspect(move |_| read.send(()).expect("the test counts")));
        assert_eq!(squares.next(), Some(Ok(0)));
        drop(squares);
        assert!(reads.iter().count() < 10_000, "its input was dropped, and not read to its end, which it has not");
        works(&pool);
    });
}

#[test]
fn processes_end_as_they_are_told() {
    bench("process", Backend::Processes, |bench| {
        let method = bench.start_method;
        assert_eq!(Process::builder(square, (7,)).start_method(method).spawn().expect("spawned").join(), Ok(49));
        let spinning = Process::builder(spin, ()).start_method(method).spawn().expect("spawned");
        assert!(spinning.is_alive() && spinning.exit_code().is_none());
        spinning.terminate();
        assert!(matches!(spinning.wait(), WorkerExit::Signaled { signal: 15, .. }));
        assert_eq!(spinning.exit_code(), Some(-15));
        assert!(matches!(spinning.join(), Err(Failure::Lost { .. })));
        let killed = Process::builder(spin, ()).start_method(method).spawn().expect("spawned");
        killed.kill();
        assert_eq!(killed.wait().code(), Some(-9));
        let panicking = Process::builder(|| -> () { panic!("no") }, ()).start_method(method).spawn().expect("spawned");
        assert_eq!(panicking.wait(), WorkerExit::Exited(1));
        let dropped = Process::builder(spin, ()).start_method(method).spawn().expect("spawned");
        let pid = dropped.pid();
        drop(dropped);
        eventually("it is gone", || state_of(pid).is_none());
        assert!(mp::active_children().is_empty() || !mp::active_children().iter().any(|child| child.pid == pid));
    });
}
