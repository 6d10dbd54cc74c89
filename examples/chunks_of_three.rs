//! Five workers map a list in chunks of three: a chunk is what a worker is given at a time.
//!
//! $ cargo run --example chunks_of_three
//!
//! ```python
//! def squares(chunk):
//!     return [n * n for n in chunk]
//!
//! data = list(range(1, 16))
//! chunks = [data[i:i + 3] for i in range(0, len(data), 3)]
//! with multiprocessing.Pool(5) as pool:
//!     print(pool.map(squares, chunks))
//! ```
//!
//! Whichever worker does which chunk, the lists come in the order of the chunks.
//!
//! Does **not** show Python's `chunksize=3`, which only says how items travel: `Pool::map` packs short tasks by itself.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

fn squares(chunk: Vec<u64>) -> Vec<u64> {
    chunk.into_iter().map(|n| n * n).collect()
}

#[mp::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data: Vec<u64> = (1..=15).collect();
    let pool = mp::Pool::new(5)?;
    let chunks = data.chunks(3).map(<[u64]>::to_vec);
    println!("{:?}", pool.map(squares, chunks)?);
    Ok(())
}
