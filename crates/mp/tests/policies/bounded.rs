//! A pool that accepts no more than it was told to.

use std::sync::mpsc::channel;
use std::time::Duration;

use mp::{Backend, Failure, Queue, StartMethod, SubmitError};

use crate::common::{Bench, bench, bench_by};

const LONG: Duration = Duration::from_secs(60);

fn wait_for(gate: Queue<u32>) -> u32 {
    gate.get_timeout(LONG).expect("opened")
}

fn each(name: &str, body: impl Fn(&Bench)) {
    bench(name, Backend::Processes, &body);
    bench(name, Backend::Threads, &body);
    bench_by(StartMethod::ForkServer, name, Backend::Processes, &body);
}

#[test]
fn a_full_pool_says_so_or_has_the_caller_wait() {
    each("full", |bench| {
        let (pool, gate) = (bench.build(bench.builder().workers(2).max_queued(3)), Queue::new().expect("a queue"));
        let mut handles: Vec<_> = (0..3).map(|_| pool.apply_async(wait_for, (gate.clone(),)).expect("room")).collect();
        assert!(matches!(pool.try_submit(wait_for, (gate.clone(),)), Err(SubmitError::Full)));
        assert!(matches!(pool.task(wait_for, (gate.clone(),)).priority(9).try_submit(), Err(SubmitError::Full)));
        std::thread::scope(|scope| {
            let (told, hears) = channel();
            let (pool, gate) = (&pool, &gate);
            scope.spawn(move || told.send(pool.apply_async(wait_for, (gate.clone(),))));
            assert!(hears.try_recv().is_err(), "it waits");
            gate.put(1).expect("put");
            handles.push(hears.recv_timeout(LONG).expect("in time").expect("accepted once there is room"));
        });
        (0..3).for_each(|n| gate.put(n).expect("put"));
        let values = handles.into_iter().map(mp::TaskHandle::get).collect::<Result<Vec<_>, _>>().expect("values");
        assert_eq!(values.iter().sum::<u32>(), 4);
        assert_eq!(pool.try_submit(std::process::id, ()).expect("room again").get().map(|_| ()), Ok(()));
    });
}

#[test]
fn what_is_cancelled_or_lost_or_panics_makes_room() {
    fn ends(how: u32) -> u32 {
        match how {
            0 => panic!("as asked"),
            1 => std::process::abort(),
            _ => how,
        }
    }
    bench("room_by_failures", Backend::Processes, |bench| {
        let (pool, gate) = (bench.build(bench.builder().workers(1).max_queued(1)), Queue::new().expect("a queue"));
        for round in 0..20 {
            // Each waits for the outcome of the one before.
            let outcome = pool.apply(ends, (round % 3,));
            assert_eq!(outcome.is_ok(), round % 3 == 2, "{outcome:?}");
            let waits = pool.apply_async(wait_for, (gate.clone(),)).expect("room");
            assert!(waits.cancel());
            assert!(matches!(waits.get(), Err(Failure::Cancelled)));
        }
    });
}

#[test]
fn maps_go_through_a_full_pool_and_callbacks_may_submit() {
    each("maps", |bench| {
        let pool = std::sync::Arc::new(bench.build(bench.builder().workers(2).max_queued(2)));
        let expected: Vec<u64> = (0..1000).map(|n| n + 1).collect();
        assert_eq!(pool.map(|n: u64| n + 1, 0..1000).expect("values"), expected);
        let lazily: Result<Vec<u64>, _> = pool.imap(|n: u64| n + 1, 0..1000).collect();
        assert_eq!(lazily.expect("values"), expected);
        let (told, hears) = channel();
        for n in 0..50_u64 {
            let (again, told) = (std::sync::Arc::clone(&pool), told.clone());
            pool.apply_async(|n: u64| n, (n,)).expect("room").on_done(move |outcome| {
                let next = again.apply_async(|n: u64| n * 2, (outcome.expect("a value"),)).expect("room");
                told.send(next.get()).expect("heard");
            });
        }
        let sum: u64 = (0..50).map(|_| hears.recv_timeout(LONG).expect("in time").expect("a value")).sum();
        assert_eq!(sum, (0..50).map(|n| n * 2).sum::<u64>());
    });
}

#[test]
fn the_end_of_the_pool_ends_the_wait_for_room() {
    each("closed_while_full", |bench| {
        let (pool, gate) =
            (bench.build(bench.builder().workers(1).max_queued(1)), Queue::<u32>::new().expect("a queue"));
        let first = pool.apply_async(wait_for, (gate.clone(),)).expect("room");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| pool.apply_async(wait_for, (gate.clone(),)));
            pool.close();
            assert!(matches!(waits.join().expect("no panic"), Err(SubmitError::Closed(_))));
            gate.put(7).expect("put");
        });
        assert_eq!(first.get(), Ok(7));
    });
}
