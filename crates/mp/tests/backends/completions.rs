//! What follows when tasks are done: callbacks, the next of many, waits for some.

use std::sync::mpsc;
use std::time::Duration;

use mp::{Backend, Failure, Queue, Until, as_completed, wait};

use crate::common::Bench;

const LONG: Duration = Duration::from_secs(100);

fn double(n: u64) -> u64 {
    n * 2
}

fn fail(n: u64) -> u64 {
    panic!("task {n} fails")
}

/// Ends when something is put into the queue.
fn wait_for(gate: Queue<u64>) -> u64 {
    gate.get_timeout(LONG).expect("let through")
}

/// A callback gets the outcome, whatever it is; it may submit; one that panics harms nobody.
pub(crate) fn callbacks(bench: &Bench) {
    let pool = std::sync::Arc::new(bench.pool(2));
    let (said, heard) = mpsc::channel();
    pool.apply_async(double, (1,)).expect("accepted").on_done(|_| panic!("a callback that panics"));
    let (to, again) = (said.clone(), std::sync::Arc::clone(&pool));
    pool.apply_async(double, (2,)).expect("accepted").on_done(move |four| {
        let eight = again.apply(double, (four.expect("a value"),));
        to.send(eight).expect("heard");
    });
    assert_eq!(heard.recv_timeout(LONG).expect("called"), Ok(8));
    pool.apply_async(fail, (3,)).expect("accepted").on_done(move |outcome| said.send(outcome).expect("heard"));
    let outcome = heard.recv_timeout(LONG).expect("called");
    assert!(matches!(&outcome, Err(Failure::Panicked { message, .. }) if message == "task 3 fails"), "{outcome:?}");
}

/// What is done first comes first, and each comes once.
pub(crate) fn as_they_complete(bench: &Bench) {
    let pool = bench.pool(2);
    let gate = Queue::new().expect("a queue");
    if bench.backend == Backend::Serial {
        // Whoever submits runs it: nobody could let it through later.
        gate.put(7).expect("put");
    }
    let held = pool.apply_async(wait_for, (gate.clone(),)).expect("accepted");
    let last = held.id();
    let free: Vec<_> = (0..20).map(|n| pool.apply_async(double, (n,)).expect("accepted")).collect();
    let mut seen = Vec::new();
    for handle in as_completed(std::iter::once(held).chain(free)) {
        seen.push(handle.id());
        assert!(handle.is_ready());
        if seen.len() == 20 && bench.backend != Backend::Serial {
            assert!(!seen.contains(&last), "it is held");
            gate.put(7).expect("put");
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 21);
}

/// What is done within the limit comes; what is not comes back in one piece, and can still be waited for.
pub(crate) fn as_they_complete_within_a_limit(bench: &Bench) {
    let pool = bench.pool(2);
    let free = || (0..20).map(|n| pool.apply_async(double, (n,)).expect("accepted"));
    let mut done = as_completed(free()).within(LONG);
    assert_eq!(done.by_ref().filter_map(Result::ok).count(), 20);
    assert!(done.next().is_none(), "all were in time");
    if bench.backend == Backend::Serial {
        return;
    }
    let gate = Queue::new().expect("a queue");
    let held = pool.apply_async(wait_for, (gate.clone(),)).expect("accepted");
    let free: Vec<_> = free().collect();
    assert!(wait(&free, Until::AllDone, Some(LONG)).pending.is_empty());
    let mut done = as_completed(std::iter::once(held).chain(free)).within(Duration::from_millis(10));
    assert_eq!(done.by_ref().take(20).filter_map(Result::ok).count(), 20, "however late they are asked for");
    let unfinished = done.next().expect("one is held").expect_err("it is held");
    assert_eq!(unfinished.to_string(), "1 of 21 tasks are not done after 10ms");
    assert!(done.next().is_none(), "it is told once");
    gate.put(7).expect("put");
    let [held] = <[_; 1]>::try_from(unfinished.handles).expect("the one that is held");
    assert_eq!(held.get(), Ok(7));
}

/// Who has seen enough has the others back.
pub(crate) fn the_rest_of_those_who_complete(bench: &Bench) {
    let pool = bench.pool(2);
    let mut done = as_completed((0..5).map(|n| pool.apply_async(double, (n,)).expect("accepted")));
    let first = done.next().expect("one is done");
    assert_eq!(done.len(), 4);
    let rest = done.into_rest().into_iter().chain(Some(first));
    let mut values: Vec<_> = rest.map(|handle| handle.get().expect("a value")).collect();
    values.sort_unstable();
    assert_eq!(values, [0, 2, 4, 6, 8]);
}

/// For the first, for the first failure, for all, or for so long.
pub(crate) fn waits(bench: &Bench) {
    let pool = bench.pool(2);
    let none: [mp::TaskHandle<u64>; 0] = [];
    assert_eq!(wait(&none, Until::AllDone, None), mp::Waited::default());
    let handles = [pool.apply_async(double, (1,)).expect("accepted"), pool.apply_async(fail, (2,)).expect("accepted")];
    let waited = wait(&handles, Until::FirstFailed, Some(LONG));
    assert!(waited.done.contains(&1), "{waited:?}");
    let waited = wait(&handles, Until::AllDone, None);
    assert_eq!((waited.done, waited.pending), (vec![0, 1], vec![]));
    if bench.backend == Backend::Serial {
        return;
    }
    let gate = Queue::new().expect("a queue");
    let held = [pool.apply_async(wait_for, (gate.clone(),)), pool.apply_async(wait_for, (gate.clone(),))];
    let held = held.map(|handle| handle.expect("accepted"));
    let waited = wait(&held, Until::FirstDone, Some(Duration::from_millis(10)));
    assert_eq!((waited.done, waited.pending), (vec![], vec![0, 1]));
    gate.put(7).expect("put");
    let waited = wait(&held, Until::FirstDone, Some(LONG));
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    gate.put(8).expect("put");
    let all: Result<Vec<_>, _> = held.into_iter().map(mp::TaskHandle::get).collect();
    let mut all = all.expect("values");
    all.sort_unstable();
    assert_eq!(all, [7, 8]);
}
