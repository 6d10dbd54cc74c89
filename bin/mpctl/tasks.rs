//! The built-in tasks: small, but each says something about what workers can do.
//!
//! Do **not** know where they run.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};

/// A random string of letters and digits.
#[mp::task(length = 5)]
fn rand_string(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// A random number, at least `low` and at most `high`.
#[mp::task]
fn rand_number(low: i64, high: i64) -> i64 {
    assert!(low <= high, "low is {low}, above high, which is {high}");
    rand::rng().random_range(low..=high)
}

/// n * n.
#[mp::task]
fn square(n: i64) -> i64 {
    n.checked_mul(n).unwrap_or_else(|| panic!("{n} squared is beyond 64 bits"))
}

/// n * n * n.
#[mp::task]
fn cube(n: i64) -> i64 {
    n.checked_pow(3).unwrap_or_else(|| panic!("{n} cubed is beyond 64 bits"))
}

/// The base to the power of the exponent.
#[mp::task]
fn power(base: i64, exponent: u32) -> i64 {
    base.checked_pow(exponent).unwrap_or_else(|| panic!("{base} to the power of {exponent} is beyond 64 bits"))
}

/// Draws so many random numbers between 0 and 1 into a list, and returns their sum.
#[mp::task(size = 1_000_000)]
fn do_something(size: usize) -> f64 {
    let mut rng = rand::rng();
    let list: Vec<f64> = (0..size).map(|_| rng.random()).collect();
    list.iter().sum()
}

/// The list in order. Map it over pieces of a long one: each worker sorts its own.
#[mp::task]
fn parallel_sort(mut list: Vec<f64>) -> Vec<f64> {
    list.sort_by(f64::total_cmp);
    list
}

/// Sleeps for so many milliseconds, and returns them.
#[mp::task(ms = 100)]
fn sleep_ms(ms: u64) -> u64 {
    let begun = Instant::now();
    for done in (0..ms).step_by(100) {
        mp::progress((done, ms));
        let until = Duration::from_millis(ms.min(done.saturating_add(100)));
        std::thread::sleep(until.saturating_sub(begun.elapsed()));
    }
    ms
}
