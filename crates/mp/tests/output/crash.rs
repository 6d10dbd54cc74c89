//! Where a worker has crashed, as its failure tells it.

use mp::{Crash, Failure, WorkerExit};
use nix::sys::signal::{Signal, raise};

use crate::common::{bench_by, works};

#[inline(never)]
fn deep(depth: u32) -> u32 {
    match depth {
        0 => std::process::abort(),
        _ => std::hint::black_box(deep(depth - 1)) + 1,
    }
}

fn aborts() -> u32 {
    deep(2)
}

fn overflows(n: u64) -> u64 {
    let room = std::hint::black_box([n; 64]);
    if room[0] == 0 {
        return 0;
    }
    overflows(room[1] + 1) + room[2]
}

fn is_sent(signal: i32) {
    raise(Signal::try_from(signal).expect("a signal")).expect("raised");
}

fn crash_of<R: std::fmt::Debug>(outcome: Result<R, Failure>) -> (i32, Option<Crash>) {
    match outcome {
        Err(Failure::Lost { exit: WorkerExit::Signaled { signal, .. }, crash, .. }) => (signal, crash),
        other => panic!("{other:?}"),
    }
}

fn both(name: &str, body: impl Fn(&mp::Pool)) {
    for method in [mp::StartMethod::Spawn, mp::StartMethod::ForkServer] {
        bench_by(method, name, mp::Backend::Processes, |bench| {
            let pool = bench.pool(1);
            body(&pool);
            works(&pool);
        });
    }
}

#[test]
fn a_crash_tells_the_calls_that_led_to_it() {
    both("crash_calls", |pool| {
        let (signal, crash) = crash_of(pool.apply(aborts, ()));
        let crash = crash.expect("it is told");
        assert_eq!((signal, crash.signal(), crash.address()), (6, 6, None));
        let text = crash.to_string();
        let own: Vec<_> = crash.frames().iter().filter_map(|frame| frame.function.as_deref()).collect();
        let places = ["abort", "deep", "deep", "deep", "aborts"];
        let mut rest = own.iter();
        assert!(places.iter().all(|place| rest.any(|name| name.ends_with(place))), "{text}");
        assert!(text.contains("tests/output/crash.rs:11"), "{text}");
        assert!(!text.contains("mp_worker"), "{text}");
    });
}

#[test]
fn an_overflow_of_the_stack_is_told_with_its_place() {
    both("crash_overflow", |pool| {
        let (signal, crash) = crash_of(pool.apply(overflows, (1,)));
        let crash = crash.expect("it is told");
        assert_eq!(signal, crash.signal());
        let again = crash.frames().iter().filter(|frame| frame.to_string().ends_with("overflows")).count();
        assert!(again > 10, "{crash}");
    });
}

#[test]
fn each_worker_tells_of_its_own_crash_and_only_of_that_signal() {
    both("crash_signals", |pool| {
        for signal in [11, 7, 4, 8, 6, 11] {
            let (died_by, crash) = crash_of(pool.apply(is_sent, (signal,)));
            let crash = crash.expect("it is told");
            assert_eq!((died_by, crash.signal(), crash.address()), (signal, signal, None));
            assert!(crash.frames().iter().any(|frame| frame.to_string().ends_with("is_sent")), "{crash}");
        }
        assert_eq!(crash_of(pool.apply(is_sent, (9,))), (9, None));
    });
}
