//! Times large arguments and results beside a copy of the same bytes, in turns, and where memory that is kept begins to pay.
//!
//! Does **not** judge. Prints one line a figure: name, tab, microseconds (the median), tab, how many copies that is.
//!
//! `cargo bench -p mp --bench bulk`; with an argument, the figures whose names have it in them.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

const KIB: usize = 1024;
const MIB: usize = 1 << 20;

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn sum(numbers: Vec<f64>) -> f64 {
    numbers.first().copied().unwrap_or_default()
}

fn zeros(len: usize) -> Vec<u8> {
    vec![0; len]
}

fn same(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn main() -> mp::Result<()> {
    mp::init();
    let pool = mp::Pool::new(2)?;
    for len in [64 * KIB, MIB, 16 * MIB] {
        let kib = len / KIB;
        let rounds = (256 * MIB / len).clamp(21, 1001);
        compare(&format!("{kib} KiB argument, Vec<u8>"), (len, rounds), |bytes| {
            timed(|| assert_eq!(pool.apply(length, (bytes,)), Ok(len)))
        });
        compare(&format!("{kib} KiB argument, Vec<f64>"), (len, rounds), |bytes| {
            let numbers: Vec<f64> = bytes.chunks_exact(8).map(|_| 1.0).collect();
            timed(|| assert_eq!(pool.apply(sum, (numbers,)), Ok(1.0)))
        });
        compare(&format!("{kib} KiB result, Vec<u8>"), (len, rounds), |_| {
            timed(|| assert_eq!(pool.apply(zeros, (len,)).map(|bytes| bytes.len()), Ok(len)))
        });
        compare(&format!("{kib} KiB both ways, Vec<u8>"), (len, rounds), |bytes| {
            timed(|| assert_eq!(pool.apply(same, (bytes,)).map(|bytes| bytes.len()), Ok(len)))
        });
    }
    drop(pool);
    crossover()
}

/// The same sizes in a frame and in memory that is kept, in turns.
fn crossover() -> mp::Result<()> {
    let frames = mp::Pool::builder().workers(1).large_from(usize::MAX).build()?;
    let kept = mp::Pool::builder().workers(1).large_from(0).build()?;
    for kib in [1, 2, 4, 8, 12, 16, 24, 32, 40] {
        let len = kib * KIB;
        let both = |direction: &str, task: &dyn Fn(&mp::Pool)| {
            let (mut inline, mut region) = (Vec::new(), Vec::new());
            for _ in 0..2001 {
                inline.push(timed(|| task(&frames)));
                region.push(timed(|| task(&kept)));
            }
            let (inline, region) = (median(inline), median(region));
            print(&format!("crossover: {kib} KiB {direction}, in a frame"), inline, None);
            print(&format!("crossover: {kib} KiB {direction}, in kept memory"), region, None);
        };
        if wanted("crossover") {
            both("argument", &|pool| assert_eq!(pool.apply(length, (vec![7; len],)), Ok(len)));
            both("result", &|pool| assert_eq!(pool.apply(zeros, (len,)).map(|bytes| bytes.len()), Ok(len)));
        }
    }
    Ok(())
}

/// `round` takes bytes of its own and gives its time; beside it, the copy of as many.
fn compare(name: &str, (len, rounds): (usize, usize), mut round: impl FnMut(Vec<u8>) -> Duration) {
    if !wanted(name) {
        return;
    }
    let (from, mut to) = (vec![7_u8; len], vec![0_u8; len]);
    let (mut copies, mut trips) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        copies.push(timed(|| black_box(&mut to).copy_from_slice(black_box(&from))));
        trips.push(round(from.clone()));
    }
    print(name, median(trips), Some(median(copies)));
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn print(name: &str, took: Duration, copy: Option<Duration>) {
    let micros = took.as_secs_f64() * 1e6;
    match copy {
        None => println!("{name}\t{micros:.1}"),
        Some(copy) => println!("{name}\t{micros:.1}\t{:.2}", took.as_secs_f64() / copy.as_secs_f64()),
    }
}

fn wanted(name: &str) -> bool {
    std::env::args().skip(1).find(|arg| !arg.starts_with('-')).is_none_or(|part| name.contains(&part))
}
