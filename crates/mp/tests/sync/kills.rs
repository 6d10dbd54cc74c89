//! Holders and waiters are killed at random moments: nobody hangs, no invariant breaks, and who comes next is told.
//!
//! ```text
//!  main: start 3 ─▶ work for ever  ◀── SIGKILL at a random moment ── another in its place ── 1,000 times
//!        └ after each kill: main itself gets through, within a limit
//! ```

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use mp::{AtomicU64, Barrier, Condition, Event, Lock, Process, Semaphore, SyncError};

use crate::common::{Bench, eventually};

const ROUNDS: usize = 1000;
const LIMIT: Duration = Duration::from_secs(100);

/// Spins for a time that differs from round to round, so that kills meet every moment.
fn a_moment(round: usize) {
    let micros = (round as u64).wrapping_mul(6_364_136_223_846_793_005).rotate_left(29) % 900;
    let end = Instant::now() + Duration::from_micros(micros);
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// Keeps `count` of them going, kills one a round, and looks after each kill.
fn kill_and_replace(count: usize, start: impl Fn() -> Process<()>, look: impl Fn()) {
    let mut victims: Vec<_> = (0..count).map(|_| start()).collect();
    for round in 0..ROUNDS {
        a_moment(round);
        let dead = std::mem::replace(&mut victims[round % count], start());
        dead.kill();
        let _ = dead.join();
        look();
    }
    for victim in victims {
        victim.kill();
        let _ = victim.join();
    }
}

pub(crate) fn a_killed_holder_is_named(bench: &Bench) {
    let (lock, held) = (Lock::new().unwrap(), Event::new().unwrap());
    fn hold(lock: Lock, held: Event) {
        let _guard = lock.lock().unwrap();
        held.set();
        loop {
            std::thread::park();
        }
    }
    let holder = Process::builder(hold, (lock.clone(), held.clone())).start_method(bench.start_method).spawn().unwrap();
    held.wait().unwrap();
    let pid = holder.pid();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| lock.lock().map(drop));
        holder.kill();
        let told = waiter.join().unwrap();
        assert!(
            matches!(told, Err(SyncError::Abandoned { pid: Some(told), .. }) if Some(told) == Some(pid)),
            "{told:?}"
        );
    });
    assert!(matches!(lock.try_lock(), Err(SyncError::Abandoned { .. })), "until it is recovered");
    drop(lock.recover().unwrap());
    assert!(lock.try_lock().unwrap().is_some());
    let _ = holder.join();
}

/// Under the lock, `a` and `b` are the same. Whoever finds the lock abandoned makes them so.
fn count(lock: Lock, a: AtomicU64, b: AtomicU64, wrong: AtomicU64) {
    loop {
        once(&lock, &a, &b, &wrong);
    }
}

fn once(lock: &Lock, a: &AtomicU64, b: &AtomicU64, wrong: &AtomicU64) {
    let guard = match lock.lock_timeout(LIMIT) {
        Ok(guard) => {
            if a.load(SeqCst) != b.load(SeqCst) {
                wrong.fetch_add(1, SeqCst);
            }
            guard
        }
        Err(SyncError::Abandoned { .. }) => {
            let guard = lock.recover().expect("taken");
            b.store(a.load(SeqCst), SeqCst);
            guard
        }
        Err(error) => panic!("{error}"),
    };
    a.fetch_add(1, SeqCst);
    b.fetch_add(1, SeqCst);
    drop(guard);
}

pub(crate) fn locks_survive_a_thousand_kills(bench: &Bench) {
    let lock = Lock::new().unwrap();
    let [a, b, wrong] = [0; 3].map(|zero| AtomicU64::new(zero).unwrap());
    let method = bench.start_method;
    let start = || {
        let arguments = (lock.clone(), a.clone(), b.clone(), wrong.clone());
        Process::builder(count, arguments).start_method(method).spawn().unwrap()
    };
    kill_and_replace(3, start, || once(&lock, &a, &b, &wrong));
    assert_eq!(wrong.load(SeqCst), 0, "the lock was held twice, or a death was not told");
}

/// Items are produced by main and consumed by victims; `taken` follows `made`.
fn consume(condition: Condition, made: AtomicU64, taken: AtomicU64) {
    loop {
        let guard = condition.lock();
        let waited = guard.and_then(|mut guard| {
            guard.wait_for(|| taken.load(SeqCst) < made.load(SeqCst))?;
            taken.fetch_add(1, SeqCst);
            guard.notify_all().map(drop)
        });
        match waited {
            Ok(()) => {}
            Err(SyncError::Abandoned { .. }) => drop(condition.recover().expect("taken")),
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn conditions_survive_a_thousand_kills(bench: &Bench) {
    let condition = Condition::new().unwrap();
    let [made, taken] = [0; 2].map(|zero| AtomicU64::new(zero).unwrap());
    let method = bench.start_method;
    let start = || {
        let arguments = (condition.clone(), made.clone(), taken.clone());
        Process::builder(consume, arguments).start_method(method).spawn().unwrap()
    };
    let look = || {
        let produced = condition.lock().map(|guard| {
            made.fetch_add(1, SeqCst);
            guard.notify_one()
        });
        match produced {
            Ok(told) => drop(told.unwrap()),
            Err(SyncError::Abandoned { .. }) => drop(condition.recover().unwrap()),
            Err(error) => panic!("{error}"),
        }
        let deadline = Instant::now() + LIMIT;
        while taken.load(SeqCst) < made.load(SeqCst) {
            assert!(Instant::now() < deadline, "nobody takes what is there: {condition:?}");
            std::thread::yield_now();
        }
        assert_eq!(taken.load(SeqCst), made.load(SeqCst), "an item was taken twice");
    };
    kill_and_replace(3, start, look);
}

fn meet(barrier: Barrier) {
    loop {
        match barrier.wait() {
            Ok(_) => {}
            Err(SyncError::Broken) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn barriers_survive_a_thousand_kills(bench: &Bench) {
    let barrier = Barrier::new(4).unwrap();
    let method = bench.start_method;
    let start = || Process::builder(meet, (barrier.clone(),)).start_method(method).spawn().unwrap();
    let look = || {
        let deadline = Instant::now() + LIMIT;
        // The dead may have broken it at any time until now.
        while let Err(error) = barrier.wait_timeout(LIMIT) {
            assert!(matches!(error, SyncError::Broken), "{error}: {barrier:?}");
            assert!(Instant::now() < deadline, "never whole again: {barrier:?}");
            barrier.reset().unwrap();
        }
    };
    kill_and_replace(3, start, look);
}

pub(crate) fn a_killed_permit_comes_back(bench: &Bench) {
    let (semaphore, held) = (Semaphore::new(1).unwrap(), Event::new().unwrap());
    fn hold(semaphore: Semaphore, held: Event) {
        let _permit = semaphore.acquire().unwrap();
        held.set();
        loop {
            std::thread::park();
        }
    }
    let arguments = (semaphore.clone(), held.clone());
    let holder = Process::builder(hold, arguments).start_method(bench.start_method).spawn().unwrap();
    held.wait().unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| semaphore.acquire().map(drop));
        holder.kill();
        assert!(matches!(waiter.join().unwrap(), Err(SyncError::Abandoned { .. })));
    });
    drop(semaphore.acquire_timeout(LIMIT).unwrap());
    eventually("the permit is there", || semaphore.value() == 1);
    let _ = holder.join();
}

pub(crate) fn a_barrier_breaks_when_who_acts_is_killed(bench: &Bench) {
    fn act(barrier: Barrier, acts: Event) {
        let _ = barrier.wait_then(|| {
            acts.set();
            loop {
                std::thread::park();
            }
        });
    }
    let (barrier, acts) = (Barrier::new(2).unwrap(), Event::new().unwrap());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| barrier.wait());
        eventually("one waits", || barrier.n_waiting() == 1);
        let last = Process::builder(act, (barrier.clone(), acts.clone())).start_method(bench.start_method);
        let last = last.spawn().unwrap();
        acts.wait().unwrap();
        last.kill();
        assert!(matches!(waiter.join().unwrap(), Err(SyncError::Broken)));
    });
    barrier.reset().unwrap();
    assert!(!barrier.is_broken());
}
