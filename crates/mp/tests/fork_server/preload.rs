//! What is loaded once, and what must not be the same in all copies of it.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use mp::{Backend, Failure};
use rand::distr::{Alphanumeric, SampleString};

use crate::common::works;
use crate::{alone, fresh_each, server};

static MODEL: OnceLock<(u32, Vec<u64>)> = OnceLock::new();
static RUNS: AtomicU32 = AtomicU32::new(0);

fn load(len: u64) {
    RUNS.fetch_add(1, Ordering::Relaxed);
    MODEL.set((std::process::id(), (0..len).collect())).expect("once");
}

fn look(_: u64) -> (Option<(u32, u64)>, u32, u32) {
    let model = MODEL.get().map(|(pid, numbers)| (*pid, numbers.iter().sum()));
    (model, RUNS.load(Ordering::Relaxed), std::process::id())
}

#[test]
fn all_workers_share_what_was_loaded_once() {
    alone("preload", |bench| {
        let pool = bench.build(fresh_each(bench, 3).preload(load, (100_000,)));
        let seen = pool.map(look, 0..50).expect("values");
        let loaded = Some((server(), (0..100_000).sum()));
        assert!(seen.iter().all(|(model, runs, _)| (*model, *runs) == (loaded, 1)), "{seen:?}");
        let pids: BTreeSet<_> = seen.iter().map(|(_, _, pid)| *pid).collect();
        assert_eq!(pids.len(), 50, "each on a worker of its own");
        assert!(MODEL.get().is_none(), "not in this process");
    });
}

#[test]
fn pools_with_the_same_preload_share_a_fork_server() {
    alone("shared", |bench| {
        let pools = [1, 1, 2].map(|len| bench.build(bench.builder().workers(1).preload(load, (len,))));
        let makers = pools.each_ref().map(|pool| pool.apply(look, (0,)).expect("a value").0.expect("loaded").0);
        assert!(makers[0] == makers[1] && makers[1] != makers[2], "{makers:?}");
    });
}

static SEED: AtomicU64 = AtomicU64::new(0);
static STATE: Mutex<u64> = Mutex::new(0);

fn seed() {
    // Thread-locals of this thread: each worker makes its own.
    drop(Alphanumeric.sample_string(&mut rand::rng(), 5));
    drop(RandomState::new());
    SEED.store(1, Ordering::Relaxed);
    mp::after_fork(|| *STATE.lock().expect("no panic") = u64::from(std::process::id()));
}

fn draw(_: u64) -> (String, u64, u64, u64) {
    let string = Alphanumeric.sample_string(&mut rand::rng(), 16);
    (string, RandomState::new().hash_one(1), SEED.load(Ordering::Relaxed), *STATE.lock().expect("no panic"))
}

#[test]
fn eight_workers_give_eight_random_strings() {
    alone("random", |bench| {
        for builder in [fresh_each(bench, 2), fresh_each(bench, 2).preload(seed, ())] {
            let pool = bench.build(builder);
            let drawn = pool.map(draw, 0..8).expect("values");
            let strings: BTreeSet<_> = drawn.iter().map(|(string, ..)| string).collect();
            let keys: BTreeSet<_> = drawn.iter().map(|(_, hash, ..)| hash).collect();
            assert_eq!((strings.len(), keys.len()), (8, 8), "{drawn:?}");
            let states: BTreeSet<_> = drawn.iter().map(|(.., state)| state).collect();
            assert!(drawn[0].2 == 0 || states.len() == 8, "renewed after the fork: {drawn:?}");
        }
    });
}

fn end_of(pool: &mp::Pool) -> String {
    let outcome = pool.apply(look, (0,));
    assert!(matches!(outcome, Err(Failure::Stopped { .. })), "{outcome:?}");
    format!("{:?}", pool.join().expect_err("it has ended by itself"))
}

fn leave_a_thread() {
    std::thread::spawn(std::thread::park);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "that is what it is to do")]
fn a_preload_that_fails_stops_the_pool_with_its_reason() {
    alone("bad_preload", |bench| {
        let builder = || bench.builder().workers(2).restart_limit(2, Duration::from_secs(60));
        let cases = [
            (builder().preload(|| panic!("no model"), ()), "no model"),
            (builder().preload(leave_a_thread, ()), "2 threads"),
            (builder().preload(|| std::process::exit(0), ()), "did not get ready"),
            (builder().preload(|| std::process::abort(), ()), "did not get ready"),
            (builder().preload(std::thread::park, ()).start_timeout(Duration::from_millis(200)), "did not get ready"),
        ];
        for (builder, expected) in cases {
            let text = end_of(&bench.build(builder));
            assert!(text.contains(expected), "{text}");
        }
        works(&bench.pool(1));
    });
}

#[test]
fn other_workers_have_it_in_this_process_or_not_at_all() {
    static HERE: AtomicU32 = AtomicU32::new(0);
    alone("elsewhere", |bench| {
        let note = |n: u32| HERE.store(n, Ordering::Relaxed);
        for (backend, n) in [(Backend::Threads, 1), (Backend::Serial, 2)] {
            let pool = bench.build(bench.builder().backend(backend).preload(note, (n,)));
            assert_eq!(pool.apply(|| HERE.load(Ordering::Relaxed), ()), Ok(n));
        }
        let spawned = bench.builder().preload(note, (3,)).start_method(mp::StartMethod::Spawn).build();
        assert!(format!("{:?}", spawned.expect_err("no fork server")).contains("ForkServer"));
        let panics = bench.builder().backend(Backend::Serial).preload(|| panic!("no model"), ()).build();
        assert!(format!("{:?}", panics.expect_err("it panicked")).contains("no model"));
    });
}
