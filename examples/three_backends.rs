//! One program, unchanged, on processes, on threads and in the calling thread; it gives the same each time.
//!
//! $ cargo run --example three_backends
//!
//! ```python
//! # Python has a pool per backend, and none that runs in the caller:
//! for Pool in (multiprocessing.Pool, multiprocessing.pool.ThreadPool):
//!     with Pool(2) as pool:
//!         print(pool.map(square, range(1, 7)), pool.apply(divide, (7, 2)))
//! ```
//!
//! Values are encoded and decoded on all three, so a test on `Serial` finds what could not cross to a process.
//!
//! Does **not** show what only processes give: a crash that costs one task (`crash_isolation.rs`), and a time limit that
//! ends a task instead of leaving it behind.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use mp::{Backend, Failure, Pool};

fn square(n: i64) -> i64 {
    n * n
}

fn divide(dividend: i64, divisor: i64) -> Result<i64, String> {
    dividend.checked_div(divisor).ok_or_else(|| format!("{dividend} divided by {divisor}"))
}

fn root(n: i64) -> f64 {
    assert!(n >= 0, "{n} has no root");
    (n as f64).sqrt()
}

/// Everything that can be seen from outside, values and failures alike.
type Seen = (Vec<i64>, Result<i64, String>, Result<i64, String>, Vec<String>);

fn program(backend: Backend) -> Result<Seen, Box<dyn Error>> {
    let pool = Pool::builder().workers(2).backend(backend).build()?;
    let squares = pool.map(square, 1..=6)?;
    let half = pool.apply_async(divide, (7, 2))?;
    let nothing = pool.apply(divide, (7, 0))?; // the task's own error: a value like any other
    let roots = pool.map_outcomes(root, [16, -16, 25]);
    pool.join()?;
    Ok((squares, half.get()?, nothing, roots.into_iter().map(said).collect()))
}

fn said(outcome: Result<f64, Failure>) -> String {
    outcome.map_or_else(|failure| failure.to_string(), |value| value.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();
    let expected = program(Backend::Processes)?;
    println!("{expected:#?}");
    for backend in [Backend::Threads, Backend::Serial] {
        assert_eq!(program(backend)?, expected, "{backend:?} differs from Processes");
        println!("{backend:?} gives the same");
    }
    Ok(())
}
