//! How workers start, what they do first and last, and when there are more or fewer of them.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! # How workers start
//!
//! ```python
//! multiprocessing.set_start_method("forkserver")
//! multiprocessing.set_forkserver_preload(["words"])     # a module, by its name
//! ```
//!
//! By default a worker is your program executed anew. [`StartMethod::ForkServer`](crate::StartMethod) has a copy of your program
//! that does nothing else fork the workers: they start faster, take a fraction of the memory, and share what
//! [`preload`](crate::PoolBuilder::preload) has loaded once, without a copy for each, those that replace a dead one included.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! static WORDS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
//!
//! fn load(text: String) {
//!     WORDS.set(text.split(' ').map(str::to_owned).collect()).expect("it is loaded once");
//! }
//! fn word(n: usize) -> Option<String> {
//!     WORDS.get()?.get(n).cloned()
//! }
//!
//! let pool = mp::Pool::builder().workers(2).preload(load, ("loaded only once".to_owned(),)).build()?;
//! assert_eq!(pool.apply(word, (2,))?.as_deref(), Some("once"));
//! # Ok(())
//! # }
//! ```
//!
//! A copy is a copy: what must differ between workers and lives in a static is renewed by a function given to
//! [`after_fork`](crate::after_fork). Thread-locals need none (`rand::rng()`, the keys of a `HashMap`): each worker has its own.
//!
//! # What a worker does first, and last
//!
//! ```python
//! pool = Pool(2, initializer=load, initargs=("tiny",))  # load raises: workers are started for ever, and a task hangs
//! ```
//!
//! An [`initializer`](crate::PoolBuilder::initializer) runs once in each worker before its first task, also in one that replaces
//! another; a [`finalizer`](crate::PoolBuilder::finalizer) after its last. Either returns `()` or a `Result`. An initializer that
//! keeps failing stops the pool, and every handle says why.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! static MODEL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
//!
//! fn load(name: String) -> Result<(), String> {
//!     MODEL.set(name).map_err(|name| format!("{name} was loaded before"))
//! }
//!
//! let pool = mp::Pool::builder().workers(2).initializer(load, ("tiny".to_owned(),)).build()?;
//! assert_eq!(pool.apply(|| MODEL.get().cloned(), ())?.as_deref(), Some("tiny"));
//!
//! let broken = mp::Pool::builder().workers(1).restart_limit(1, std::time::Duration::from_secs(60));
//! let broken = broken.initializer(|| Err::<(), _>("no model here".to_owned()), ()).build()?;
//! let failure = broken.apply(|n: u64| n, (1,)).expect_err("no worker gets ready");
//! assert!(failure.to_string().contains("no model here"));
//! # Ok(())
//! # }
//! ```
//!
//! What it leaves need not be in statics: [`workers`](super::workers) has states that are lent to tasks, and objects that each
//! worker is sent once.
//!
//! # More workers, fewer, fresh ones
//!
//! ```python
//! pool = Pool(1, maxtasksperchild=100)                  # as many as at first, for ever
//! ```
//!
//! A pool can be [resized](crate::Pool::resize) while it works: who is too many finishes what it runs, and what it had not begun is
//! run by the others. With an [`idle_timeout`](crate::PoolBuilder::idle_timeout) workers end while there is nothing to do. Tasks that
//! leak are met with [`max_worker_memory`](crate::PoolBuilder::max_worker_memory) or
//! [`max_tasks_per_worker`](crate::PoolBuilder::max_tasks_per_worker): the worker is replaced between two tasks, and that is no crash.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! let pool = mp::Pool::builder().workers(1).max_worker_memory(1 << 30).max_tasks_per_worker(100).build()?;
//! pool.resize(3)?;
//! assert_eq!(pool.map(|n: u64| n + 1, 0..1000)?.len(), 1000);
//! assert_eq!(pool.stats().deaths, 0);
//! pool.shutdown(mp::Shutdown::Stop); // what runs may end, what waits will not begin
//! pool.join()?;
//! # Ok(())
//! # }
//! ```
