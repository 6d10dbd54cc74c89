//! A lazy map over an input without end in sight: items a second, and the supervisor's memory meanwhile.
//!
//! Does **not** judge. Prints a line now and then: seconds, items taken, MB resident.
//!
//! `cargo bench -p mp --bench lazy`: 100,000,000 items, or as many as 60 s allow. Other numbers: `-- ITEMS SECONDS`.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::time::{Duration, Instant};

const WORKERS: usize = 2;

/// After so many items the clock is looked at.
const LOOK: u64 = 1 << 14;

fn square(n: u64) -> u64 {
    n.wrapping_mul(n)
}

fn main() -> mp::Result<()> {
    mp::init();
    let mut numbers = std::env::args().filter_map(|arg| arg.parse().ok());
    let (items, seconds): (u64, u64) = (numbers.next().unwrap_or(100_000_000), numbers.next().unwrap_or(60));
    let pool = mp::Pool::new(WORKERS)?;
    let began = Instant::now();
    let (mut taken, mut sum, mut told) = (0, 0_u64, Duration::ZERO);
    println!("seconds\titems\tMB resident");
    for value in pool.imap_unordered(square, 0..items) {
        sum = sum.wrapping_add(value.expect("a square"));
        taken += 1;
        let elapsed = if taken % LOOK == 0 { began.elapsed() } else { continue };
        if elapsed >= told {
            tell(elapsed, taken);
            told = elapsed + Duration::from_secs(seconds.div_ceil(12));
        }
        if elapsed >= Duration::from_secs(seconds) {
            break;
        }
    }
    tell(began.elapsed(), taken);
    if taken == items {
        assert_eq!(sum, (0..items).map(square).fold(0, u64::wrapping_add), "each item once");
    }
    println!("µs an item\t{:.3}", began.elapsed().as_secs_f64() * 1e6 / taken as f64);
    Ok(())
}

fn tell(elapsed: Duration, taken: u64) {
    let resident = mp_sys::memory::resident(std::process::id()).unwrap_or(0);
    println!("{:.1}\t{taken}\t{:.1}", elapsed.as_secs_f64(), resident as f64 / 1e6);
}
