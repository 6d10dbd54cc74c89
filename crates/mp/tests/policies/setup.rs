//! Initializers and finalizers: once per worker, and what becomes of a pool whose initializer fails.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mp::{Backend, Failure, Queue};
use serde::{Deserialize, Serialize};

use crate::common::{Bench, bench, works};

thread_local! {
    static PREPARED: AtomicU32 = const { AtomicU32::new(0) };
}

/// Leaves a number for the tasks of its worker, and says that it ran.
fn prepare(number: u32, ran: Queue<u32>) -> Result<(), String> {
    let before = PREPARED.with(|prepared| prepared.fetch_add(number, Ordering::Relaxed));
    let worker = mp::current_worker().ok_or("it knows no worker")?;
    if before != 0 || worker.task_id != mp::TaskId(0) {
        return Err(format!("ran twice, or in a task: {before} {worker:?}"));
    }
    ran.put(worker.id).map_err(|error| error.to_string())
}

fn prepared(_: u32) -> u32 {
    PREPARED.with(|prepared| prepared.load(Ordering::Relaxed))
}

/// The queue as far as it goes.
fn all(queue: &Queue<u32>) -> Vec<u32> {
    let mut all: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
    all.sort_unstable();
    all
}

fn each_backend(name: &str, body: impl Fn(&Bench)) {
    for backend in [Backend::Processes, Backend::Threads] {
        bench(name, backend, &body);
    }
    bench(name, Backend::Serial, |bench| {
        PREPARED.with(|prepared| prepared.store(0, Ordering::Relaxed));
        body(bench);
    });
}

#[test]
fn every_worker_is_prepared_before_its_first_task_and_finished_after_its_last() {
    each_backend("setup", |bench| {
        let (ran, ended) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
        let end = |ended: Queue<u32>| ended.put(7).map_err(|error| error.to_string());
        let pool = bench
            .build(bench.builder().workers(3).initializer(prepare, (5, ran.clone())).finalizer(end, (ended.clone(),)));
        assert_eq!(pool.map(prepared, 0..200), Ok(vec![5; 200]));
        pool.join().expect("all was well");
        let workers = if bench.backend == Backend::Serial { 1 } else { 3 };
        assert_eq!(all(&ran).len(), all(&ended).len());
        assert!(workers >= all(&ended).len());
    });
}

#[test]
fn a_large_argument_reaches_the_initializer() {
    each_backend("setup-large", |bench| {
        let check = |bytes: Vec<u8>| (bytes.len() == 3_000_000).then_some(()).ok_or(bytes.len());
        let pool = bench.build(bench.builder().workers(2).initializer(check, (vec![1; 3_000_000],)));
        works(&pool);
    });
}

#[test]
fn a_worker_that_replaces_another_is_prepared_too() {
    bench("setup-replaced", Backend::Processes, |bench| {
        let ran = Queue::new().expect("a queue");
        let pool =
            bench.build(bench.builder().workers(1).max_tasks_per_worker(1).initializer(prepare, (5, ran.clone())));
        assert_eq!(pool.map(prepared, 0..9), Ok(vec![5; 9]));
        let lost = pool.apply(|| nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).is_ok(), ());
        assert!(matches!(lost, Err(Failure::Lost { .. })), "{lost:?}");
        assert_eq!(pool.apply(prepared, (0,)), Ok(5));
        assert!(all(&ran).len() >= 11);
    });
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum How {
    Error,
    Panic,
    Exit(i32),
    Abort,
    Hang,
}

/// Does as it is told, once `fuse` has no more to give.
fn fail(how: How, fuse: Queue<u32>) -> Result<(), String> {
    if fuse.try_get().is_ok() {
        return Ok(());
    }
    match how {
        How::Error => Err("no model".to_owned()),
        How::Panic => panic!("no model"),
        #[expect(clippy::disallowed_methods, reason = "that it does is the point")]
        How::Exit(code) => std::process::exit(code),
        How::Abort => std::process::abort(),
        How::Hang => loop {
            std::thread::park();
        },
    }
}

/// `good` workers start well, all later ones fail. Every handle completes, with the text, and the pool has ended.
fn stops(bench: &Bench, how: How, (good, text): (u32, &str)) {
    let fuse = Queue::new().expect("a queue");
    (0..good).for_each(|n| fuse.put(n).expect("put"));
    let builder = bench.builder().workers(2 - good as usize).restart_limit(3, LONG);
    let builder = builder.initializer_timeout(if matches!(how, How::Hang) { HANGS } else { LONG });
    let pool = bench.build(builder.initializer(fail, (how, fuse)));
    let began = Instant::now();
    if good > 0 {
        works(&pool);
        pool.worker_pids().into_iter().for_each(kill);
    }
    let handles: Vec<_> = (0..50).filter_map(|_| pool.apply_async(prepared, (0,)).ok()).collect();
    for handle in handles {
        let Err(handle) = handle.get_timeout(LONG) else { continue };
        panic!("{how:?}: {handle:?} hangs: {pool:#?}");
    }
    let refused = pool.apply(prepared, (0,));
    let Err(Failure::Stopped { reason, .. }) = &refused else { panic!("{how:?}: {refused:?}") };
    assert!(reason.contains(text), "{how:?}: {reason}");
    let error = pool.join().expect_err("it has ended by itself").to_string();
    assert!(error.contains(text), "{how:?}: {error}");
    assert!(pool.stats().deaths <= 8, "a storm: {:?}", pool.stats());
    assert!(began.elapsed() < LONG, "{how:?}: {:?}", began.elapsed());
}

fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid"));
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

/// Who is not ready after this hangs; the one that is to be, is ready before, on a busy machine as well.
const HANGS: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(100);

const CELLS: [(How, &str); 6] = [
    (How::Error, "initializer failed: no model"),
    (How::Panic, ": no model"),
    (How::Exit(0), "before its initializer had (exited with code 0)"),
    (How::Exit(3), "before its initializer had (exited with code 3)"),
    (How::Abort, "before its initializer had (killed by SIGABRT"),
    (How::Hang, "initializer did not end within 2s"),
];

#[test]
fn an_initializer_that_fails_at_the_first_start_stops_the_pool() {
    for (how, text) in CELLS {
        bench("setup-first", Backend::Processes, |bench| stops(bench, how, (0, text)));
    }
}

#[test]
fn an_initializer_that_fails_at_a_restart_stops_the_pool() {
    for (how, text) in CELLS {
        bench("setup-restart", Backend::Processes, |bench| stops(bench, how, (1, text)));
    }
}

#[test]
fn an_initializer_that_fails_in_threads_or_in_place_stops_the_pool() {
    for (how, text) in [CELLS[0], CELLS[1]] {
        for backend in [Backend::Threads, Backend::Serial] {
            bench("setup-threads", backend, |bench| {
                let fuse = Queue::new().expect("a queue");
                let pool = bench.build(bench.builder().workers(2).initializer(fail, (how, fuse)));
                let refused = pool.apply(prepared, (0,));
                assert!(
                    matches!(&refused, Err(Failure::Stopped { reason, .. }) if reason.contains(text)),
                    "{refused:?}"
                );
                assert!(pool.join().is_err());
            });
        }
    }
}

#[test]
fn a_finalizer_that_fails_or_hangs_harms_nobody() {
    for how in [How::Error, How::Panic, How::Exit(3), How::Abort, How::Hang] {
        bench("setup-finalizer", Backend::Processes, |bench| {
            let fuse = Queue::new().expect("a queue");
            let builder = bench.builder().workers(2).grace(Duration::from_millis(100)).max_tasks_per_worker(3);
            let pool = bench.build(builder.finalizer(fail, (how, fuse)));
            assert_eq!(pool.map(|n: u32| n, 0..20), Ok((0..20).collect()));
            pool.join().expect("closed, not dead");
            assert_eq!(pool.stats().deaths, 0, "{how:?}");
        });
    }
}
