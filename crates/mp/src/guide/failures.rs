//! Tasks that crash, hang, or are not wanted any more: what becomes of them, beside what becomes of them in Python.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! # A worker that dies
//!
//! ```python
//! with multiprocessing.Pool(2) as pool:
//!     pool.apply(os.abort)                  # hangs for ever: nobody tells the pool
//! ```
//!
//! Here that task ends in [`Failure::Lost`](crate::Failure), which says which worker and process it was and what ended it; the
//! worker is replaced, and the other tasks go on. A panic costs no worker at all.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn crashes() {
//!     std::process::abort()
//! }
//! fn unlucky(n: u64) -> u64 {
//!     panic!("{n} is no lucky number")
//! }
//!
//! let pool = mp::Pool::new(2)?;
//! assert!(matches!(pool.apply(crashes, ()), Err(mp::Failure::Lost { .. })));
//! assert!(matches!(pool.apply(unlucky, (13,)), Err(mp::Failure::Panicked { .. })));
//! assert_eq!(pool.stats().deaths, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # A time limit
//!
//! ```python
//! pool.apply_async(forever).get(timeout=0.05)   # TimeoutError; the task goes on, and keeps its worker
//! ```
//!
//! A task that runs longer than its limit is ended, by force if it must be. The clock starts when the task does:
//!
//! ```
//! # use std::time::Duration;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn forever() {
//!     loop { std::hint::spin_loop() }
//! }
//!
//! let pool = mp::Pool::builder().workers(1).timeout(Duration::from_secs(1)).build()?;
//! assert!(matches!(pool.apply(forever, ()), Err(mp::Failure::TimedOut { .. })));
//! assert_eq!(pool.apply(|n: u64| n + 1, (1,))?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # To try again
//!
//! `.retries(n)` on the builder has tasks tried again that were lost or ran too long; never those that panicked. A
//! [`Retry`](crate::Retry) says it by cause, and with pauses; [`pool.task`](crate::Pool::task) says it for one task:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! use std::time::Duration;
//!
//! fn shaky() -> u32 {
//!     let attempt = mp::current_worker().expect("a task runs in a worker").attempt;
//!     assert!(attempt > 2, "not yet");
//!     attempt
//! }
//!
//! let pool = mp::Pool::new(1)?;
//! let pauses = (Duration::from_millis(10), Duration::from_secs(1));
//! let retry = mp::Retry::times(5).panicked(true).backoff(pauses.0, 2, pauses.1);
//! let handle = pool.task(shaky, ()).retry(retry).timeout(Duration::from_secs(9)).name("shaky one").submit()?;
//! assert_eq!(handle.get()?, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # To look up from the work
//!
//! [`mp::deadline`](crate::deadline) is when a task will be ended, [`mp::is_cancelled`](crate::is_cancelled)
//! whether somebody does not want it any more. One that has asked is given the pool's grace to return by itself, and its worker
//! goes on; one that never asked is ended at once.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn count(started: mp::Queue<()>) -> u64 {
//!     let mut steps = 0;
//!     while !mp::is_cancelled() {
//!         steps += 1;
//!         if steps == 1 {
//!             started.put(()).expect("there is memory");
//!         }
//!     }
//!     steps
//! }
//!
//! let pool = mp::Pool::new(1)?;
//! let started = mp::Queue::new()?;
//! let handle = pool.apply_async(count, (started.clone(),))?;
//! started.get()?;
//! handle.cancel();
//! assert!(handle.get()? >= 1);
//! # Ok(())
//! # }
//! ```
