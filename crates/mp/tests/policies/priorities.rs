//! The order in which tasks are begun.

use std::time::Duration;

use mp::{Backend, Queue, Retry, StartMethod};
use nix::sys::signal::{Signal, raise};

use crate::common::{Bench, bench, bench_by};

const LONG: Duration = Duration::from_secs(60);

fn hold(begun: Queue<u32>, gate: Queue<u32>) {
    begun.put(0).expect("put");
    gate.get_timeout(LONG).expect("opened");
}

fn note(order: Queue<u32>, number: u32) {
    order.put(number).expect("put");
}

fn dies_once(order: Queue<u32>, number: u32) {
    order.put(number).expect("put");
    if mp::current_worker().expect("in a task").attempt == 1 {
        raise(Signal::SIGKILL).expect("it dies");
    }
}

fn each(name: &str, body: impl Fn(&Bench)) {
    bench(name, Backend::Processes, &body);
    bench(name, Backend::Threads, &body);
    bench_by(StartMethod::ForkServer, name, Backend::Processes, &body);
}

/// One worker that is held by two tasks: both its credits are spent, so that all others wait.
struct Held {
    gate: Queue<u32>,
    order: Queue<u32>,
}

impl Held {
    fn new(pool: &mp::Pool) -> Self {
        let new = || Queue::new().expect("a queue");
        let (begun, gate, order) = (new(), new(), new());
        // Neither shares a frame with another: a chunk of one is a frame.
        let holds = [1, 2].map(|_| (begun.clone(), gate.clone()));
        drop(pool.mapping(hold).chunk_size(1).starmap_async(holds).expect("accepted"));
        begun.get_timeout(LONG).expect("the first runs");
        Self { gate, order }
    }

    /// What ran, in order, once the worker may go on.
    fn ran(&self, count: usize) -> Vec<u32> {
        (0..2).for_each(|_| self.gate.put(0).expect("put"));
        (0..count).map(|_| self.order.get_timeout(LONG).expect("it runs")).collect()
    }
}

#[test]
fn the_most_urgent_is_begun_first_and_within_one_priority_the_first() {
    each("priorities", |bench| {
        let pool = bench.pool(1);
        let held = Held::new(&pool);
        let submit = |number, priority| {
            pool.task(note, (held.order.clone(), number)).priority(priority).submit().expect("accepted")
        };
        let given = [(1, 0), (2, -5), (3, 5), (4, 0), (5, i32::MAX), (6, 5), (7, i32::MIN), (8, -5)];
        let handles = given.map(|(number, priority)| submit(number, priority));
        let plain = pool.apply_async(note, (held.order.clone(), 9)).expect("accepted");
        assert_eq!(held.ran(9), [5, 3, 6, 1, 4, 9, 2, 8, 7]);
        handles.into_iter().chain([plain]).for_each(|handle| handle.get().expect("a value"));
    });
}

#[test]
fn a_map_gives_way_to_one_urgent_task() {
    each("priorities-map", |bench| {
        let pool = bench.pool(1);
        let held = Held::new(&pool);
        let items = (0..50).map(|n| (held.order.clone(), n));
        let map = pool.mapping(note).priority(-1).starmap_async(items).expect("accepted");
        let one = pool.apply_async(note, (held.order.clone(), 99)).expect("accepted");
        let expected: Vec<_> = [99].into_iter().chain(0..50).collect();
        assert_eq!(held.ran(51), expected);
        one.get().expect("a value");
        assert_eq!(map.get().expect("values").len(), 50);
    });
}

#[test]
fn a_retry_keeps_its_priority() {
    for start_method in [StartMethod::Spawn, StartMethod::ForkServer] {
        bench_by(start_method, "priorities-retry", Backend::Processes, |bench| {
            let pool = bench.pool(1);
            let held = Held::new(&pool);
            let plain = (0..3).map(|n| pool.apply_async(note, (held.order.clone(), n)).expect("accepted"));
            let plain: Vec<_> = plain.collect();
            let task = pool.task(dies_once, (held.order.clone(), 9)).priority(1).retry(Retry::times(1));
            let urgent = task.submit().expect("accepted");
            assert_eq!(held.ran(5), [9, 9, 0, 1, 2]);
            urgent.get().expect("the second try");
            plain.into_iter().for_each(|handle| handle.get().expect("a value"));
        });
    }
}

#[test]
fn many_priorities_and_many_threads_lose_nothing() {
    each("priorities-many", |bench| {
        let pool = bench.pool(2);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let pool = &pool;
                scope.spawn(move || {
                    let submit = |n: i32| pool.task(|n: i32| n, (n,)).priority((n * 7 + thread) % 11 - 5).submit();
                    let handles: Vec<_> = (0..500).map(|n| submit(n).expect("accepted")).collect();
                    (0..).zip(handles).for_each(|(n, handle)| assert_eq!(handle.get(), Ok(n)));
                });
            }
        });
    });
}
