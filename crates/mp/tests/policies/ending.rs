//! How pools end: drained, stopped or killed; and how long those who prepare or end may take.

use std::time::{Duration, Instant};

use mp::{Backend, Failure, Queue, Shutdown};

use crate::common::bench;

const LONG: Duration = Duration::from_secs(100);

fn hold(running: Queue<u32>, go: Queue<()>) -> u32 {
    running.put(1).expect("a queue");
    go.get().expect("it goes on");
    7
}

#[test]
fn a_stop_lets_what_runs_finish_and_ends_what_waits() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("stop", backend, |bench| {
            let pool = bench.build(bench.builder().workers(2).retries(3));
            let (running, go) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
            let submit = || pool.apply_async(hold, (running.clone(), go.clone())).expect("accepted");
            let handles: Vec<_> = (0..20).map(|_| submit()).collect();
            (0..2).for_each(|_| _ = running.get().expect("it runs"));
            pool.shutdown(Shutdown::Stop);
            assert!(pool.apply(hold, (running.clone(), go.clone())).is_err(), "it takes no more");
            (0..2).for_each(|_| go.put(()).expect("a queue"));
            let outcomes: Vec<_> = handles.into_iter().map(mp::TaskHandle::get).collect();
            let values = outcomes.iter().filter(|it| **it == Ok(7)).count();
            let why = |it: &&Result<u32, Failure>| matches!(it, Err(Failure::Stopped { reason, .. }) if reason == "pool was stopped");
            assert_eq!((values, outcomes.iter().filter(why).count()), (2, 18), "{outcomes:?}");
            pool.join().expect("it was asked to");
        });
    }
}

#[test]
fn a_graver_end_overtakes_a_milder_one() {
    bench("graver", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).grace(Duration::from_millis(50)));
        let (running, go) = (Queue::new().expect("a queue"), Queue::<()>::new().expect("a queue"));
        let handle = pool.apply_async(hold, (running.clone(), go)).expect("accepted");
        running.get().expect("it runs");
        pool.shutdown(Shutdown::Kill);
        pool.shutdown(Shutdown::Stop);
        pool.shutdown(Shutdown::Drain);
        assert!(matches!(handle.get(), Err(Failure::Stopped { .. })));
        pool.join().expect("it was asked to");
    });
}

fn hang() {
    loop {
        std::thread::park();
    }
}

/// Not threads: one that hangs cannot be ended, and keeps its line.
#[test]
fn an_initializer_has_a_limit_of_its_own() {
    bench("init-limit", Backend::Processes, |bench| {
        let limit = Duration::from_millis(100);
        let builder = bench.builder().workers(1).initializer(hang, ()).start_timeout(LONG);
        let pool = bench.build(builder.initializer_timeout(limit).restart_limit(1, LONG));
        let failure = pool.apply(|| 1, ()).expect_err("nobody is ever ready").to_string();
        assert!(failure.contains("initializer did not end within 100ms"), "{failure}");
    });
}

#[test]
fn a_finalizer_has_a_limit_of_its_own_beside_the_grace() {
    bench("final-limit", Backend::Processes, |bench| {
        let builder = bench.builder().workers(2).grace(LONG).finalizer(hang, ());
        let pool = bench.build(builder.finalizer_timeout(Duration::from_millis(100)));
        crate::common::works(&pool);
        let began = Instant::now();
        pool.join().expect("all was well");
        assert!(began.elapsed() < LONG / 2, "it waited for the grace");
    });
}
