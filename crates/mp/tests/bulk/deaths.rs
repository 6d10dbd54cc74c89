//! Workers that die while they read large arguments or write large results.

use mp::{Backend, Bytes, Failure, Pool, Queue, WorkerExit};
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::common::{bench, works};
use crate::{alone, pattern, sum};

const LEN: usize = 300_000;

/// Kills its process where it is decoded.
#[derive(Serialize)]
struct DiesDecoded(u8);

impl<'de> Deserialize<'de> for DiesDecoded {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        raise(Signal::SIGKILL).expect("sent");
        unreachable!("it is dead")
    }
}

/// Kills its process where it is encoded.
#[derive(Deserialize)]
struct DiesEncoded;

impl Serialize for DiesEncoded {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        raise(Signal::SIGKILL).expect("sent");
        unreachable!("it is dead")
    }
}

fn is_lost<T>(outcome: &Result<T, Failure>) -> bool {
    matches!(outcome, Err(Failure::Lost { exit: WorkerExit::Signaled { signal: 9, .. }, .. }))
}

fn goes_on(pool: &Pool) {
    let there_and_back = |n: u8, bytes: Bytes| (n, bytes);
    let items = || (0..20).map(|n| (n, Bytes::from(pattern(LEN, n))));
    assert!(pool.starmap(there_and_back, items()).is_ok_and(|all| all.into_iter().eq(items())));
    works(pool);
}

#[test]
fn a_worker_killed_while_it_reads_an_argument_costs_that_task() {
    let _alone = alone();
    bench("reads", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        for _ in 0..3 {
            let task = |bytes: Vec<u8>, _: DiesDecoded| bytes.len();
            let outcome = pool.apply(task, (pattern(LEN, 1), DiesDecoded(1)));
            assert!(is_lost(&outcome), "{outcome:?}");
            goes_on(&pool);
        }
    });
}

#[test]
fn a_worker_killed_while_it_writes_a_result_costs_that_task() {
    let _alone = alone();
    bench("writes", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        for _ in 0..3 {
            goes_on(&pool);
            let outcome = pool.apply(|| (Bytes::from(pattern(LEN, 1)), DiesEncoded), ());
            assert!(is_lost(&outcome), "{:?}", outcome.err());
        }
        goes_on(&pool);
    });
}

/// Its value lies in memory that both have, and its record in another: neither dies with it.
#[test]
fn a_large_value_outlives_the_worker_that_dies_over_the_next_item() {
    let _alone = alone();
    bench("outlives", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        for _ in 0..5 {
            let first = |n: u8| pattern(LEN, n);
            assert!(pool.map(first, 0..3).is_ok(), "windows are lent");
            let task = |n: u8| {
                if n == 1 {
                    raise(Signal::SIGKILL).expect("sent");
                }
                pattern(LEN, n)
            };
            let outcomes = pool.map_outcomes(task, 0..3);
            assert!(outcomes[0] == Ok(pattern(LEN, 0)) && outcomes[2] == Ok(pattern(LEN, 2)));
            assert!(is_lost(&outcomes[1]));
        }
    });
}

/// Values that nobody has taken when their worker is dead and its successor works.
#[test]
fn values_that_wait_are_whole_when_their_worker_is_long_gone() {
    let _alone = alone();
    bench("waits", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        pool.map(|n: u8| pattern(LEN, n), 0..8).expect("windows are lent");
        let handles: Vec<_> =
            (0..8).map(|n: u8| pool.apply_async(|n| pattern(LEN, n), (n,)).expect("accepted")).collect();
        assert!(handles.iter().all(|handle| handle.wait(std::time::Duration::from_secs(60))));
        pool.worker_pids().into_iter().for_each(|pid| kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("sent"));
        goes_on(&pool);
        assert!(handles.into_iter().zip(0..).all(|(handle, n)| handle.get() == Ok(pattern(LEN, n))));
    });
}

#[test]
fn random_kills_among_large_tasks_spoil_no_value() {
    let _alone = alone();
    bench("random", Backend::Processes, |bench| {
        let pool = bench
            .build(bench.builder().workers(3).retries(1_000).restart_limit(10_000, std::time::Duration::from_secs(1)));
        // No worker gets far ahead of who kills them: each kill falls into the work, at any moment of it.
        let began = Queue::bounded(3).expect("a queue");
        let task = |n: u64, bytes: Vec<u8>, began: Queue<u32>| {
            began.put(std::process::id()).expect("said");
            (sum(&bytes), Bytes::from(pattern(200_000, n as u8)))
        };
        let items = |n: u64| (n, pattern(50_000 + (n as usize * 7919) % 400_000, n as u8));
        let all = (0..300).map(|n| (items(n).0, items(n).1, began.clone()));
        let handle = pool.starmap_async(task, all).expect("accepted");
        std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                let at_work = |pid: &u32| pool.worker_pids().contains(pid);
                let heard = std::iter::from_fn(|| began.get().ok()).filter(at_work);
                for (count, pid) in (0..).zip(heard) {
                    if count % 5 == 0 && count < 125 {
                        // It may have ended by itself: of the last one.
                        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
                    }
                }
            });
            let values = handle.get();
            began.close().expect("closed");
            killer.join().expect("no panic");
            assert!(pool.stats().deaths >= 10, "{:?}", pool.stats());
            for (n, value) in (0..).zip(values.expect("each was run again")) {
                assert!(value == (sum(&items(n).1), Bytes::from(pattern(200_000, n as u8))), "item {n}");
            }
        });
        goes_on(&pool);
    });
}
