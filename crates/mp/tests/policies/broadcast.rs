//! A task that each worker runs once: who gets it, when, and what a death, an end or a resize makes of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::scope;
use std::time::Duration;

use mp::{Backend, Failure, Queue, Shutdown, SubmitError, WorkerId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Bench, bench, works};

const LONG: Duration = Duration::from_secs(60);

/// Has another thread end its loop, also where this one panics.
struct Ends<'s>(&'s AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wait_for(gate: Queue<u32>) -> u32 {
    gate.get_timeout(LONG).expect("opened")
}

/// As [`wait_for`], and says that it has begun.
fn begin_and_wait(begun: Queue<()>, gate: Queue<u32>) -> u32 {
    begun.put(()).expect("put");
    wait_for(gate)
}

fn who() -> Option<WorkerId> {
    mp::current_worker().map(|worker| WorkerId { slot: worker.id, generation: worker.generation })
}

fn with_workers(name: &str, body: impl Fn(&Bench)) {
    bench(name, Backend::Processes, &body);
    bench(name, Backend::Threads, &body);
}

#[test]
fn each_worker_runs_it_once_also_one_that_is_still_starting() {
    with_workers("broadcast", |bench| {
        let pool = bench.pool(3);
        for _ in 0..20 {
            let told = pool.broadcast(who, ()).expect("accepted");
            let expected: Vec<_> = told.workers().map(Some).collect();
            assert_eq!((told.get(), expected.len()), (Ok(expected), 3));
        }
        let mut pids = pool.broadcast(std::process::id, ()).expect("accepted").get().expect("values");
        pids.dedup();
        assert_eq!(pids.len(), if bench.backend == Backend::Processes { 3 } else { 1 });
        works(&pool);
    });
}

#[test]
fn without_workers_the_calling_thread_runs_it() {
    bench("broadcast-serial", Backend::Serial, |bench| {
        let pool = bench.build(bench.builder());
        assert_eq!(pool.broadcast(|n: u64| n + 1, (1,)).expect("accepted").get(), Ok(vec![2]));
        pool.close();
        assert!(matches!(pool.broadcast(who, ()), Err(SubmitError::Closed(_))));
    });
}

#[test]
fn a_worker_killed_in_it_fails_its_own_and_who_replaces_it_does_not_run_it() {
    fn one_dies(fatal: Queue<u32>, seen: Queue<u32>) -> u32 {
        seen.put(1).expect("put");
        if fatal.try_get().is_ok() {
            nix::sys::signal::raise(Signal::SIGKILL).expect("raised");
        }
        7
    }
    bench("broadcast-killed", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(3).retries(5));
        for round in 1..=10 {
            let (fatal, seen) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
            fatal.put(1).expect("put");
            let told = pool.broadcast(one_dies, (fatal, seen.clone())).expect("accepted");
            let all = told.workers().count();
            let (lost, kept): (Vec<_>, Vec<_>) = told.outcomes().into_iter().partition(|(_, outcome)| outcome.is_err());
            let [(worker, Err(Failure::Lost { worker: named, .. }))] = &lost[..] else { panic!("{lost:?}") };
            assert_eq!(worker, named);
            assert!(kept.iter().all(|(_, outcome)| *outcome == Ok(7)) && kept.len() == all - 1);
            works(&pool);
            assert_eq!(std::iter::from_fn(|| seen.try_get().ok()).count(), all, "round {round}");
        }
    });
}

#[test]
fn a_worker_killed_before_it_loses_it_and_nobody_waits() {
    bench("broadcast-before", Backend::Processes, |bench| {
        let (pool, gate, begun) = (bench.pool(2), Queue::new().expect("a queue"), Queue::new().expect("a queue"));
        let pids = pool.broadcast(std::process::id, ()).expect("accepted").get().expect("values");
        let run = |_| pool.apply_async(begin_and_wait, (begun.clone(), gate.clone())).expect("accepted");
        let busy: Vec<_> = (0..2).map(run).collect();
        (0..2).for_each(|_| begun.get_timeout(LONG).expect("begun"));
        let told = pool.broadcast(|n: u32| n, (5,)).expect("accepted");
        let later = pool.broadcast(|n: u32| n, (6,)).expect("accepted");
        kill(Pid::from_raw(pids[0].cast_signed()), Signal::SIGKILL).expect("killed");
        // The one that lives finishes what it runs; what the dead one ran is lost.
        gate.put(1).expect("put");
        assert_eq!(busy.into_iter().filter_map(|handle| handle.get().ok()).collect::<Vec<_>>(), [1]);
        for (told, value) in [(told, 5), (later, 6)] {
            let outcomes: Vec<_> = told.outcomes().into_iter().map(|(_, outcome)| outcome).collect();
            assert!(matches!(&outcomes[..], [Err(Failure::Lost { .. }), Ok(seen)] if *seen == value), "{outcomes:?}");
        }
        works(&pool);
    });
}

#[test]
fn what_is_submitted_after_it_finds_what_it_has_done() {
    let body = |bench: &Bench| {
        let pool = bench.builder().workers(3).state(|| 0_u32, ()).build().expect("a pool");
        let reload = |version: &mut u32, new: u32| std::mem::replace(version, new);
        let stop = AtomicBool::new(false);
        scope(|scope| {
            let _end = Ends(&stop);
            let noise = || {
                while !stop.load(Ordering::Relaxed) {
                    pool.map(|version: &mut u32, n: u32| *version + n, 0..200).expect("values");
                }
            };
            scope.spawn(noise);
            for version in 1..=30 {
                let told = pool.broadcast(reload, (version,)).expect("accepted");
                let seen = pool.map(|version: &mut u32, _: u32| *version, 0..50).expect("values");
                assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([version]));
                assert!(told.get().expect("values").iter().all(|before| *before == version - 1));
            }
        });
    };
    with_workers("broadcast-state", body);
}

#[test]
fn a_state_that_panics_under_it_is_made_anew() {
    bench("broadcast-panic", Backend::Processes, |bench| {
        let pool = bench.builder().workers(2).state(|| 0_u32, ()).build().expect("a pool");
        let fail = |state: &mut u32| -> u32 {
            *state = 9;
            panic!("half done")
        };
        let outcomes = pool.broadcast(fail, ()).expect("accepted").outcomes();
        assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Err(Failure::Panicked { .. }))), "{outcomes:?}");
        assert_eq!(pool.broadcast(|state: &mut u32| *state, ()).expect("accepted").get(), Ok(vec![0, 0]));
        assert_eq!(pool.try_submit(|state: &mut u32| *state, ()).expect("room").get(), Ok(0));
    });
}

#[test]
fn a_pool_that_closes_runs_it_and_a_graver_end_ends_it() {
    with_workers("broadcast-ends", |bench| {
        for (how, value) in [(Shutdown::Drain, true), (Shutdown::Stop, false), (Shutdown::Kill, false)] {
            let (pool, gate, begun) = (bench.pool(2), Queue::new().expect("a queue"), Queue::new().expect("a queue"));
            pool.broadcast(who, ()).expect("accepted").get().expect("values");
            let run = |_| pool.apply_async(begin_and_wait, (begun.clone(), gate.clone())).expect("accepted");
            let busy: Vec<_> = (0..2).map(run).collect();
            (0..2).for_each(|_| begun.get_timeout(LONG).expect("begun"));
            let told = pool.broadcast(|n: u32| n, (5,)).expect("accepted");
            pool.shutdown(how);
            assert!(matches!(pool.broadcast(who, ()), Err(SubmitError::Closed(_))));
            (0..2).for_each(|_| gate.put(1).expect("put"));
            for (_, outcome) in told.outcomes() {
                let right = if value { outcome == Ok(5) } else { matches!(outcome, Err(Failure::Stopped { .. })) };
                assert!(right, "{how:?}: {outcome:?}");
            }
            drop(busy);
        }
    });
}

#[test]
fn a_pool_that_is_resized_meanwhile_loses_none_of_it() {
    with_workers("broadcast-resized", |bench| {
        let pool = bench.pool(2);
        let stop = AtomicBool::new(false);
        scope(|scope| {
            let _end = Ends(&stop);
            scope.spawn(|| {
                for size in (1..=5).cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                    pool.resize(size).expect("resized");
                    pool.map(|n: u64| n, 0..40).expect("values");
                }
            });
            for _ in 0..60 {
                let told = pool.broadcast(who, ()).expect("accepted");
                let expected: Vec<_> = told.workers().map(Some).collect();
                assert!((1..=5).contains(&expected.len()), "{expected:?}");
                assert_eq!(told.get(), Ok(expected));
            }
        });
        assert_eq!(pool.stats().deaths, 0);
    });
}

#[test]
fn a_full_pool_has_it_wait_for_room_and_takes_it_whole() {
    with_workers("broadcast-full", |bench| {
        let (pool, gate) = (bench.build(bench.builder().workers(3).max_queued(1)), Queue::new().expect("a queue"));
        let first = pool.apply_async(wait_for, (gate.clone(),)).expect("room");
        scope(|scope| {
            let (told, hears) = channel();
            let pool = &pool;
            scope.spawn(move || told.send(pool.broadcast(|n: u32| n, (5,)).map(mp::Broadcast::get)));
            assert!(hears.try_recv().is_err(), "it waits");
            gate.put(1).expect("put");
            assert_eq!(hears.recv_timeout(LONG).expect("in time").expect("accepted"), Ok(vec![5; 3]));
        });
        assert_eq!(first.get(), Ok(1));
        let again = pool.apply_async(wait_for, (gate.clone(),)).expect("room");
        scope(|scope| {
            let waits = scope.spawn(|| pool.broadcast(who, ()));
            pool.close();
            assert!(matches!(waits.join().expect("no panic"), Err(SubmitError::Closed(_))));
            gate.put(2).expect("put");
        });
        assert_eq!(again.get(), Ok(2));
    });
}

#[test]
fn it_has_a_time_limit_and_each_of_it_can_be_cancelled() {
    bench("broadcast-late", Backend::Processes, |bench| {
        let (pool, gate) = (bench.pool(2), Queue::<u32>::new().expect("a queue"));
        let hang = pool.task(wait_for, (gate.clone(),)).timeout(Duration::from_millis(200)).retries(3).name("hang");
        let outcomes = hang.broadcast().expect("accepted").outcomes();
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Err(Failure::TimedOut { .. }))), "{outcomes:?}");
        let mut handles = pool.broadcast(wait_for, (gate.clone(),)).expect("accepted").into_handles();
        let (_, last) = handles.pop().expect("two");
        assert!(last.cancel());
        assert_eq!(last.get(), Err(Failure::Cancelled));
        gate.put(3).expect("put");
        assert_eq!(handles.pop().expect("one").1.get(), Ok(3));
    });
}

#[test]
fn large_arguments_and_queues_reach_every_worker() {
    fn sum(bytes: Vec<u8>, back: Queue<u64>) -> usize {
        back.put(bytes.iter().map(|byte| u64::from(*byte)).sum()).expect("put");
        bytes.len()
    }
    with_workers("broadcast-large", |bench| {
        let (pool, back) = (bench.pool(3), Queue::new().expect("a queue"));
        for len in [10, 20_000, 1 << 20] {
            let told = pool.broadcast(sum, (vec![1_u8; len], back.clone())).expect("accepted");
            assert!(told.wait(LONG));
            assert_eq!(told.get(), Ok(vec![len; 3]));
            assert_eq!([(); 3].map(|()| back.get_timeout(LONG).expect("put")), [len as u64; 3]);
        }
    });
}

#[test]
fn workers_killed_at_random_leave_each_of_it_one_outcome() {
    bench("broadcast-kills", Backend::Processes, |bench| {
        let builder = bench.builder().workers(3).restart_limit(u32::MAX, LONG);
        let pool = bench.build(builder);
        let stop = AtomicBool::new(false);
        scope(|scope| {
            let _end = Ends(&stop);
            scope.spawn(|| {
                let rounds = (0_usize..).take_while(|_| !stop.load(Ordering::Relaxed));
                for (round, pid) in rounds.filter_map(|round| Some((round, *pool.worker_pids().get(round % 3)?))) {
                    // It may have ended by itself meanwhile.
                    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
                    let outcomes = pool.map_outcomes(|n: u64| n, 0..20 + (round as u64 % 7));
                    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Failure::Lost { .. }))));
                }
            });
            let (mut rounds, mut kept, mut lost) = (0, 0, 0);
            // The watchdog ends it, if the kills should never meet one.
            while rounds < 300 || kept == 0 || lost == 0 {
                rounds += 1;
                for (worker, outcome) in pool.broadcast(who, ()).expect("accepted").outcomes() {
                    match outcome {
                        Ok(ran) => {
                            assert_eq!(ran, Some(worker));
                            kept += 1;
                        }
                        Err(Failure::Lost { worker: named, .. }) => {
                            assert_eq!(named, worker);
                            lost += 1;
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        });
        works(&pool);
    });
}
