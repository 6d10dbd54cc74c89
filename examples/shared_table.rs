//! A table of ten million numbers that every worker reads where it is: written once, sent as a descriptor, never copied.
//!
//! $ cargo run --release --example shared_table
//!
//! ```python
//! memory = shared_memory.SharedMemory(create=True, size=table.nbytes)
//! numpy.ndarray(table.shape, table.dtype, buffer=memory.buf)[:] = table
//! with multiprocessing.Pool() as pool:
//!     print(sum(pool.starmap(part, [(memory.name, a, b) for a, b in parts])))
//! memory.close(); memory.unlink()          # or it stays in /dev/shm
//! ```
//!
//! Here there is no name to pass, nothing to unlink, and nobody can write what others read.
//!
//! Does **not** need it for tables of some kilobytes: as plain arguments they cross as fast.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

const COUNT: usize = 10_000_000;
const PARTS: usize = 8;

#[mp::task]
fn part(table: mp::Shared<[u64]>, from: usize, to: usize) -> u64 {
    table[from..to].iter().sum()
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();
    let table = mp::Shared::<[u64]>::build(COUNT, |to| (0..).zip(to).for_each(|(n, to)| *to = n))?;
    let pool = mp::Pool::new(mp::cpu_count())?;
    let each = COUNT / PARTS;
    let sums = pool.starmap(part, (0..PARTS).map(|n| (table.clone(), n * each, (n + 1) * each)))?;
    println!("sums of {PARTS} parts: {sums:?}");
    println!("sum: {}", sums.iter().sum::<u64>());
    Ok(())
}
