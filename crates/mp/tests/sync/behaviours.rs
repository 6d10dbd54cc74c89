//! What the classes do when nobody dies: the behaviours that CPython's own tests look at, over each backend.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mp::{
    Array, AtomicU64, Barrier, BoundedSemaphore, Condition, Event, Lock, Mutex, RLock, Semaphore, SyncError, Value,
};

use crate::common::{Bench, eventually};

const SHORT: Duration = Duration::from_millis(30);

pub(crate) fn locks_exclude(bench: &Bench) {
    fn add(lock: Lock, reentrant: RLock, sum: Array<u64>) -> bool {
        for _ in 0..500 {
            let _guard = lock.lock().expect("taken");
            let one = sum.get(0).expect("read");
            sum.set(0, one + 1).expect("written");
        }
        for _ in 0..500 {
            let (_outer, _inner) = (reentrant.lock().expect("taken"), reentrant.lock().expect("again"));
            let one = sum.get(1).expect("read");
            sum.set(1, one + 1).expect("written");
        }
        lock.is_locked()
    }
    let pool = bench.pool(3);
    let (lock, reentrant, sum) = (Lock::new().unwrap(), RLock::new().unwrap(), Array::zeroed(2).unwrap());
    let handles: Vec<_> =
        (0..3).map(|_| pool.apply_async(add, (lock.clone(), reentrant.clone(), sum.clone())).unwrap()).collect();
    handles.into_iter().for_each(|handle| assert!(handle.get().is_ok()));
    assert_eq!(sum.to_vec().unwrap(), [1500, 1500]);
    assert!(!lock.is_locked() && !reentrant.is_locked());

    let guard = lock.lock().unwrap();
    assert!(matches!(lock.lock(), Err(SyncError::Reentered { .. })), "it would wait for itself");
    assert!(lock.try_lock().unwrap().is_none());
    let elsewhere = |lock: Lock| (lock.is_locked(), lock.try_lock().unwrap().is_some());
    assert_eq!(pool.apply(elsewhere, (lock.clone(),)), Ok((true, false)));
    let late = |lock: Lock| matches!(lock.lock_timeout(SHORT), Err(SyncError::TimedOut { .. }));
    assert_eq!(pool.apply(late, (lock.clone(),)), Ok(true));
    drop(guard);
    assert_eq!(pool.apply(elsewhere, (lock.clone(),)), Ok((false, true)));
}

pub(crate) fn semaphores_admit_so_many(bench: &Bench) {
    let pool = bench.pool(2);
    let semaphore = Semaphore::new(2).unwrap();
    let held = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
    assert_eq!(semaphore.value(), 0);
    let elsewhere = |semaphore: Semaphore| semaphore.try_acquire().unwrap().is_some();
    assert_eq!(pool.apply(elsewhere, (semaphore.clone(),)), Ok(false));
    assert!(matches!(semaphore.acquire_timeout(SHORT), Err(SyncError::TimedOut { .. })));
    let waits = pool.apply_async(|semaphore: Semaphore| drop(semaphore.acquire().unwrap()), (semaphore.clone(),));
    drop(held.0);
    waits.unwrap().get().unwrap();
    drop(held.1);
    assert_eq!(semaphore.value(), 2);
    pool.apply(|semaphore: Semaphore| semaphore.release(), (semaphore.clone(),)).unwrap();
    assert_eq!(semaphore.value(), 3);

    let bounded = BoundedSemaphore::new(1).unwrap();
    let too_many =
        |bounded: BoundedSemaphore| matches!(bounded.release(), Err(SyncError::TooManyReleases { bound: 1 }));
    assert_eq!(pool.apply(too_many, (bounded.clone(),)), Ok(true));
    bounded.acquire().unwrap().forget();
    bounded.release().unwrap();
    assert_eq!(bounded.value(), 1);
}

pub(crate) fn events_wake_all(bench: &Bench) {
    let pool = bench.pool(3);
    let (event, here) = (Event::new().unwrap(), AtomicU64::new(0).unwrap());
    assert_eq!(pool.apply(|event: Event| event.wait_timeout(SHORT).unwrap(), (event.clone(),)), Ok(false));
    let wait = |event: Event, here: AtomicU64| {
        here.fetch_add(1, SeqCst);
        event.wait().unwrap();
    };
    let waiters: Vec<_> = (0..3).map(|_| pool.apply_async(wait, (event.clone(), here.clone())).unwrap()).collect();
    eventually("all are there", || here.load(SeqCst) == 3);
    event.set();
    waiters.into_iter().for_each(|waiter| waiter.get().unwrap());
    assert!(event.is_set() && event.wait_timeout(Duration::ZERO).unwrap());
    pool.apply(|event: Event| event.clear(), (event.clone(),)).unwrap();
    assert!(!event.is_set());
}

fn sleeper(condition: Condition, woken: AtomicU64) {
    let mut guard = condition.lock().expect("taken");
    guard.wait().expect("notified");
    woken.fetch_add(1, SeqCst);
}

pub(crate) fn conditions_notify_exactly_n(bench: &Bench) {
    let pool = bench.pool(6);
    let (condition, woken) = (Condition::new().unwrap(), AtomicU64::new(0).unwrap());
    let sleepers: Vec<_> =
        (0..6).map(|_| pool.apply_async(sleeper, (condition.clone(), woken.clone())).unwrap()).collect();
    eventually("all sleep", || condition.waiting() == 6);
    for (count, told, sum) in [(1, 1, 1), (2, 2, 3), (4, 3, 6), (3, 0, 6)] {
        assert_eq!(condition.lock().unwrap().notify(count).unwrap(), told);
        eventually("they woke", || woken.load(SeqCst) == sum);
        assert_eq!(condition.waiting() as u64, 6 - sum, "and nobody else");
    }
    sleepers.into_iter().for_each(|sleeper| sleeper.get().unwrap());
    let mut guard = condition.lock().unwrap();
    assert!(!guard.wait_timeout(SHORT).unwrap());
    assert_eq!(guard.notify_all().unwrap(), 0, "who was late has left");
}

pub(crate) fn conditions_wait_for(bench: &Bench) {
    fn until_four(condition: Condition, state: Value<u32>) {
        let mut guard = condition.lock().expect("taken");
        state.set(0).expect("set");
        guard.notify_one().expect("told");
        guard.wait_for(|| state.get().is_ok_and(|state| state == 4)).expect("it comes");
    }
    let pool = bench.pool(1);
    let (condition, state) = (Condition::over(&Lock::new().unwrap()).unwrap(), Value::new(77_u32).unwrap());
    let waiter = pool.apply_async(until_four, (condition.clone(), state.clone())).unwrap();
    let mut guard = condition.lock().unwrap();
    guard.wait_for(|| state.get().unwrap() == 0).unwrap();
    assert!(!guard.wait_for_timeout(|| state.get().unwrap() == 4, SHORT).unwrap());
    drop(guard);
    for _ in 0..4 {
        let guard = condition.lock().unwrap();
        state.update(|state| *state += 1).unwrap();
        guard.notify_one().unwrap();
    }
    waiter.get().unwrap();
}

pub(crate) fn barriers_pass_in_lockstep(bench: &Bench) {
    fn pass(barrier: Barrier, before: AtomicU64, after: AtomicU64) -> Vec<u32> {
        let step = |round: u64| {
            before.fetch_add(1, SeqCst);
            let number = barrier.wait().expect("whole");
            assert_eq!(before.load(SeqCst), (round + 1) * 4, "all came before one went");
            after.fetch_add(1, SeqCst);
            barrier.wait().expect("whole");
            assert_eq!(after.load(SeqCst), (round + 1) * 4);
            number
        };
        (0..200).map(step).collect()
    }
    let pool = bench.pool(4);
    let (barrier, a, b) = (Barrier::new(4).unwrap(), AtomicU64::new(0).unwrap(), AtomicU64::new(0).unwrap());
    let all: Vec<_> =
        (0..4).map(|_| pool.apply_async(pass, (barrier.clone(), a.clone(), b.clone())).unwrap()).collect();
    let all: Vec<_> = all.into_iter().map(|one| one.get().unwrap()).collect();
    for round in 0..200 {
        let mut numbers: Vec<_> = all.iter().map(|one| one[round]).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2, 3]);
    }
    assert_eq!((barrier.n_waiting(), barrier.is_broken(), barrier.parties()), (0, false, 4));
    let (alone, ran) = (Barrier::new(1).unwrap(), AtomicU64::new(0).unwrap());
    assert_eq!(alone.wait_then(|| assert_eq!(ran.fetch_add(1, SeqCst), 0)).unwrap() + alone.wait().unwrap(), 0);
    assert_eq!(ran.load(SeqCst), 1);
}

pub(crate) fn barriers_abort_and_reset(bench: &Bench) {
    let pool = bench.pool(3);
    let barrier = Barrier::new(4).unwrap();
    let breaks = |barrier: Barrier| matches!(barrier.wait(), Err(SyncError::Broken));
    for end in [Barrier::abort, Barrier::reset] {
        let waiters: Vec<_> = (0..3).map(|_| pool.apply_async(breaks, (barrier.clone(),)).unwrap()).collect();
        eventually("three wait", || barrier.n_waiting() == 3);
        end(&barrier).unwrap();
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.get(), Ok(true)));
        let broken = barrier.is_broken();
        assert_eq!(broken, matches!(barrier.wait_timeout(SHORT), Err(SyncError::Broken)));
        barrier.reset().unwrap();
    }
    let waiters: Vec<_> = (0..2).map(|_| pool.apply_async(breaks, (barrier.clone(),)).unwrap()).collect();
    eventually("two wait", || barrier.n_waiting() == 2);
    assert!(matches!(barrier.wait_timeout(SHORT), Err(SyncError::TimedOut { .. })));
    waiters.into_iter().for_each(|waiter| assert_eq!(waiter.get(), Ok(true), "one who is late breaks it"));
    assert!(barrier.is_broken());
}

/// While the last one acts, nobody is held up: it can be aborted, and who comes meanwhile waits for the next round.
pub(crate) fn barriers_act_in_nobodys_way(bench: &Bench) {
    fn act(barrier: Barrier, started: Event, end: Event) -> bool {
        let acting = || {
            started.set();
            end.wait().expect("told");
        };
        barrier.wait_then(acting).is_ok()
    }
    let pool = bench.pool(2);
    let told = || (Barrier::new(1).unwrap(), Event::new().unwrap(), Event::new().unwrap());
    let (barrier, started, end) = told();
    let actor = pool.apply_async(act, (barrier.clone(), started.clone(), end.clone())).unwrap();
    started.wait().unwrap();
    barrier.abort().unwrap();
    assert!(barrier.is_broken());
    end.set();
    assert_eq!(actor.get(), Ok(false), "it was aborted before the action had ended");

    let (barrier, started, end) = told();
    let actor = pool.apply_async(act, (barrier.clone(), started.clone(), end.clone())).unwrap();
    started.wait().unwrap();
    let next = pool.apply_async(|barrier: Barrier| barrier.wait().is_ok(), (barrier.clone(),)).unwrap();
    assert!(!next.wait(SHORT), "its turn comes when the action has ended");
    end.set();
    assert_eq!((actor.get(), next.get()), (Ok(true), Ok(true)));

    let (barrier, started, end) = told();
    let actor = pool.apply_async(act, (barrier.clone(), started.clone(), end.clone())).unwrap();
    started.wait().unwrap();
    assert!(matches!(barrier.wait_timeout(SHORT), Err(SyncError::TimedOut { .. })));
    end.set();
    assert_eq!(actor.get(), Ok(true), "who came for the next round does not break this one");
    assert!(barrier.is_broken(), "but the next one, for which he does not wait any more");

    let barrier = Barrier::new(1).unwrap();
    let panics = |barrier: Barrier| barrier.wait_then(|| panic!("in the action")).is_ok();
    assert!(matches!(pool.apply(panics, (barrier.clone(),)), Err(mp::Failure::Panicked { .. })));
    assert!(barrier.is_broken(), "by a panic of the action");
}

pub(crate) fn values_arrays_and_atomics(bench: &Bench) {
    fn change(value: Value<f64>, array: Array<i32>, pair: Mutex<[u64; 2]>, count: AtomicU64) {
        value.set(-4.25).expect("set");
        for at in 1..array.len() {
            let before = array.get(at - 1).expect("there");
            array.update(at, |element| *element += before).expect("there");
        }
        pair.lock().expect("taken")[1] = 7;
        count.fetch_add(2, SeqCst);
    }
    let pool = bench.pool(1);
    let (value, array) = (Value::new(3.625).unwrap(), Array::from_slice(&[680, 626, 934, -821]).unwrap());
    let (pair, count) = (Mutex::new([1, 2]).unwrap(), AtomicU64::new(40).unwrap());
    pool.apply(change, (value.clone(), array.clone(), pair.clone(), count.clone())).unwrap();
    assert_eq!(value.get().unwrap(), -4.25);
    assert_eq!(array.to_vec().unwrap(), [680, 1306, 2240, 1419]);
    assert_eq!((*pair.lock().unwrap(), count.load(SeqCst)), ([1, 7], 42));
    assert_eq!(Array::<u16>::zeroed(10).unwrap().to_vec().unwrap(), [0; 10]);
    assert!(matches!(array.get(4), Err(SyncError::OutOfBounds { index: 4, len: 4 })));
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pair.lock().unwrap()[0] = 99;
        let mut guard = pair.lock().unwrap();
        guard[0] = 100;
        panic!("while it holds the mutex");
    }));
    assert!(failed.is_err() && matches!(pair.lock(), Err(SyncError::Abandoned { pid: Some(_), .. })));
    assert_eq!(*pair.recover().unwrap(), [99, 7], "as it was before");
    assert!(pair.lock().is_ok());
    // Nothing of it can be stored or put into a queue.
    let stored = pool.apply_async(|value: Value<f64>| value, (value.clone(),)).unwrap().get();
    drop(stored);
    assert!(mp::Queue::new().unwrap().put(Lock::new().unwrap()).is_err());
}
