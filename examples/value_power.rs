//! `value**value - 1` for 1 to 4 on a pool, by `apply`, by `map` and by `apply_async`: three times `[0, 3, 26, 255]`.
//!
//! $ cargo run --example value_power
//!
//! ```python
//! def power(value):
//!     return value**value - 1
//!
//! with multiprocessing.Pool(4) as pool:
//!     print([pool.apply(power, (value,)) for value in range(1, 5)])
//!     print(pool.map(power, range(1, 5)))
//!     print([r.get() for r in [pool.apply_async(power, (value,)) for value in range(1, 5)]])
//! ```
//!
//! The article that this program goes back to shows another list as its output. That is a mistake there: 1 - 1,
//! 4 - 1, 27 - 1 and 256 - 1 are 0, 3, 26 and 255, here as in Python.
//!
//! Does **not** guard against overflow: a larger value panics, and the panic is that task's `Failure`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use mp::{Failure, Pool};

fn power(value: u32) -> u32 {
    value.pow(value) - 1
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mp::init();
    let pool = Pool::new(4)?;

    let applied: Vec<u32> = (1..=4).map(|value| pool.apply(power, (value,))).collect::<Result<_, Failure>>()?;
    println!("apply:       {applied:?}");

    println!("map:         {:?}", pool.map(power, 1..=4)?);

    let handles: Vec<_> = (1..=4).map(|value| pool.apply_async(power, (value,))).collect::<Result<_, _>>()?;
    let results: Vec<u32> = handles.into_iter().map(|handle| handle.get()).collect::<Result<_, Failure>>()?;
    println!("apply_async: {results:?}");
    Ok(())
}
