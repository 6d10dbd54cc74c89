//! What is kept, and that it is given back: descriptors do not grow with tasks, memory not with time.

use std::fs::{read_dir, read_link, read_to_string};

use mp::{Backend, Pool};

use crate::common::{bench, eventually, works};
use crate::{alone, pattern};

const MIB: usize = 1 << 20;

fn descriptors() -> usize {
    read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Descriptors of memory files of this kind.
fn files(name: &str) -> usize {
    let links = read_dir("/proc/self/fd").into_iter().flatten().flatten().filter_map(|fd| read_link(fd.path()).ok());
    links.filter(|link| link.to_string_lossy().contains(name)).count()
}

/// The shared memory that is mapped in a process, in MiB.
fn mapped(pid: u32) -> usize {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssShmem:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) / 1024
}

fn there_and_back(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

#[test]
fn a_thousand_large_tasks_take_no_more_descriptors_than_ten() {
    let _alone = alone();
    bench("thousand", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let run = |tasks: usize| {
            for n in 0..tasks {
                let bytes = pattern(60_000 + n % 1000, n as u8);
                assert!(pool.apply(there_and_back, (bytes.clone(),)) == Ok(bytes));
            }
        };
        run(50);
        let before = descriptors();
        run(1000);
        // Some may have been given back before they were counted, as what is not used for a second is.
        eventually("there are no more than before", || descriptors() <= before);
    });
}

/// 300 MB wait at once: few descriptors, and all of it is given back.
#[test]
fn after_a_spike_memory_and_descriptors_are_given_back() {
    let _alone = alone();
    bench("spike", Backend::Processes, |bench| {
        let pool: &Pool = &bench.pool(2);
        let handles: Vec<_> = (0..300)
            .map(|n| pool.apply_async(|bytes: Vec<u8>| bytes.len(), (pattern(MIB, n as u8),)).expect("accepted"))
            .collect();
        assert!(files("mp-region") <= 12, "{} regions", files("mp-region"));
        assert!(handles.into_iter().all(|handle| handle.get() == Ok(MIB)));
        let large: Vec<_> =
            (0..20).map(|n: u8| pool.apply_async(|n| pattern(3 * MIB, n), (n,)).expect("accepted")).collect();
        assert!(large.into_iter().zip(0..).all(|(handle, n)| handle.get() == Ok(pattern(3 * MIB, n))));
        let processes: Vec<u32> = pool.worker_pids().into_iter().chain([std::process::id()]).collect();
        eventually("memory is given back, though workers have it mapped", || {
            processes.iter().all(|pid| mapped(*pid) < 2)
        });
        eventually("and descriptors", || files("mp-region") == 0 && files("mp-window") <= 8);
        works(pool);
        assert!(pool.apply(there_and_back, (pattern(MIB, 7),)) == Ok(pattern(MIB, 7)), "and it is there again");
    });
}

/// A task that runs on keeps its own arguments, not those that were queued beside them.
#[test]
fn a_straggler_does_not_keep_what_the_others_had() {
    let _alone = alone();
    bench("straggler", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let (gate, started) = (mp::Queue::<u8>::new().expect("a queue"), mp::Queue::<u8>::new().expect("a queue"));
        let waits = |bytes: Vec<u8>, gate: mp::Queue<u8>, started: mp::Queue<u8>| {
            started.put(1).expect("put");
            gate.get().map(|byte| usize::from(byte) + bytes.len()).expect("an item")
        };
        let straggler = pool.apply_async(waits, (pattern(MIB, 1), gate.clone(), started.clone())).expect("accepted");
        started.get().expect("it runs");
        let lengths = pool.map(|bytes: Vec<u8>| bytes.len(), (0..60).map(|n| pattern(MIB, n)));
        assert_eq!(lengths, Ok(vec![MIB; 60]));
        eventually("only its own is left", || mapped(std::process::id()) <= 2);
        gate.put(1).expect("put");
        assert_eq!(straggler.get(), Ok(MIB + 1));
    });
}

/// Regions and windows are a process's own business: an idle pool's are gone before it is dropped.
#[test]
fn large_tasks_over_threads_leave_nothing_either() {
    let _alone = alone();
    bench("threads", Backend::Threads, |bench| {
        let pool = bench.pool(2);
        let before = descriptors();
        for n in 0..200 {
            let bytes = pattern(100_000, n);
            assert!(pool.apply(there_and_back, (bytes.clone(),)) == Ok(bytes));
        }
        eventually("there are no more than before", || descriptors() <= before);
    });
}

/// A limit on a worker's memory is about its own: what it reads of the pool's would be as much in the next one.
#[test]
fn what_a_worker_reads_of_others_is_not_its_own_memory() {
    let _alone = alone();
    bench("own", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).max_worker_memory(40 << 20));
        let table = mp::Shared::<[u64]>::build(10 * MIB, |to| to.fill(7)).expect("made");
        let all = |table: mp::Shared<[u64]>| table.iter().step_by(512).sum::<u64>();
        for _ in 0..3 {
            assert_eq!(pool.apply(all, (table.clone(),)), Ok(7 * 20 * 1024));
        }
        works(&pool);
        assert_eq!(pool.stats().recycled, 0);
    });
}
