//! Four processes each put a random string of length 5 into a queue that all of them share.
//!
//! $ cargo run --example rand_string_queue
//!
//! ```python
//! def rand_string(length, output):
//!     output.put("".join(random.choice(string.ascii_letters + string.digits) for _ in range(length)))
//!
//! output = multiprocessing.Queue()
//! processes = [multiprocessing.Process(target=rand_string, args=(5, output)) for _ in range(4)]
//! for p in processes: p.start()
//! for p in processes: p.join()
//! print([output.get() for p in processes])
//! ```
//!
//! The strings come in the order in which they were put, which differs from run to run. Rust prints them in double
//! quotes, Python in single ones.
//!
//! Does **not** show a pool: here every task has a process of its own.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use mp::{Process, Queue};
use rand::distr::{Alphanumeric, SampleString};

fn rand_string(length: usize, output: Queue<String>) -> Result<(), String> {
    let string = Alphanumeric.sample_string(&mut rand::rng(), length);
    output.put(string).map_err(|error| error.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();

    let output = Queue::new()?;
    let processes: Vec<_> =
        (0..4).map(|_| Process::spawn(rand_string, (5, output.clone()))).collect::<mp::Result<_>>()?;
    for process in processes {
        process.join()??; // the outer ?: it crashed; the inner: its put was refused
    }
    let strings: Vec<String> = (0..4).map(|_| output.get()).collect::<mp::Result<_>>()?;
    println!("{strings:?}");
    Ok(())
}
