//! A hundred tasks, one of which aborts its process: 99 values, and one failure that names signal and pid.
//!
//! $ cargo run --example crash_isolation
//!
//! ```python
//! def square(n):
//!     if n == 42:
//!         os.abort()
//!     return n * n
//!
//! with multiprocessing.Pool(4) as pool:
//!     print(pool.map(square, range(100)))     # never returns: the worker is replaced, its task is forgotten
//! # concurrent.futures.ProcessPoolExecutor raises BrokenProcessPool, and takes no more tasks
//! ```
//!
//! Does **not** show retries, which would try the task again on another worker (`PoolBuilder::retries`), or panics: a task
//! that panics costs no worker at all.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use mp::{Failure, Pool, WorkerExit};

fn square(n: u64) -> u64 {
    if n == 42 {
        std::process::abort();
    }
    n * n
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mp::init();
    let pool = Pool::new(4)?;

    let (mut values, mut failures) = (Vec::new(), Vec::new());
    for (n, outcome) in (0..).zip(pool.map_outcomes(square, 0..100)) {
        match outcome {
            Ok(value) => values.push((n, value)),
            Err(failure) => failures.push((n, failure)),
        }
    }
    assert!(values.iter().all(|(n, value)| n * n == *value), "{values:?}");
    println!("{} values, {} failure", values.len(), failures.len());
    for (n, failure) in &failures {
        println!("{n}: {failure}");
        if let Failure::Lost { exit: WorkerExit::Signaled { signal, .. }, pid, .. } = failure {
            println!("{n}: signal {signal}, pid {pid}");
        }
    }

    // The pool goes on: the worker that died has been replaced, and nothing else was lost.
    println!("afterwards 7 * 7 = {}", pool.apply(square, (7,))?);
    Ok(())
}
