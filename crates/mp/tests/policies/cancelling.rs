//! What a task can see of its limits, and what comes of it when it looks.

use std::time::{Duration, Instant};

use mp::{Backend, Failure, Queue};

use crate::common::{bench, works};

const LONG: Duration = Duration::from_secs(100);

/// What is left of its time, in milliseconds.
fn left() -> Option<u64> {
    let left = mp::deadline()?.saturating_duration_since(Instant::now());
    Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

/// Says that it runs, and gives how it noticed that it is cancelled.
fn looks(started: Queue<u32>) -> String {
    let before = mp::is_cancelled();
    started.put(std::process::id()).expect("said");
    while !mp::is_cancelled() {
        std::thread::yield_now();
    }
    format!("saw it, not at once: {before}")
}

/// Looks, and goes on all the same.
fn looks_and_stays(started: Queue<u32>) {
    let _ = mp::is_cancelled();
    never_looks(started);
}

fn never_looks(started: Queue<u32>) {
    started.put(std::process::id()).expect("said");
    loop {
        std::thread::park();
    }
}

/// A thread that was left behind tells what it sees.
fn tells(started: Queue<u32>, seen: Queue<u32>) {
    started.put(0).expect("said");
    while !mp::is_cancelled() {
        std::thread::yield_now();
    }
    seen.put(1).expect("said");
}

#[test]
fn a_task_sees_its_deadline() {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench("deadline", backend, |bench| {
            let pool = bench.pool(1);
            assert_eq!((pool.apply(left, ()), mp::deadline()), (Ok(None), None));
            let limited = pool.task(left, ()).timeout(Duration::from_secs(50)).submit().expect("accepted").get();
            let limited = limited.expect("a value").expect("a deadline");
            assert!((1_000..=50_000).contains(&limited), "{limited} ms");
            assert_eq!(pool.map(|_: u32| mp::deadline().is_some(), 0..3), Ok(vec![false; 3]), "not another's");
            assert_eq!(pool.apply(mp::is_cancelled, ()), Ok(false));
        });
    }
    assert!(!mp::is_cancelled());
}

#[test]
fn a_task_that_looks_ends_by_itself_when_it_is_cancelled() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("cancel-looks", backend, |bench| {
            let pool = bench.build(bench.builder().workers(1).grace(LONG));
            let started = Queue::new().expect("a queue");
            let pids = pool.worker_pids();
            let handle = pool.apply_async(looks, (started.clone(),)).expect("accepted");
            let behind = pool.apply_async(left, ()).expect("accepted");
            let pid = started.get_timeout(LONG).expect("it runs");
            assert!(handle.cancel());
            assert_eq!(handle.get().as_deref(), Ok("saw it, not at once: false"));
            assert_eq!(behind.get(), Ok(None));
            works(&pool);
            assert_eq!(pool.stats().deaths, 0);
            assert!(pool.worker_pids() == [pid], "the same worker: {pids:?}");
            assert_eq!(pool.apply(mp::is_cancelled, ()), Ok(false), "the next task is not");
            pool.join().expect("closed");
        });
    }
}

#[test]
fn a_task_that_looks_and_stays_is_ended_after_the_grace() {
    bench("cancel-stays", Backend::Processes, |bench| {
        let grace = Duration::from_millis(150);
        let pool = bench.build(bench.builder().workers(1).grace(grace));
        let started = Queue::new().expect("a queue");
        let handle = pool.apply_async(looks_and_stays, (started.clone(),)).expect("accepted");
        started.get_timeout(LONG).expect("it runs");
        let began = Instant::now();
        assert!(handle.cancel() && handle.cancel());
        assert_eq!(handle.get(), Err(Failure::Cancelled));
        assert!(began.elapsed() >= grace, "{:?}", began.elapsed());
        works(&pool);
    });
}

#[test]
fn a_task_that_never_looks_is_ended_at_once() {
    bench("cancel-blind", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).grace(LONG));
        let started = Queue::new().expect("a queue");
        let handle = pool.apply_async(never_looks, (started.clone(),)).expect("accepted");
        started.get_timeout(LONG).expect("it runs");
        let began = Instant::now();
        assert!(handle.cancel());
        assert_eq!(handle.get(), Err(Failure::Cancelled));
        assert!(began.elapsed() < LONG / 2, "no grace: {:?}", began.elapsed());
        works(&pool);
    });
}

#[test]
fn a_thread_that_was_left_behind_can_know_it() {
    for limited in [true, false] {
        bench("cancel-thread", Backend::Threads, |bench| {
            let pool = bench.pool(1);
            let (started, seen) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
            let mut task = pool.task(tells, (started.clone(), seen.clone()));
            if limited {
                task = task.timeout(Duration::from_millis(50));
            }
            let handle = task.submit().expect("accepted");
            started.get_timeout(LONG).expect("it runs");
            if !limited {
                pool.terminate();
            }
            let outcome = handle.get();
            // It may return before it is judged: then its value counts.
            let judged = matches!(outcome, Err(Failure::TimedOut { .. } | Failure::Stopped { .. }));
            assert!(judged || outcome == Ok(()), "{outcome:?}");
            assert_eq!(seen.get_timeout(LONG).expect("it saw it"), 1);
        });
    }
}
