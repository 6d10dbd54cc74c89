//! Workers that are replaced for what they have become, or rest while there is nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;

use mp::{Backend, Queue};

use crate::common::{bench, eventually, works};

const MIB: usize = 1 << 20;

/// Keeps so much memory for good; gives who it was.
fn leak(mib: usize) -> u32 {
    std::mem::forget(std::hint::black_box(vec![1_u8; mib * MIB]));
    std::process::id()
}

#[test]
fn one_that_has_become_too_large_is_replaced_and_nothing_is_lost() {
    bench("memory", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).max_worker_memory(100 * MIB as u64));
        let pids: Vec<_> = (0..12).map(|_| pool.apply(leak, (40,)).expect("a value")).collect();
        let mut tasks = BTreeMap::new();
        pids.iter().for_each(|pid| *tasks.entry(pid).or_insert(0) += 1);
        // 40 and what a worker has anyway are allowed, 80 may be, 120 are too much.
        assert!(tasks.values().all(|tasks| (1..=3).contains(tasks)), "{tasks:?}");
        let stats = pool.stats();
        assert_eq!((stats.deaths, stats.failed, stats.completed), (0, 0, 12));
        assert!(stats.recycled >= 3, "{stats:?}");
        works(&pool);
    });
}

#[test]
fn one_that_grows_among_many_short_tasks_hands_on_what_it_has_not_begun() {
    bench("memory-map", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).max_worker_memory(200 * MIB as u64));
        let slow_leak = |n: u64| {
            std::mem::forget(std::hint::black_box(vec![1_u8; MIB]));
            n
        };
        assert_eq!(pool.map(slow_leak, 0..3000), Ok((0..3000).collect()));
        assert!(pool.stats().recycled > 0, "{:?}", pool.stats());
        assert_eq!(pool.stats().deaths, 0);
    });
}

#[test]
fn threads_have_no_memory_of_their_own() {
    bench("memory-threads", Backend::Threads, |bench| {
        let pool = bench.build(bench.builder().workers(2).max_worker_memory(1));
        assert_eq!(pool.map(|n: u64| n, 0..100), Ok((0..100).collect()));
        assert_eq!(pool.stats().recycled, 0);
    });
}

#[test]
fn those_who_started_together_are_not_all_replaced_together() {
    bench("jitter", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(3).max_tasks_per_worker(10).max_tasks_jitter(15));
        let mut tasks = BTreeMap::new();
        for _ in 0..200 {
            let pid = pool.apply(std::process::id, ()).expect("a value");
            *tasks.entry(pid).or_insert(0) += 1;
        }
        let alive = pool.worker_pids();
        let replaced: Vec<_> = tasks.iter().filter(|(pid, _)| !alive.contains(pid)).map(|(_, tasks)| *tasks).collect();
        assert!(replaced.iter().all(|tasks| (10..=25).contains(tasks)), "{tasks:?}");
        assert!(replaced.iter().any(|tasks| *tasks != replaced[0]), "{tasks:?}");
        assert_eq!(pool.stats().deaths, 0);
    });
}

#[test]
fn workers_rest_when_there_is_nothing_to_do_and_come_back_prepared() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("idle", backend, |bench| {
            let (prepared, ended) = (Queue::<u32>::new().expect("a queue"), Queue::<u32>::new().expect("a queue"));
            let say = |queue: Queue<u32>| queue.put(1).map_err(|error| error.to_string());
            let idle = Duration::from_millis(50);
            let builder = bench.builder().workers(3).idle_timeout(idle);
            let builder = builder.initializer(say, (prepared.clone(),)).finalizer(say, (ended.clone(),));
            let pool = bench.build(builder);
            for _ in 0..2 {
                works(&pool);
                eventually("nobody is left", || pool.worker_pids().is_empty());
            }
            assert_eq!(pool.map(|n: u64| n, 0..1000), Ok((0..1000).collect()));
            assert_eq!((pool.stats().deaths, pool.stats().workers), (0, 3));
            pool.join().expect("all was well");
            let count = |queue: &Queue<u32>| std::iter::from_fn(|| queue.try_get().ok()).count();
            let (prepared, ended) = (count(&prepared), count(&ended));
            assert!(prepared == ended && prepared >= 5, "{prepared} prepared, {ended} ended");
        });
    }
}

#[test]
fn a_pool_whose_workers_rest_can_be_joined_and_dropped() {
    bench("idle-end", Backend::Processes, |bench| {
        for join in [true, false] {
            let pool = bench.build(bench.builder().workers(2).idle_timeout(Duration::from_millis(10)));
            works(&pool);
            eventually("nobody is left", || pool.worker_pids().is_empty());
            if join {
                pool.join().expect("all was well");
            }
        }
    });
}
