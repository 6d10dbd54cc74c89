//! The pool of the whole program: one for all, made again when it has ended, and none within workers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mp::{Backend, Failure, Pool, StartMethod};

use crate::common::{bench_by, eventually};

/// There is one in this program, so its tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Over each start method, with a pool of its own, which is ended afterwards.
fn each(name: &str, body: impl Fn()) {
    let _turn = alone();
    for method in [StartMethod::Spawn, StartMethod::ForkServer] {
        bench_by(method, name, Backend::Processes, |_| {
            mp::set_pool(Pool::builder().workers(2).start_method(method));
            body();
            mp::end_pool().expect("all was well");
        });
    }
}

fn square(n: u64) -> u64 {
    n * n
}

/// What a library does that knows nothing of who calls it. Gives where it ran as well.
fn squares(numbers: Vec<u64>) -> Result<(Vec<u64>, u32), String> {
    let pool = mp::pool().map_err(|error| error.to_string())?;
    let squares = pool.map(square, numbers).map_err(|failure| failure.to_string())?;
    Ok((squares, pool.apply(std::process::id, ()).map_err(|failure| failure.to_string())?))
}

#[test]
fn all_who_ask_have_the_same_pool() {
    each("global", || {
        let first = mp::pool().expect("a pool");
        let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(|| mp::pool().expect("a pool"))).collect();
        for thread in threads {
            assert!(Arc::ptr_eq(&first, &thread.join().expect("no panic")));
        }
        assert_eq!(first.map(square, 1..=6), Ok(vec![1, 4, 9, 16, 25, 36]));
        assert!(first.worker_pids().iter().all(|pid| *pid != std::process::id()));
    });
}

#[test]
fn one_that_was_closed_or_ended_is_made_again() {
    each("global-again", || {
        let first = mp::pool().expect("a pool");
        first.close();
        let second = mp::pool().expect("a pool");
        assert!(!Arc::ptr_eq(&first, &second));
        second.terminate();
        assert_eq!(mp::pool().expect("a pool").apply(square, (3,)), Ok(9));
        mp::end_pool().expect("all was well");
        assert_eq!(mp::pool().expect("a pool").apply(square, (4,)), Ok(16));
    });
}

#[test]
fn one_whose_workers_died_too_often_is_made_again() {
    each("global-broken", || {
        mp::set_pool(Pool::builder().workers(1).restart_limit(2, Duration::from_secs(60)));
        let first = mp::pool().expect("a pool");
        let die = |_: u32| nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).is_ok();
        let lost = first.map_outcomes(die, 0..9);
        assert!(lost.iter().all(Result::is_err), "{lost:?}");
        eventually("it has ended by itself", || matches!(first.apply(square, (1,)), Err(Failure::Stopped { .. })));
        assert_eq!(mp::pool().expect("a pool").apply(square, (5,)), Ok(25));
    });
}

#[test]
fn within_a_worker_it_runs_in_the_calling_thread() {
    each("global-nested", || {
        let pool = mp::pool().expect("a pool");
        let inner = |numbers: Vec<u64>| (squares(numbers), std::process::id());
        // More tasks than workers: with workers of its own, each would wait for one that is there.
        for (outcome, own) in pool.map(inner, vec![vec![1, 2, 3]; 10]).expect("values") {
            assert_eq!(outcome, Ok((vec![1, 4, 9], own)));
        }
        // Two deep, and in a process.
        let deeper = |numbers: Vec<u64>| mp::pool().map(|pool| pool.apply(squares, (numbers,)).is_ok()).ok();
        assert_eq!(pool.apply(deeper, (vec![1],)), Ok(Some(true)));
        let process = mp::Process::spawn(inner, (vec![2],)).expect("a process");
        let pid = process.pid();
        assert_eq!(process.join().expect("a value").0, Ok((vec![4], pid)));
    });
}

#[test]
fn within_a_thread_of_a_pool_it_does_not_wait_for_that_pool() {
    let _turn = alone();
    bench_by(StartMethod::Spawn, "global-threads", Backend::Threads, |_| {
        mp::set_pool(Pool::builder().workers(1).backend(Backend::Threads));
        let pool = mp::pool().expect("a pool");
        let inner = |n: u64| mp::pool().ok().and_then(|pool| pool.apply(square, (n,)).ok());
        assert_eq!(pool.map(inner, 0..5), Ok((0..5).map(|n| Some(n * n)).collect()));
        mp::end_pool().expect("all was well");
    });
}

#[test]
fn a_task_may_have_a_pool_of_its_own_whose_tasks_use_the_programs() {
    each("global-own", || {
        let own = |n: u64| -> Result<Vec<u64>, String> {
            let pool = Pool::new(2).map_err(|error| error.to_string())?;
            let outcome = pool.apply(squares, ((0..n).collect(),)).map_err(|failure| failure.to_string())?;
            outcome.map(|(squares, _)| squares)
        };
        let pool = mp::pool().expect("a pool");
        assert_eq!(
            pool.map(own, [3, 4, 2, 1]),
            Ok(vec![Ok(vec![0, 1, 4]), Ok(vec![0, 1, 4, 9]), Ok(vec![0, 1]), Ok(vec![0])])
        );
    });
}

#[test]
fn what_makes_it_may_not_ask_for_it() {
    static SEEN: Mutex<String> = Mutex::new(String::new());
    let _turn = alone();
    bench_by(StartMethod::Spawn, "global-preload", Backend::Threads, |_| {
        let ask =
            || *SEEN.lock().expect("no panic") = mp::pool().map_or_else(|error| error.to_string(), |_| String::new());
        mp::set_pool(Pool::builder().workers(1).preload(ask, ()).backend(Backend::Threads));
        assert_eq!(mp::pool().expect("a pool").apply(square, (2,)), Ok(4));
        assert!(SEEN.lock().expect("no panic").contains("a preload cannot use"), "{SEEN:?}");
        mp::end_pool().expect("all was well");
    });
}
