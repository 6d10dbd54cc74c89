//! Ten processes, each of which prints a random number from 1 to 101.
//!
//! $ cargo run --example rand_number_processes
//!
//! ```python
//! def rand_number(low, high):
//!     print(random.randint(low, high))
//!
//! processes = [multiprocessing.Process(target=rand_number, args=(1, 101)) for _ in range(10)]
//! for p in processes: p.start()
//! for p in processes: p.join()
//! ```
//!
//! As in Python, `randint`'s bounds both belong to the range, the lines come in any order, and numbers may repeat. Unlike in
//! Python, the process's result comes back when it is joined, so that the last line can say how many there were.
//!
//! Does **not** bound how many run at a time: ten tasks on as many workers as there are processors is `Pool::map`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use mp::{Failure, Process};
use rand::Rng;

fn rand_number(low: u32, high: u32) -> u32 {
    let number = rand::rng().random_range(low..=high);
    println!("{number}");
    number
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mp::init();
    let processes: Vec<_> = (0..10).map(|_| Process::spawn(rand_number, (1, 101))).collect::<mp::Result<_>>()?;
    let numbers: Vec<u32> = processes.into_iter().map(Process::join).collect::<Result<_, Failure>>()?;
    assert!(numbers.iter().all(|number| (1..=101).contains(number)), "{numbers:?}");
    println!("{} numbers from {} processes", numbers.len(), numbers.len());
    Ok(())
}
