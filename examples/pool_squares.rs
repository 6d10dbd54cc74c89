//! The squares of 1 to 5: one after another in this process, then on a pool. Each line names the process that did it.
//!
//! $ cargo run --example pool_squares
//!
//! ```python
//! def square(n):
//!     print(f"Worker process id for {n}: {os.getpid()}")
//!     return n * n
//!
//! print([square(n) for n in range(1, 6)])
//! with multiprocessing.Pool() as pool:
//!     print(pool.map(square, range(1, 6)))
//! ```
//!
//! The workers' lines come in any order, and five tasks this short may all be done by the worker that is up first;
//! the list is in the order of the input.
//!
//! Does **not** show a gain: a square is cheaper than sending it. `do_something.rs` has work that is worth it.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

#[mp::task]
fn square(n: u64) -> u64 {
    println!("Worker process id for {n}: {}", std::process::id());
    n * n
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init(); // in a worker copy of this program it serves, and never returns

    println!("In this process, {}:", std::process::id());
    let squares: Vec<u64> = (1..=5).map(square).collect();
    println!("{squares:?}");

    let pool = mp::Pool::builder().build()?; // as many workers as there are processors
    println!("In a pool of processes:");
    println!("{:?}", pool.map(square, 1..=5)?);
    Ok(())
}
