//! A pool whose workers have a state: made once in each, lent to each task, made anew after a panic or a death.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use mp::{Backend, Barrier, Failure, Queue, StatePool};

use crate::common::{Bench, bench, works};

/// It can be sent nowhere, and says where it was made and dropped.
struct Count {
    number: u64,
    names: Rc<RefCell<Vec<String>>>,
    lives: Queue<i32>,
}

impl Drop for Count {
    fn drop(&mut self) {
        let _ = self.lives.put(-1);
    }
}

fn make(from: u64, lives: Queue<i32>) -> Result<Count, String> {
    if mp::current_worker().is_none() {
        return Err("it is made outside of a worker".to_owned());
    }
    lives.put(1).map_err(|error| error.to_string())?;
    Ok(Count { number: from, names: Rc::default(), lives })
}

fn next(count: &mut Count) -> u64 {
    count.number += 1;
    count.number
}

fn add(count: &mut Count, n: u64) -> u64 {
    count.number += n;
    count.number
}

fn remember(count: &mut Count, first: String, second: String) -> Vec<String> {
    count.names.borrow_mut().extend([first, second]);
    count.names.borrow().clone()
}

fn fail(count: &mut Count) -> u64 {
    count.number = 1_000_000;
    panic!("half done")
}

fn pool(bench: &Bench, lives: &Queue<i32>) -> StatePool<Count> {
    bench.builder().workers(1).try_state(make, (10, lives.clone())).build().expect("a pool")
}

fn each_backend(name: &str, body: impl Fn(&Bench)) {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench(name, backend, &body);
    }
}

/// How many were made, and how many dropped.
fn lives(queue: &Queue<i32>) -> (usize, usize) {
    let all: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
    (all.iter().filter(|life| **life > 0).count(), all.iter().filter(|life| **life < 0).count())
}

#[test]
fn every_call_lends_the_same_state() {
    each_backend("state", |bench| {
        let queue = Queue::new().expect("a queue");
        let pool = pool(bench, &queue);
        assert_eq!(pool.apply(next, ()), Ok(11));
        assert_eq!(pool.apply_async(add, (5,)).expect("submitted").get(), Ok(16));
        assert_eq!(pool.map(add, [1, 1, 1]), Ok(vec![17, 18, 19]));
        assert_eq!(pool.imap(add, [1, 1]).collect::<Vec<_>>(), [Ok(20), Ok(21)]);
        assert_eq!(pool.imap_unordered(add, [0]).collect::<Vec<_>>(), [Ok(21)]);
        assert_eq!(pool.map_outcomes(add, [1]), [Ok(22)]);
        assert_eq!(pool.starmap(add, [(0,)]), Ok(vec![22]));
        assert_eq!(pool.mapping(add).chunk_size(2).map([0, 0, 0]), Ok(vec![22; 3]));
        assert_eq!(pool.task(next, ()).name("named").submit().expect("submitted").get(), Ok(23));
        let names = pool.apply(remember, ("a".to_owned(), "b".to_owned()));
        assert_eq!(names, Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(pool.apply(|count: &mut Count, n: u64| count.number + n, (2,)), Ok(25), "a closure");
        works(pool.plain());
        pool.join().expect("all was well");
        assert_eq!(lives(&queue), (1, 1), "made once, dropped at the end");
    });
}

#[test]
fn a_panic_costs_the_state_and_not_the_worker() {
    each_backend("state-panic", |bench| {
        let queue = Queue::new().expect("a queue");
        let pool = pool(bench, &queue);
        assert_eq!(pool.apply(next, ()), Ok(11));
        let pids = pool.worker_pids();
        let failed = pool.apply(fail, ());
        let Err(Failure::Panicked { message, .. }) = &failed else { panic!("{failed:?}") };
        assert_eq!(message, "half done");
        assert!(failed.is_err_and(|failure| failure.to_string().contains("::fail")), "it has the function's name");
        assert_eq!(pool.apply(next, ()), Ok(11), "made anew, not 1000001");
        let outcomes =
            pool.map_outcomes(|count: &mut Count, n: u64| if n == 2 { fail(count) } else { add(count, n) }, 0..5);
        let values: Vec<_> = outcomes.into_iter().map(Result::ok).collect();
        assert_eq!(values, [Some(11), Some(12), None, Some(13), Some(17)]);
        assert_eq!(pool.worker_pids(), pids);
        pool.join().expect("all was well");
        assert_eq!(lives(&queue), (3, 3));
    });
}

#[test]
fn a_state_that_cannot_be_made_again_fails_the_task_and_the_next_one_tries_again() {
    each_backend("state-remake", |bench| {
        let fuel = Queue::new().expect("a queue");
        let make = |fuel: Queue<u32>| fuel.try_get().map_err(|_| "no fuel");
        fuel.put(1).expect("put");
        let pool = bench.builder().workers(1).try_state(make, (fuel.clone(),)).build().expect("a pool");
        let read = |state: &mut u32| *state;
        assert_eq!(pool.apply(read, ()), Ok(1));
        assert!(matches!(pool.apply(|_: &mut u32| -> u32 { panic!() }, ()), Err(Failure::Panicked { .. })));
        for _ in 0..2 {
            let failed = pool.apply(read, ());
            let Err(Failure::Panicked { message, .. }) = &failed else { panic!("{failed:?}") };
            assert!(message.contains("could not be made again") && message.ends_with("no fuel"), "{message}");
        }
        works(pool.plain());
        fuel.put(2).expect("put");
        assert_eq!(pool.apply(read, ()), Ok(2));
        assert_eq!(pool.stats().deaths, 0);
    });
}

#[test]
fn a_worker_that_replaces_another_makes_its_own() {
    bench("state-replaced", Backend::Processes, |bench| {
        let queue = Queue::new().expect("a queue");
        let builder = bench.builder().workers(1).max_tasks_per_worker(2);
        let pool = builder.try_state(make, (10, queue.clone())).build().expect("a pool");
        assert_eq!(pool.map(add, [1, 1, 1, 1, 1, 1]), Ok(vec![11, 12, 11, 12, 11, 12]));
        let killed = pool.apply(|_: &mut Count| nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).is_ok(), ());
        assert!(matches!(killed, Err(Failure::Lost { .. })), "{killed:?}");
        assert_eq!(pool.apply(next, ()), Ok(11));
        pool.join().expect("all was well");
        let (made, dropped) = lives(&queue);
        assert_eq!(made, dropped + 1, "who is killed drops nothing");
    });
}

#[test]
fn each_worker_has_its_own() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("state-own", backend, |bench| {
            let pool = bench.builder().workers(3).state(Vec::<u64>::new, ()).build().expect("a pool");
            let push = |seen: &mut Vec<u64>, n: u64, all_there: Barrier| {
                if seen.is_empty() {
                    all_there.wait_timeout(Duration::from_secs(60)).expect("each of the three has a first");
                }
                seen.push(n);
                (mp::current_worker().map(|worker| worker.id), seen.len() as u64)
            };
            let barrier = Barrier::new(3).expect("a barrier");
            let items = (0..60).map(|n| (n, barrier.clone()));
            let seen = pool.mapping(push).chunk_size(1).starmap(items).expect("values");
            let most = |id| seen.iter().filter(|(worker, _)| *worker == Some(id)).map(|(_, len)| *len).max();
            let total: Option<u64> = (0..3).map(most).sum();
            assert_eq!(total, Some(60), "what each has seen adds up: {seen:?}");
        });
    }
}

#[test]
fn a_state_that_cannot_be_made_stops_the_pool_as_an_initializer_does() {
    each_backend("state-first", |bench| {
        let builder = bench.builder().workers(1).restart_limit(2, Duration::from_secs(600));
        let pool = builder.try_state(|| Err::<u32, _>("no model"), ()).build().expect("a pool");
        let refused = pool.apply(|state: &mut u32| *state, ());
        let Err(Failure::Stopped { reason, .. }) = &refused else { panic!("{refused:?}") };
        assert!(reason.contains("making the worker's state failed: no model"), "{reason}");
        assert!(pool.join().is_err());
    });
}

#[test]
fn an_initializer_runs_before_the_state_is_made() {
    thread_local! {
        static SET: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    each_backend("state-order", |bench| {
        let builder = bench.builder().workers(1).initializer(|n: u32| SET.set(n), (7,)).shared(&"shared".to_owned());
        let make = || (SET.get(), mp::shared::<String>().len());
        let pool = builder.state(make, ()).build().expect("a pool");
        assert_eq!(pool.apply(|state: &mut (u32, usize)| *state, ()), Ok((7, 6)));
    });
}

#[test]
fn two_pools_in_place_do_not_mix_their_states() {
    bench("state-serial", Backend::Serial, |bench| {
        let build = |n: u32| bench.builder().state(|n: u32| n, (n,)).build().expect("a pool");
        let (one, two) = (build(1), build(2));
        let read = |state: &mut u32| std::mem::replace(state, *state + 10);
        assert_eq!((one.apply(read, ()), two.apply(read, ()), one.apply(read, ())), (Ok(1), Ok(2), Ok(11)));
        let other = std::thread::scope(|scope| scope.spawn(|| one.apply(read, ())).join().expect("no panic"));
        assert_eq!(other, Ok(1), "each thread has its own");
    });
}
