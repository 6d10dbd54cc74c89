//! Large values, and what many tasks read.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! # Arguments and results
//!
//! A `Vec` of bytes or numbers, a `String`, or [`Bytes`](crate::Bytes) crosses in one copy each way when it is an argument or the result itself.
//! Inside a struct or a tuple serde goes through a `Vec<u8>` element by element; `Bytes` there does not. Memory for large values is kept, so
//! the second is faster than the first, and given back when it was not used for a second.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! let pool = mp::Pool::new(2)?;
//! let reversed = pool.apply(|mut bytes: Vec<u8>| { bytes.reverse(); bytes }, (vec![1; 1 << 20],))?;
//! assert_eq!(reversed.len(), 1 << 20);
//! # Ok(())
//! # }
//! ```
//!
//! # What many tasks read
//!
//! ```python
//! table = RawArray("d", 100_000)            # a global, made before the pool is: it cannot be an argument
//! ```
//!
//! What many tasks read is best not sent at all: [`Shared`](crate::Shared) is written once and then read by every worker where it
//! is, at the price of a descriptor, however large it is. Nobody can write it any more.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn sum(table: mp::Shared<[f64]>, from: usize, to: usize) -> f64 {
//!     table[from..to].iter().sum()
//! }
//!
//! let pool = mp::Pool::new(2)?;
//! let table = mp::Shared::from_vec((0..100_000).map(f64::from).collect())?;
//! let halves = [(0, 50_000), (50_000, 100_000)];
//! let sums = pool.starmap(sum, halves.map(|(from, to)| (table.clone(), from, to)))?;
//! assert_eq!(sums.iter().sum::<f64>(), 4_999_950_000.0);
//! # Ok(())
//! # }
//! ```
