//! A lot: tasks, workers, callers, items in a queue, input without end.

use mp::{Backend, Process, Queue};

use crate::common::{bench, works};
use crate::tasks::{queue, square};

#[test]
fn a_million_tasks_before_any_worker_is_ready() {
    bench("million", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let handle = pool.map_async(|n: u32| n ^ 1, 0..1_000_000).expect("accepted");
        let values = handle.get().expect("all run");
        assert!(values.len() == 1_000_000 && values.iter().zip(0..).all(|(value, n)| *value == n ^ 1));
        works(&pool);
    });
}

#[test]
fn ten_thousand_submissions_before_any_worker_is_ready() {
    bench("submissions", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let handles: Vec<_> = (0..10_000).map(|n| pool.apply_async(square, (n,)).expect("accepted")).collect();
        assert!(handles.into_iter().zip(0..).all(|(handle, n)| handle.get() == Ok(square(n))));
    });
}

/// An endless input and a consumer that is slower than the workers: what is read is bounded.
#[test]
fn an_endless_input_is_read_no_faster_than_it_is_wanted() {
    bench("endless", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let (read, reads) = std::sync::mpsc::channel();
        let large = |n: u64| (n, vec![0_u8; 1000]);
        let input = (0..).inspect(move |_| read.send(()).expect("the test counts"));
        let mut taken = 0;
        let mut seen = 0;
        for outcome in pool.imap(large, input).take(20_000) {
            assert_eq!(outcome.map(|(n, _)| n), Ok(taken));
            taken += 1;
            seen += reads.try_iter().count() as u64;
            assert!(seen <= taken + 5000, "{seen} read, {taken} taken");
        }
        works(&pool);
    });
}

#[test]
fn more_workers_than_processors() {
    bench("many_workers", Backend::Processes, |bench| {
        let pool = bench.pool(64);
        let pids = pool.map(|_: u32| std::process::id(), 0..2000).expect("all run");
        assert_eq!(pids.len(), 2000);
        let handles: Vec<_> = (0..200).map(|n| pool.apply_async(square, (n,)).expect("accepted")).collect();
        assert!(handles.into_iter().zip(0..).all(|(handle, n)| handle.get() == Ok(square(n))));
    });
}

#[test]
fn ten_threads_submit_while_workers_die() {
    bench("crowd", Backend::Processes, |bench| {
        let pool = &*bench.pool(3);
        let caller = |first: u64| {
            for n in first..first + 40 {
                assert_eq!(pool.apply(square, (n,)), Ok(square(n)));
                if n % 20 == 0 {
                    pool.apply(|| -> () { std::process::abort() }, ()).expect_err("it aborts");
                }
            }
        };
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..10).map(|n| scope.spawn(move || caller(n * 100))).collect();
            callers.into_iter().for_each(|caller| caller.join().expect("all as it should be"));
        });
        works(pool);
    });
}

/// Python's rule "join a process after its queue is emptied, or it hangs" does not hold here.
#[test]
fn a_queue_with_more_than_a_pipe_holds_is_joined_before_it_is_read() {
    bench("full_queue", Backend::Processes, |bench| {
        fn fill(queue: Queue<String>) {
            (0..1000).for_each(|n| queue.put(n.to_string().repeat(1000)).expect("put"));
        }
        let items: Queue<String> = queue();
        Process::spawn(fill, (items.clone(),)).expect("spawned").join().expect("it has filled it");
        let pool = bench.pool(1);
        pool.apply(fill, (items.clone(),)).expect("it has filled it");
        pool.join().expect("closed");
        assert_eq!(items.len(), 2000);
        assert!((0..2000).all(|n| items.get().expect("an item") == (n % 1000).to_string().repeat(1000)));
    });
}
