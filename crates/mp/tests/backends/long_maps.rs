//! Maps of more numbers than are under way at once: their input is read while their first values come back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mp::{Backend, Failure, WorkerExit};

use crate::common::{Bench, works};

/// Several times what is under way at once.
const MANY: u64 = 400_000;

/// More than is under way at once.
const MORE: u64 = 150_000;

fn triple(n: u64) -> u64 {
    n * 3
}

fn not_a_few(n: u64) -> u64 {
    assert!(n % 150_000 != 140_000, "{n} is one of a few");
    n
}

fn abort_at(n: u64) -> u64 {
    if n == 300_000 {
        std::process::abort();
    }
    n
}

pub(crate) fn a_long_map(bench: &Bench) {
    let pool = bench.pool(3);
    assert_eq!(pool.map(triple, 0..MANY), Ok((0..MANY).map(triple).collect::<Vec<_>>()));
    let odd = (0..MANY).filter(|n| n % 2 == 1);
    assert_eq!(pool.map(triple, odd.clone()), Ok(odd.map(triple).collect()), "how many there are is not known before");
    let (tall, wide) = ((0..MORE).map(|n| (n, 7_u8, 0.5_f32)), |a: u64, b: u8, c: f32| a as f32 * f32::from(b) * c);
    assert_eq!(pool.starmap(wide, tall.clone()), Ok(tall.map(|(a, b, c)| wide(a, b, c)).collect::<Vec<_>>()));
    assert_eq!(pool.map(|_: u64| (), 0..MORE).map(|none| none.len()), Ok(MORE as usize));
    assert_eq!(pool.map(|n: u64| n.to_string(), 0..MORE), Ok((0..MORE).map(|n| n.to_string()).collect()));
}

pub(crate) fn failures_in_a_long_map(bench: &Bench) {
    let pool = bench.pool(2);
    let Err(Failure::Panicked { message, .. }) = pool.map(not_a_few, 0..MANY) else { panic!("two of them panic") };
    assert!(message.contains("140000 is"), "the first by the order of the input: {message}");
    assert_eq!(pool.stats().failed, 2, "all were run");
    if bench.backend == Backend::Processes {
        let died = pool.map(abort_at, 0..MANY);
        let right = matches!(&died, Err(Failure::Lost { exit: WorkerExit::Signaled { .. }, .. }));
        assert!(right, "{died:?}");
        assert_eq!(pool.stats().failed, 3, "one item, whatever else was in its frame");
    }
    works(&pool);
}

/// What was submitted before is run; nobody waits for it.
pub(crate) fn input_that_panics_amid_a_long_map(bench: &Bench) {
    let pool = bench.pool(2);
    let input = (0..MANY).inspect(|n| assert_ne!(*n, 300_000, "no more"));
    let panicked = catch_unwind(AssertUnwindSafe(|| pool.map(triple, input)));
    assert!(panicked.is_err(), "as any iterator that does");
    works(&pool);
}

pub(crate) fn a_pool_is_closed_amid_a_long_map(bench: &Bench) {
    let pool = bench.pool(2);
    let input = (0..MANY).inspect(|n| {
        if *n == 300_000 {
            pool.close();
        }
    });
    let stopped = pool.map(triple, input);
    assert!(matches!(&stopped, Err(Failure::Stopped { .. })), "{stopped:?}");
    pool.join().expect("it was closed");
}
