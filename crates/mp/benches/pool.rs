//! Times the pool's calls: `apply` round trips, with 1 MiB as well, `apply_async` with a handle each, `map` with trivial items.
//!
//! Does **not** judge. Prints one line a figure: name, tab, microseconds each (the median of some rounds).
//!
//! `cargo bench -p mp --bench pool`; `scripts/side-by-side` runs it in turn with Python's `multiprocessing.Pool`.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::time::{Duration, Instant};

const WORKERS: usize = 2;
const ROUNDS: usize = 5;

fn square(n: u64) -> u64 {
    n.wrapping_mul(n)
}

fn main() -> mp::Result<()> {
    mp::init();
    let pool = mp::Pool::new(WORKERS)?;
    let warm: u64 = pool.map(square, 0..1000).expect("squares").iter().sum();
    assert_eq!(warm, (0..1000).map(square).sum::<u64>());
    report("apply", || median(5_000, |n| drop(pool.apply(square, (n,)))));
    report("apply_async", || apply_async(&pool, 100_000));
    report("1 MiB argument", || megabyte(&pool, 200));
    report("map", || map(&pool, 1_000_000));
    report("Pool::new(8) to first result", || {
        let began = Instant::now();
        let result = mp::Pool::new(8).map(|pool| (pool.apply(square, (2,)), began.elapsed(), pool));
        result.map_or(Duration::ZERO, |(_, took, _)| took)
    });
    Ok(())
}

/// Of single calls: one that was interrupted by other work of the machine does not count for many.
fn median(count: u64, mut call: impl FnMut(u64)) -> Duration {
    let mut timed = |n| {
        let began = Instant::now();
        call(n);
        began.elapsed()
    };
    let mut taken: Vec<Duration> = (0..count).map(&mut timed).collect();
    taken.sort();
    taken[taken.len() / 2]
}

fn apply_async(pool: &mp::Pool, count: u32) -> Duration {
    let began = Instant::now();
    let handles: Vec<_> = (0..u64::from(count)).filter_map(|n| pool.apply_async(square, (n,)).ok()).collect();
    let sum: u64 = handles.into_iter().filter_map(|handle| handle.get().ok()).sum();
    assert_eq!(sum, (0..u64::from(count)).map(square).sum::<u64>());
    began.elapsed() / count
}

/// A copy for each task, as an argument is given away; Python's caller keeps his. So the copies count as ours.
fn megabyte(pool: &mp::Pool, count: u32) -> Duration {
    let bytes = vec![7_u8; 1 << 20];
    let length = |bytes: Vec<u8>| bytes.len();
    let began = Instant::now();
    let all = (0..count).all(|_| pool.apply(length, (bytes.clone(),)) == Ok(1 << 20));
    assert!(all, "lengths");
    began.elapsed() / count
}

fn map(pool: &mp::Pool, count: u32) -> Duration {
    let began = Instant::now();
    let squares = pool.map(square, 0..u64::from(count)).unwrap_or_default();
    assert_eq!(squares.len(), count as usize);
    began.elapsed() / count
}

/// An argument names the one figure that is wanted, for a profiler.
fn report(name: &str, mut round: impl FnMut() -> Duration) {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if wanted.is_some_and(|wanted| wanted != name) {
        return;
    }
    let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort();
    println!("{name}\t{:.3}", rounds[ROUNDS / 2].as_secs_f64() * 1e6);
}
