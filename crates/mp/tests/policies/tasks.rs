//! Tasks that are told more: a limit, a name, when they are tried again.

use std::time::{Duration, Instant};

use mp::{Backend, Failure, Queue, Retry};
use nix::sys::signal::{Signal, raise};

use crate::common::{Bench, bench, found, works};

const LONG: Duration = Duration::from_secs(100);
const ALL: [Backend; 3] = [Backend::Processes, Backend::Threads, Backend::Serial];

/// Notes that it runs, and panics as long as it is not the `last` attempt.
fn panics_until(last: u32, runs: Queue<u32>) -> u32 {
    let attempt = mp::current_worker().expect("in a task").attempt;
    runs.put(attempt).expect("put");
    assert!(attempt >= last, "attempt {attempt}");
    attempt
}

fn crashes_until(last: u32) -> u32 {
    let attempt = mp::current_worker().expect("in a task").attempt;
    if attempt < last {
        raise(Signal::SIGKILL).expect("it dies");
    }
    attempt
}

fn hangs() {
    loop {
        std::thread::park();
    }
}

fn counted(queue: &Queue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.try_get().ok()).collect()
}

/// Takes so many milliseconds, or more.
fn takes(ms: u64) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(ms) {
        std::hint::spin_loop();
    }
}

/// Says that it runs, and ends when it is told to.
fn held(began: Queue<u32>, go: Queue<u32>) -> u64 {
    began.put(0).expect("said");
    u64::from(go.get().expect("told to go on"))
}

#[test]
fn how_long_tasks_ran_is_counted() {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench("run_times", backend, |bench| {
            let pool = bench.pool(2);
            pool.map(takes, [1, 1, 1, 1, 1, 1, 1, 60]).expect("values");
            let stats = pool.stats();
            assert_eq!(stats.run_times.count(), 8, "{backend:?}");
            let [half, all] = [50.0, 100.0].map(|percent| stats.run_times.percentile(percent).expect("counted"));
            assert!(half >= Duration::from_millis(1) && all >= Duration::from_millis(60), "{half:?} {all:?}");
            assert!(half <= all && stats.run <= stats.age * 2, "{stats:?}");
            assert!((0.0..=1.0).contains(&stats.utilization()) && stats.utilization() > 0.0, "{stats:?}");
        });
    }
}

#[test]
fn how_long_tasks_waited_is_counted() {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench("wait_times", backend, |bench| {
            let pool = bench.pool(1);
            pool.apply(takes, (0,)).expect("a value");
            pool.map(takes, [30, 30, 30]).expect("values");
            let stats = pool.stats();
            assert_eq!(stats.wait_times.count(), 4, "{backend:?}");
            let [third, last] = [75.0, 100.0].map(|percent| stats.wait_times.percentile(percent).expect("counted"));
            assert!(third >= Duration::from_millis(30) && last >= Duration::from_millis(60), "{third:?} {last:?}");
            assert!(last <= stats.age * 9 / 8, "{last:?} of {:?}", stats.age);
        });
    }
}

/// How many tasks are told to have waited long, of seven of which three did: nothing where the machine had others wait as long.
fn long_waits(bench: &Bench) -> Option<u64> {
    let pool = bench.pool(1);
    let (long, short) = (Duration::from_millis(700), Duration::from_millis(500));
    let long_waits = || -> u64 {
        let waits: Vec<_> = pool.stats().wait_times.buckets().collect();
        waits.into_iter().filter(|(waited, _)| *waited >= long).map(|(_, tasks)| tasks).sum()
    };
    // Who comes first waits for the worker to start, however long that takes here.
    works(&pool);
    let before = long_waits();
    let (began, go) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
    let first = Instant::now();
    let busy = pool.apply_async(held, (began.clone(), go.clone())).expect("accepted");
    began.get_timeout(LONG).expect("it runs");
    let waited = first.elapsed();
    // More than two, which are sent ahead: these wait for their worker, and could cross as one job.
    let early: Vec<_> = (0..3).map(|_| pool.apply_async(takes, (0,)).expect("accepted")).collect();
    takes(1000);
    let second = Instant::now();
    let late: Vec<_> = (0..3).map(|_| pool.apply_async(takes, (0,)).expect("accepted")).collect();
    go.put(0).expect("put");
    busy.get().expect("a value");
    early.into_iter().chain(late).for_each(|handle| handle.get().expect("a value"));
    let undisturbed = waited.max(second.elapsed()) < short;
    assert_eq!(pool.stats().wait_times.count(), 8);
    undisturbed.then(|| long_waits() - before)
}

#[test]
fn a_task_that_comes_later_has_not_waited_as_long_as_those_before_it() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("wait_times_apart", backend, |bench| {
            assert_eq!(found("a moment in which nobody disturbs", || long_waits(bench)), 3);
        });
    }
}

#[test]
fn a_panic_is_tried_again_only_if_that_was_agreed() {
    for backend in ALL {
        bench("retry-panic", backend, |bench| {
            let pool = bench.pool(2);
            let runs = Queue::new().expect("a queue");
            let plain = pool.task(panics_until, (3, runs.clone())).retries(5).submit().expect("accepted").get();
            assert!(matches!(plain, Err(Failure::Panicked { .. })), "{plain:?}");
            let retry = Retry::times(5).panicked(true);
            let tried = pool.task(panics_until, (3, runs.clone())).retry(retry).submit().expect("accepted").get();
            assert_eq!((tried, counted(&runs)), (Ok(3), vec![1, 1, 2, 3]));
            let given_up = pool.task(panics_until, (9, runs.clone())).retry(retry.with_times(1)).submit();
            let given_up = given_up.expect("accepted").get();
            assert!(
                matches!(&given_up, Err(Failure::Panicked { message, .. }) if message == "attempt 2"),
                "{given_up:?}"
            );
            assert_eq!((pool.stats().deaths, pool.stats().failed), (0, 2));
            works(&pool);
        });
    }
}

#[test]
fn a_pause_is_kept_between_attempts() {
    for backend in ALL {
        bench("retry-pause", backend, |bench| {
            let pool = bench.pool(1);
            let pause = Duration::from_millis(60);
            let retry = Retry::times(2).panicked(true).backoff(pause, 2, LONG);
            let (began, runs) = (Instant::now(), Queue::new().expect("a queue"));
            let handle = pool.task(panics_until, (3, runs)).retry(retry).submit().expect("accepted");
            works(&pool);
            pool.close();
            assert_eq!(handle.get(), Ok(3), "also where the pool is closed meanwhile");
            let took = began.elapsed();
            assert!(took >= pause * 3, "{took:?}");
            pool.join().expect("closed");
        });
    }
}

#[test]
fn a_task_that_kills_every_worker_is_given_up_by_name() {
    bench("retry-lost", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).retries(1));
        let named = |last| pool.task(crashes_until, (last,)).name("the killer").retries(2).submit().expect("accepted");
        let Err(failure) = named(99).get() else { panic!("it has a value") };
        assert!(matches!(failure, Failure::Lost { attempts: 3, .. }), "{failure:?}");
        let text = failure.to_string();
        assert!(text.contains("\"the killer\"") && text.contains("attempt 3"), "{text}");
        assert_eq!(named(3).get(), Ok(3));
        let only_panics = Retry::times(9).lost(false).panicked(true);
        let once = pool.task(crashes_until, (3,)).retry(only_panics).submit().expect("accepted").get();
        assert!(matches!(once, Err(Failure::Lost { attempts: 1, .. })), "{once:?}");
        works(&pool);
    });
}

#[test]
fn a_task_has_its_own_limit() {
    bench("task-limit", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).timeout(LONG));
        let limit = Duration::from_millis(80);
        let began = Instant::now();
        let late = pool.task(hangs, ()).timeout(limit).retry(Retry::times(9).timed_out(false)).submit();
        let late = late.expect("accepted").get();
        assert!(matches!(late, Err(Failure::TimedOut { after, .. }) if after == limit), "{late:?}");
        let twice = pool.task(hangs, ()).timeout(limit).retries(1).submit().expect("accepted").get();
        assert!(matches!(twice, Err(Failure::TimedOut { .. })), "{twice:?}");
        assert!(began.elapsed() >= limit * 3);
        works(&pool);
    });
}

#[test]
fn a_task_in_its_pause_can_be_cancelled_and_stopped() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("retry-cancel", backend, |bench| {
            let pool = bench.pool(1);
            let runs = Queue::new().expect("a queue");
            let retry = Retry::times(9).panicked(true).backoff(LONG, 1, LONG);
            let paused = || {
                let handle = pool.task(panics_until, (3, runs.clone())).retry(retry).submit().expect("accepted");
                runs.get_timeout(LONG).expect("it runs");
                handle
            };
            let (cancelled, stopped) = (paused(), paused());
            works(&pool);
            assert!(cancelled.cancel());
            assert_eq!(cancelled.get(), Err(Failure::Cancelled));
            pool.terminate();
            let stopped = stopped.get();
            assert!(matches!(stopped, Err(Failure::Stopped { .. })), "{stopped:?}");
        });
    }
}
