//! How tasks and pools end: when they are done, when they are told, when time is up.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use mp::{Backend, Failure, Queue, SubmitError};

use crate::common::{Bench, works};

const LONG: Duration = Duration::from_secs(100);

fn double(n: u64) -> u64 {
    n * 2
}

/// Says that it runs, and waits to be let through.
fn wait_at(gate: Queue<u64>, started: Queue<()>) -> u64 {
    started.put(()).expect("said");
    gate.get_timeout(LONG).expect("let through")
}

fn takes_ms(ms: u64) {
    // sleep: for a task that takes so long, and leaves the processor to those that are to be in time.
    std::thread::sleep(Duration::from_millis(ms));
}

pub(crate) fn close_and_join(bench: &Bench) {
    let pool = bench.pool(2);
    let handle = pool.map_async(double, 0..1000).expect("accepted");
    pool.close();
    assert!(matches!(pool.apply_async(double, (1,)), Err(SubmitError::Closed(_))));
    assert!(matches!(pool.apply(double, (1,)), Err(Failure::Stopped { .. })));
    assert!(matches!(pool.map(double, [1]), Err(Failure::Stopped { .. })));
    let rest: Vec<_> = pool.imap(double, 0..).collect();
    assert!(matches!(&rest[..], [Err(Failure::Stopped { .. })]), "said once: {rest:?}");
    pool.join().expect("it was closed");
    pool.join().expect("and is still");
    assert_eq!(handle.get(), Ok((0..1000).map(double).collect::<Vec<_>>()), "what was submitted has run");
}

pub(crate) fn terminate(bench: &Bench) {
    let pool = bench.pool(2);
    pool.terminate();
    pool.terminate();
    assert!(matches!(pool.apply_async(double, (1,)), Err(SubmitError::Closed(_))));
    pool.close();
    pool.join().expect("that was asked for");
}

pub(crate) fn get_after_terminate(bench: &Bench) {
    let pool = bench.pool(1);
    let (gate, started) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
    if bench.backend == Backend::Serial {
        gate.put(0).expect("nobody else could");
    }
    let running = pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
    let waiting = pool.map_async(double, 0..100).expect("accepted");
    started.get_timeout(LONG).expect("it runs");
    pool.terminate();
    let (running, waiting) = (running.get(), waiting.outcomes());
    if bench.backend == Backend::Serial {
        assert!(running.is_ok() && waiting.iter().all(Result::is_ok), "done before");
    } else {
        assert!(matches!(running, Err(Failure::Stopped { .. })), "{running:?}");
        assert!(waiting.iter().all(|outcome| matches!(outcome, Err(Failure::Stopped { .. }))), "{waiting:?}");
        assert_eq!(waiting.len(), 100);
    }
    // A thread that was left behind can end.
    gate.put(0).expect("put");
}

/// The smallest executor: one future, one thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

pub(crate) fn futures(bench: &Bench) {
    let pool = bench.pool(2);
    let both = async {
        let first = pool.apply_async(double, (1,)).expect("accepted");
        let second = pool.apply_async(double, (2,)).expect("accepted");
        (second.await, first.await)
    };
    assert_eq!(block_on(both), (Ok(4), Ok(2)));
    let lost = pool.apply_async(|| -> () { panic!("gone") }, ()).expect("accepted");
    assert!(matches!(block_on(lost), Err(Failure::Panicked { .. })));
}

pub(crate) fn cancel(bench: &Bench) {
    let pool = bench.pool(1);
    let done = pool.apply_async(double, (1,)).expect("accepted");
    assert!(done.wait(LONG) && !done.cancel(), "too late");
    assert_eq!((done.is_successful(), done.get()), (Some(true), Ok(2)));
    if bench.backend == Backend::Serial {
        return;
    }
    let (gate, started) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
    let running = pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
    let queued: Vec<_> = (0..10).map(|n| pool.apply_async(double, (n,)).expect("accepted")).collect();
    started.get_timeout(LONG).expect("it runs");
    assert!(queued[3].cancel() && queued[9].cancel());
    assert!(queued[3].wait(LONG), "what has not begun is cancelled at once");
    assert!(!queued[3].cancel(), "and only once");
    assert!(running.cancel());
    assert_eq!(running.get(), Err(Failure::Cancelled));
    for (n, handle) in (0..).zip(queued) {
        let expected = if n == 3 || n == 9 { Err(Failure::Cancelled) } else { Ok(double(n)) };
        assert_eq!(handle.get(), expected, "item {n}");
    }
    gate.put(0).expect("a thread that was left behind can end");
    works(&pool);
}

/// Spins until there is such a file: a gate without a descriptor, for a task with one is sent alone.
fn wait_for_file(path: String) {
    while !std::fs::exists(&path).expect("it can be looked at") {
        std::thread::yield_now();
    }
}

/// Short tasks are answered together, but not with one that waits until they have been answered.
pub(crate) fn an_outcome_does_not_wait_for_the_next_task(bench: &Bench) {
    if bench.backend == Backend::Serial {
        return;
    }
    for round in 0..20 {
        let pool = bench.pool(1);
        let way = (bench.backend, bench.start_method);
        let path = std::env::temp_dir().join(format!("mp-gate-{}-{way:?}-{round}", std::process::id()));
        let submit = |n| pool.apply_async(double, (n,)).expect("accepted");
        let quick: Vec<_> = (0..round).map(submit).collect();
        let waits = pool.apply_async(wait_for_file, (path.to_string_lossy().into_owned(),)).expect("accepted");
        let behind: Vec<_> = (0..50).map(submit).collect();
        for (n, handle) in (0..).zip(quick) {
            assert_eq!(handle.get(), Ok(double(n)), "task {n} of {round}");
        }
        std::fs::write(&path, "").expect("a file");
        assert_eq!(waits.get(), Ok(()));
        std::fs::remove_file(&path).expect("it was there");
        assert!(behind.into_iter().zip(0..).all(|(handle, n)| handle.get() == Ok(double(n))));
    }
}

pub(crate) fn timeouts(bench: &Bench) {
    // Long enough for a plain task, on a busy machine as well. Without workers the late one is not ended, but waited for.
    let limit = Duration::from_secs(2);
    let late_ms = match bench.backend {
        Backend::Serial => 2_100,
        // It is left behind, and is to be gone soon after the test.
        Backend::Threads => 8_000,
        _ => 600_000,
    };
    for workers in [1, 2] {
        let pool = bench.build(bench.builder().workers(workers).timeout(limit));
        let failure = pool.apply(takes_ms, (late_ms,)).expect_err("too long");
        let Failure::TimedOut { after, task, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(after, limit);
        assert!(task.name.contains("takes_ms"), "{task}");
        let outcomes = pool.map_outcomes(takes_ms, (0..40).map(|n| if n == 17 { late_ms } else { 0 }));
        let late: Vec<_> = (0..).zip(&outcomes).filter(|(_, outcome)| outcome.is_err()).collect();
        assert!(matches!(late[..], [(17, Err(Failure::TimedOut { .. }))]), "{workers} workers: {late:?}");
        works(&pool);
    }
    let waits = bench.pool(1).apply_async(double, (1,)).expect("accepted");
    assert!(matches!(waits.get_timeout(LONG), Ok(Ok(2) | Err(Failure::Stopped { .. }))), "its pool is gone");
}

pub(crate) fn dropped_handles(bench: &Bench) {
    let pool = bench.pool(2);
    for n in 0..100 {
        drop(pool.apply_async(double, (n,)).expect("accepted"));
    }
    drop(pool.apply_async(|| -> () { panic!("nobody hears it") }, ()).expect("accepted"));
    drop(pool.map_async(double, 0..1000).expect("accepted"));
    drop(pool.imap(double, 0..1000));
    pool.join().expect("closed");
    let stats = pool.stats();
    assert!(stats.completed >= 1100 && stats.failed == 1, "they ran all the same: {stats:?}");
    assert_eq!(stats.completed + stats.failed, stats.submitted);
}
