//! What is called, and what it gives.

use std::collections::HashSet;

use mp::Failure;

use crate::common::{Bench, works};

fn square(n: u64) -> u64 {
    n * n
}

fn join(a: String, b: u32) -> String {
    format!("{a}{b}")
}

fn panics_at_7(n: u64) -> u64 {
    assert_ne!(n, 7, "no sevens");
    n
}

pub(crate) fn apply(bench: &Bench) {
    let pool = bench.pool(2);
    assert_eq!(pool.apply(square, (7,)), Ok(49));
    assert_eq!(pool.apply(join, ("a".to_owned(), 1)), Ok("a1".to_owned()));
    let stats = pool.stats();
    assert_eq!((stats.submitted, stats.completed, stats.failed, stats.deaths), (2, 2, 0, 0));
}

pub(crate) fn apply_async(bench: &Bench) {
    let pool = bench.pool(2);
    let handles: Vec<_> = (0..100).map(|n| pool.apply_async(square, (n,)).expect("accepted")).collect();
    let ids: HashSet<_> = handles.iter().map(mp::TaskHandle::id).collect();
    assert_eq!(ids.len(), 100, "each has a number of its own");
    let values: Result<Vec<_>, _> = handles.into_iter().map(mp::TaskHandle::get).collect();
    assert_eq!(values, Ok((0..100).map(square).collect()));
}

pub(crate) fn map(bench: &Bench) {
    let pool = bench.pool(3);
    assert_eq!(pool.map(square, 0..10_000), Ok((0..10_000).map(square).collect::<Vec<_>>()));
    assert_eq!(pool.map(square, []), Ok(Vec::new()));
    assert_eq!(pool.map(square, [3]), Ok(vec![9]));
    let failure = pool.map(panics_at_7, 0..20).expect_err("one panics");
    assert!(matches!(&failure, Failure::Panicked { message, .. } if message.contains("no sevens")), "{failure:?}");
    let panicking = || (0..20).inspect(|n| assert_ne!(*n, 13, "input ends badly"));
    std::panic::catch_unwind(|| bench.pool(1).map(square, panicking())).expect_err("the input's own panic");
    works(&pool);
}

pub(crate) fn map_outcomes(bench: &Bench) {
    let pool = bench.pool(3);
    let outcomes = pool.map_outcomes(panics_at_7, 0..100);
    assert_eq!(outcomes.len(), 100);
    for (n, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok(value) => assert_eq!(value, n),
            Err(failure) => assert!(n == 7 && matches!(failure, Failure::Panicked { .. }), "{n}: {failure:?}"),
        }
    }
    pool.close();
    let refused = pool.map_outcomes(square, 0..3);
    assert_eq!(refused.len(), 3, "one outcome for every item");
    assert!(refused.iter().all(|outcome| matches!(outcome, Err(Failure::Stopped { .. }))), "{refused:?}");
}

pub(crate) fn starmap(bench: &Bench) {
    let pool = bench.pool(2);
    let items = || (0..50).map(|n| (n.to_string(), n));
    let expected: Vec<_> = items().map(|(a, b)| join(a, b)).collect();
    assert_eq!(pool.starmap(join, items()).as_ref(), Ok(&expected));
    assert_eq!(pool.starmap_async(join, items()).expect("accepted").get(), Ok(expected));
}

pub(crate) fn map_async(bench: &Bench) {
    let pool = bench.pool(2);
    let handles: Vec<_> = (1..=20).map(|n| pool.map_async(square, 0..n * 10).expect("accepted")).collect();
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(handle.get(), Ok((0..n * 10).map(square).collect::<Vec<_>>()));
    }
}

pub(crate) fn imap(bench: &Bench) {
    let pool = bench.pool(3);
    let values: Result<Vec<_>, _> = pool.imap(square, 0..10_000).collect();
    assert_eq!(values, Ok((0..10_000).map(square).collect::<Vec<_>>()));
    assert_eq!(pool.imap(square, Vec::<u64>::new()).count(), 0);
    let failures: Vec<_> = pool.imap(panics_at_7, 0..20).enumerate().filter(|(_, outcome)| outcome.is_err()).collect();
    assert!(matches!(&failures[..], [(7, Err(Failure::Panicked { .. }))]), "{failures:?}");
    let mut panicking = pool.imap(square, (0..20).inspect(|n| assert_ne!(*n, 13, "input ends badly")));
    let values: Vec<_> = panicking.by_ref().take(13).collect();
    assert_eq!(values, (0..13).map(|n| Ok(square(n))).collect::<Vec<_>>(), "what came before the panic is not lost");
    let panic =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panicking.next())).expect_err("then it panics");
    assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("input ends badly")));
    drop(panicking);
    works(&pool);
}

pub(crate) fn imap_unordered(bench: &Bench) {
    let pool = bench.pool(3);
    let values: Result<HashSet<_>, _> = pool.imap_unordered(square, 0..10_000).collect();
    assert_eq!(values, Ok((0..10_000).map(square).collect()));
}

/// An endless input: only what is wanted is read, and a little more.
pub(crate) fn endless_input(bench: &Bench) {
    let pool = bench.pool(2);
    let (read, reads) = std::sync::mpsc::channel();
    let input = (0..).inspect(move |_| read.send(()).expect("the test counts"));
    let mut squares = pool.imap(square, input);
    assert_eq!(squares.by_ref().take(3).collect::<Vec<_>>(), [Ok(0), Ok(1), Ok(4)]);
    assert_eq!(pool.imap_unordered(square, 0..).take(10).filter(Result::is_ok).count(), 10);
    drop(squares);
    assert!(reads.try_iter().count() < 10_000, "not much more than was wanted");
    works(&pool);
}

pub(crate) fn arguments(bench: &Bench) {
    let pool = bench.pool(1);
    assert_eq!(pool.apply(|| 7_u8, ()), Ok(7));
    assert_eq!(pool.apply(|a: u8| a, (1,)), Ok(1));
    assert_eq!(pool.apply(|a: u8, b: u8| a + b, (1, 2)), Ok(3));
    assert_eq!(pool.apply(|a: u8, b: u8, c: u8| a + b + c, (1, 2, 3)), Ok(6));
    assert_eq!(pool.apply(|a: u8, b: u8, c: u8, d: u8| a + b + c + d, (1, 2, 3, 4)), Ok(10));
    assert_eq!(pool.apply(|a: u8, b: u8, c: u8, d: u8, e: u8| a + b + c + d + e, (1, 2, 3, 4, 5)), Ok(15));
    let six = |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8| a + b + c + d + e + f;
    assert_eq!(pool.apply(six, (1, 2, 3, 4, 5, 6)), Ok(21));
    let seven = |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8| a + b + c + d + e + f + g;
    assert_eq!(pool.apply(seven, (1, 2, 3, 4, 5, 6, 7)), Ok(28));
    let eight =
        |a: u8, b: String, c: Vec<u8>, d: Option<u8>, e: (u8, u8), f: [u8; 2], g: (), h: char| (a, b, c, d, e, f, g, h);
    let values = (1, "b".to_owned(), vec![3], Some(4), (5, 5), [6, 6], (), 'h');
    assert_eq!(pool.apply(eight, values.clone()), Ok(values));
}

pub(crate) fn closures(bench: &Bench) {
    const FACTOR: u64 = 3;
    let pool = bench.pool(2);
    let outcomes = pool.map(|n: u64| n * FACTOR, 0..100);
    assert_eq!(outcomes, Ok((0..100).map(|n| n * FACTOR).collect::<Vec<_>>()));
    assert_eq!(pool.map(|_: ()| (), vec![(); 100]), Ok(vec![(); 100]), "items and results without bytes");
}

pub(crate) fn errors_are_values(bench: &Bench) {
    fn half(n: u32) -> Result<u32, String> {
        if n.is_multiple_of(2) { Ok(n / 2) } else { Err(format!("{n} is odd")) }
    }
    let pool = bench.pool(2);
    assert_eq!(pool.apply(half, (3,)), Ok(Err("3 is odd".to_owned())));
    assert_eq!(pool.map(half, 2..4), Ok(vec![Ok(1), Err("3 is odd".to_owned())]));
    assert_eq!(pool.stats().failed, 0);
}

pub(crate) fn panics(bench: &Bench) {
    let pool = bench.pool(1);
    let failure = pool.apply(|n: u32| -> u32 { panic!("number {n}") }, (5,)).expect_err("panicked");
    let Failure::Panicked { message, location, task, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(message, "number 5");
    assert!(location.is_some_and(|place| place.contains("backends/calls.rs:")), "where it panicked");
    assert!(task.name.contains("panics"), "{task}");
    let failure = pool.apply(|| -> () { std::panic::panic_any(7_u8) }, ()).expect_err("panicked");
    assert!(matches!(&failure, Failure::Panicked { message, .. } if message == "Box<dyn Any>"), "{failure:?}");
    let failure = pool.apply(|| -> () { panic!("{}", "x".repeat(1 << 20)) }, ()).expect_err("panicked");
    assert!(matches!(&failure, Failure::Panicked { message, .. } if message.len() < 20_000), "shortened");
    works(&pool);
}

/// A task that had caught a panic of its own left its text to the next panic that brings none along.
pub(crate) fn a_panic_that_was_caught_is_not_the_next_one(bench: &Bench) {
    let pool = bench.pool(1);
    pool.apply(|| drop(std::panic::catch_unwind(|| panic!("caught"))), ()).expect("it was caught");
    let resume = || -> () { std::panic::resume_unwind(Box::new("resumed".to_owned())) };
    let failure = pool.apply(resume, ()).expect_err("panicked");
    let Failure::Panicked { message, location, .. } = failure else { panic!("{failure:?}") };
    assert_eq!((message.as_str(), location), ("resumed", None));
}

pub(crate) fn chunks_of_nothing(bench: &Bench) {
    assert!(bench.builder().workers(0).build().is_err());
    assert!(bench.builder().max_tasks_per_worker(0).build().is_err());
    let pool = bench.pool(2);
    let refused = pool.mapping(|n: u64| n).chunk_size(0).map_async(0..3).expect_err("no items");
    assert_eq!(refused.to_string(), "a chunk needs at least 1 item, not 0");
    let outcomes = pool.mapping(|n: u64| n).chunk_size(0).map_outcomes(0..3);
    assert!(outcomes.len() == 3 && outcomes.iter().all(Result::is_err), "{outcomes:?}");
    // One, a divisor, none, as many, more, and more than a frame holds.
    for chunk in [1, 5, 7, 100, 101, 1_000_000] {
        assert_eq!(pool.mapping(|n: u64| n * 3).chunk_size(chunk).map(0..100), Ok((0..100).map(|n| n * 3).collect()));
    }
    assert_eq!(pool.mapping(|n: u64| n).chunk_size(9).map(0..0), Ok(Vec::new()));
}
