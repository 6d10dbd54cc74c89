//! The ways to give a pool its work: `apply`, `map`, `apply_async` and `map_async`, on squares and cubes of 1 to 6.
//!
//! $ cargo run --example apply_and_map
//!
//! ```python
//! with multiprocessing.Pool(4) as pool:
//!     print([pool.apply(square, args=(x,)) for x in range(1, 7)])
//!     print(pool.map(square, range(1, 7)))
//!     results = [pool.apply_async(cube, args=(x,)) for x in range(1, 7)]
//!     print([p.get() for p in results])
//!     print(pool.map_async(cube, range(1, 7)).get())
//! ```
//!
//! All lists are in the order of the input, whichever worker was done first.
//!
//! Does **not** show failures (`crash_isolation.rs`) or results as they come (`imap_unordered`).

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use mp::{Failure, Pool};

fn square(x: u64) -> u64 {
    x * x
}

fn cube(x: u64) -> u64 {
    x * x * x
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mp::init();
    let pool = Pool::new(4)?;

    // One at a time: each call waits for its result, so the four workers take turns.
    let squares: Vec<u64> = (1..=6).map(|x| pool.apply(square, (x,))).collect::<Result<_, Failure>>()?;
    println!("{squares:?}");

    // All at once, and wait for all.
    println!("{:?}", pool.map(square, 1..=6)?);

    // All are under way before the first result is asked for.
    let handles: Vec<_> = (1..=6).map(|x| pool.apply_async(cube, (x,))).collect::<Result<_, _>>()?;
    let cubes: Vec<u64> = handles.into_iter().map(|handle| handle.get()).collect::<Result<_, Failure>>()?;
    println!("{cubes:?}");

    // The same with one claim for all of them; between the two, this thread is free.
    let handle = pool.map_async(cube, 1..=6)?;
    println!("{:?}", handle.get()?);
    Ok(())
}
