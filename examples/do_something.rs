//! A list of 10,000,000 random floats, 10 times: one after another, on threads and on processes, with the times side by side.
//!
//! $ cargo run --release --example do_something
//!
//! And quicker, with shorter lists:
//!
//! $ cargo run --example do_something -- 100000
//!
//! ```python
//! def do_something(size):
//!     out = [random.random() for _ in range(size)]
//!
//! start = time.time()
//! for _ in range(10): do_something(10_000_000)
//! print("serial:", time.time() - start)
//! # and the same with ten threading.Thread, then with ten multiprocessing.Process
//! ```
//!
//! In Python the threads take as long as the serial run, or longer, since one lock keeps all but one of them waiting; only
//! processes gain. Rust has no such lock: threads gain as much, and what processes add is that a crash costs one task
//! and not the program. The original starts ten at a time; here ten tasks share as many workers as there are processors, so
//! that fewer lists (80 MB each) are in memory at once. Starting the workers is within the time, as in the original.
//!
//! Does **not** return the lists: to send 800 MB back would cost more than it takes to make them.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::{Duration, Instant};

use mp::{Backend, Pool};
use rand::Rng;

const TIMES: usize = 10;
const SIZE: usize = 10_000_000;

/// The mean of the list, so that it must have been made: about 0.5.
fn do_something(size: usize) -> f64 {
    let mut rng = rand::rng();
    let list: Vec<f64> = (0..size).map(|_| rng.random()).collect();
    list.iter().sum::<f64>() / list.len() as f64
}

fn timed(backend: Backend, size: usize) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    let pool = Pool::builder().backend(backend).build()?;
    let means = pool.map(do_something, [size; TIMES])?;
    let took = began.elapsed();
    assert!(means.iter().all(|mean| (0.0..1.0).contains(mean)), "random floats are from 0 to 1: {means:?}");
    Ok(took)
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();
    let size = std::env::args().nth(1).map_or(Ok(SIZE), |size| size.parse())?;

    println!("{TIMES} lists of {size} random floats, {} processors", mp::cpu_count());
    println!("{:>12} {:>12} {:>12}", "serial", "threads", "processes");
    let serial = timed(Backend::Serial, size)?;
    let threads = timed(Backend::Threads, size)?;
    let processes = timed(Backend::Processes, size)?;
    let seconds = [serial, threads, processes].map(|took| format!("{:.3} s", took.as_secs_f64()));
    println!("{:>12} {:>12} {:>12}", seconds[0], seconds[1], seconds[2]);
    Ok(())
}
