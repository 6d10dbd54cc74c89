//! A long list sorted in parallel: cut into pieces, each sorted by a worker, and merged here.
//!
//! $ cargo run --example parallel_sort -- 200000
//!
//! ```python
//! def parallel_sort(data, workers):
//!     size = -(-len(data) // workers)
//!     pieces = [data[i:i + size] for i in range(0, len(data), size)]
//!     with multiprocessing.Pool(workers) as pool:
//!         return list(heapq.merge(*pool.map(sorted, pieces)))
//!
//! data = [random.randrange(1_000_000) for _ in range(1_000_000)]
//! result = parallel_sort(data, 4)
//! print(result[:5], result[-5:], result == sorted(data))
//! ```
//!
//! Does **not** beat `slice::sort`: every number travels to a worker and back, which costs about what sorting it does. It is
//! here for its shape, which pays when the work on a piece is more than a sort.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use mp::{Failure, Pool};
use rand::Rng;

const LENGTH: usize = 1_000_000;
const WORKERS: usize = 4;

fn sorted(mut piece: Vec<u32>) -> Vec<u32> {
    piece.sort();
    piece
}

fn parallel_sort(pool: &Pool, data: &[u32]) -> Result<Vec<u32>, Failure> {
    let size = data.len().div_ceil(WORKERS).max(1);
    let pieces = pool.map(sorted, data.chunks(size).map(<[u32]>::to_vec))?;
    // Rust's stable sort looks for runs that are in order already: on sorted pieces, end to end, it only merges them.
    Ok(sorted(pieces.concat()))
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();
    let length = std::env::args().nth(1).map_or(Ok(LENGTH), |length| length.parse())?;
    let mut rng = rand::rng();
    let data: Vec<u32> = (0..length).map(|_| rng.random_range(0..1_000_000)).collect();

    let pool = Pool::new(WORKERS)?;
    let began = Instant::now();
    let result = parallel_sort(&pool, &data)?;
    let parallel = began.elapsed();

    let began = Instant::now();
    let expected = sorted(data);
    let serial = began.elapsed();

    println!("{:?} .. {:?}", &result[..result.len().min(5)], &result[result.len().saturating_sub(5)..]);
    println!("{length} numbers, as sorted() has them: {}", result == expected);
    println!("{WORKERS} workers {parallel:.1?}, sorted() {serial:.1?}");
    assert_eq!(result, expected);
    Ok(())
}
