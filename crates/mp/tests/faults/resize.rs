//! Pools that grow and shrink while tasks run and workers die (FAULTS 6).

use std::time::Duration;

use mp::{Backend, Failure, Queue};

use crate::common::{bench, eventually, works};

const SIZES: [usize; 6] = [12, 2, 1, 12, 6, 1];

/// Says that it runs, then takes a moment of a processor.
fn tell(n: u64, ran: Queue<u64>) -> u64 {
    ran.put(n).expect("a queue");
    (0..20_000_u64).fold(n, |sum, i| std::hint::black_box(sum ^ i ^ i))
}

#[test]
fn sizes_change_while_tasks_run_and_each_runs_once() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("resize", backend, |bench| {
            let pool = bench.pool(12);
            let ran = Queue::new().expect("a queue");
            for size in SIZES {
                let tasks = (0..60).map(|n| (n, ran.clone()));
                let handle = pool.starmap_async(tell, tasks).expect("accepted");
                pool.resize(size).expect("resized");
                assert_eq!(pool.stats().workers, size);
                assert_eq!(handle.get(), Ok((0..60).collect::<Vec<_>>()));
                eventually("only so many are left", || pool.worker_pids().len() == size);
            }
            let mut all: Vec<_> = std::iter::from_fn(|| ran.try_get().ok()).collect();
            all.sort_unstable();
            let each_once: Vec<_> = (0..60).flat_map(|n| [n; SIZES.len()]).collect();
            assert_eq!((all, pool.stats().deaths), (each_once, 0));
            works(&pool);
        });
    }
}

#[test]
fn resizing_twice_at_once_needs_no_worker_to_have_come_or_gone() {
    bench("resize-at-once", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        for size in (1..=8).chain((1..8).rev()).cycle().take(60) {
            pool.resize(size).expect("resized");
        }
        pool.resize(3).expect("resized");
        eventually("three are there", || pool.worker_pids().len() == 3);
        assert_eq!(pool.map(|n: u64| n * 2, 0..500), Ok((0..500).map(|n| n * 2).collect()));
        assert_eq!(pool.stats().deaths, 0, "who was ended for the size is no crash");
    });
}

fn hold(running: Queue<u32>, go: Queue<()>) -> u32 {
    running.put(std::process::id()).expect("a queue");
    go.get().expect("it goes on");
    7
}

#[test]
fn a_kill_right_after_a_resize_costs_its_one_task() {
    bench("resize-kill", Backend::Processes, |bench| {
        let pool = bench.pool(5);
        let (running, go) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
        let handles: Vec<_> =
            (0..5).map(|_| pool.apply_async(hold, (running.clone(), go.clone())).expect("accepted")).collect();
        let pids: Vec<_> = (0..5).map(|_| running.get().expect("it runs")).collect();
        pool.resize(1).expect("resized");
        let victim = nix::unistd::Pid::from_raw(pids[4] as i32);
        nix::sys::signal::kill(victim, nix::sys::signal::Signal::SIGKILL).expect("it lived");
        (0..5).for_each(|_| go.put(()).expect("a queue"));
        let outcomes: Vec<_> = handles.into_iter().map(mp::TaskHandle::get).collect();
        let lost = outcomes.iter().filter(|it| matches!(it, Err(Failure::Lost { pid, .. }) if *pid == pids[4])).count();
        let values = outcomes.iter().filter(|it| **it == Ok(7)).count();
        assert_eq!((values, lost), (4, 1), "{outcomes:?}");
        eventually("one is left", || pool.worker_pids().len() == 1);
        works(&pool);
    });
}

#[test]
fn a_pool_that_has_ended_is_not_resized_and_says_why() {
    bench("resize-ended", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        assert!(pool.resize(0).expect_err("no workers").to_string().contains("1 to"));
        pool.close();
        pool.resize(4).expect("what waits is still run");
        pool.terminate();
        let error = pool.resize(3).expect_err("it has ended").to_string();
        assert!(error.contains("pool was terminated"), "{error}");
        pool.join().expect("it was asked to");
    });
}

#[test]
fn many_sizes_under_kills_lose_nothing_but_what_ran() {
    bench("resize-chaos", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(4).restart_limit(10_000, Duration::from_secs(1)));
        let handle =
            pool.map_async(|n: u64| (0..50_000_u64).fold(n, |sum, i| std::hint::black_box(sum ^ i ^ i)), 0..3000);
        let handle = handle.expect("accepted");
        let mut killed = 0;
        for size in [7, 1, 5, 2, 9, 3].into_iter().cycle().take(30) {
            pool.resize(size).expect("resized");
            if let Some(pid) = pool.worker_pids().last() {
                let pid = nix::unistd::Pid::from_raw(*pid as i32);
                // It may be gone already, and is reaped by its supervisor only: its number is nobody else's yet.
                killed += usize::from(nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).is_ok());
            }
        }
        let outcomes = handle.outcomes();
        assert_eq!(outcomes.len(), 3000);
        let lost = outcomes.iter().filter(|it| matches!(it, Err(Failure::Lost { .. }))).count();
        let right = (0..).zip(&outcomes).filter(|(n, it)| **it == Ok(*n)).count();
        assert!(right + lost == 3000 && lost <= killed, "{right} right, {lost} lost, {killed} killed");
        works(&pool);
    });
}
