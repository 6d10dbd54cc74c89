//! What a worker has around its tasks: a state, shared objects, what all workers are told, who wants to know how far a task is and
//! where the time went, where it runs, a pool for all.
//!
//! Does **not** tell how tasks are run: [the guide](super) does.
//!
//! # A state
//!
//! What takes long to make, and is used by every task (a connection, a model, a cache), is made once in each worker and
//! lent to each task: [`state`](crate::PoolBuilder::state), or [`try_state`](crate::PoolBuilder::try_state) for what can fail. A
//! task of such a [`StatePool`](crate::StatePool) takes `&mut S` before its arguments, and that it is the right one is checked when the program
//! is compiled. The state crosses nowhere, so it may be what cannot be serialized or sent to another thread. Python does
//! this with globals:
//!
//! ```python
//! def make(path):                            # Python
//!     global words
//!     words = load(path)
//!
//! with multiprocessing.Pool(2, initializer=make, initargs=(path,)) as pool: ...
//! ```
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! struct Cache {
//!     squares: std::collections::HashMap<u64, u64>,
//!     misses: u64,
//! }
//!
//! fn make(first: u64) -> Cache {
//!     Cache { squares: [(first, first * first)].into(), misses: 0 }
//! }
//!
//! fn square(cache: &mut Cache, n: u64) -> u64 {
//!     let Cache { squares, misses } = cache;
//!     *squares.entry(n).or_insert_with(|| {
//!         *misses += 1;
//!         n * n
//!     })
//! }
//!
//! let pool = mp::Pool::builder().workers(1).state(make, (3,)).build()?;
//! assert_eq!(pool.map(square, [3, 4, 3, 4])?, [9, 16, 9, 16]);
//! assert_eq!(pool.apply(|cache: &mut Cache| cache.misses, ())?, 1);
//!
//! // After a panic nobody knows how far it had got: the next task has a new one.
//! assert!(pool.apply(|_: &mut Cache| -> u64 { panic!("half done") }, ()).is_err());
//! assert_eq!(pool.apply(|cache: &mut Cache| cache.squares.len(), ())?, 1);
//!
//! // Tasks that need none of it:
//! assert_eq!(pool.plain().apply(|n: u64| n + 1, (1,))?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Shared objects
//!
//! What every task reads and none changes is sent to each worker once, with [`shared`](crate::PoolBuilder::shared), instead of with each task. It
//! is found by its type. mpire: `shared_objects`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! # use std::collections::HashMap;
//! fn count(word: String) -> u32 {
//!     mp::shared::<HashMap<String, u32>>().get(&word).copied().unwrap_or(0)
//! }
//!
//! let counts = HashMap::from([("mp".to_owned(), 3_u32)]);
//! let pool = mp::Pool::builder().workers(2).shared(&counts).build()?;
//! assert_eq!(pool.map(count, ["mp", "gil"].map(str::to_owned))?, [3, 0]);
//! # Ok(())
//! # }
//! ```
//!
//! | | for | decoded | memory |
//! |---|---|---|---|
//! | an argument | what differs from task to task | by each task | while it runs |
//! | [`PoolBuilder::shared`](crate::PoolBuilder::shared) | any serializable value that all tasks read | once by each worker | one for each worker |
//! | [`Shared<[T]>`](crate::Shared), as an argument or within a shared object | plain data | never | one for all |
//!
//! # One task for every worker
//!
//! [`broadcast`](crate::Pool::broadcast) has each worker run a task once: to load a model anew, empty a cache, look into each. What is
//! submitted after it finds what it has done: no worker runs a later task before it. A worker that dies before or in it gives
//! [`Failure::Lost`](crate::Failure::Lost), and the one that replaces it makes its state by itself. Python's `Pool` has nothing like it,
//! and a barrier in as many tasks as there are workers hangs when one of them dies; rayon has `broadcast`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn set(factor: &mut u64, new: u64) -> u64 {
//!     std::mem::replace(factor, new)
//! }
//!
//! let pool = mp::Pool::builder().workers(3).state(|| 1_u64, ()).build()?;
//! let told = pool.broadcast(set, (10,))?;
//! assert_eq!(pool.map(|factor: &mut u64, n: u64| *factor * n, 1..=4)?, [10, 20, 30, 40]);
//! for (worker, before) in told.outcomes() {
//!     assert_eq!(before?, 1, "worker {worker}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How far a task has come
//!
//! A task that takes long says how far it is by [`progress`](crate::progress): a number, a pair, a text, a struct. Its handle has
//! the latest ([`TaskHandle::progress`](crate::TaskHandle::progress)), or brings it to a callback
//! ([`on_progress`](crate::TaskHandle::on_progress)); a pool has that of all that run ([`Pool::progress`](crate::Pool::progress)). It lies in shared
//! memory: to say it takes no system call and waits for nobody, and what nobody reads is overwritten. `mpctl apply` and `mpctl map` show
//! pairs of `u64` (done, of how many) in their bar.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn walk(steps: u64, half: mp::Queue<()>, go: mp::Queue<()>) -> Result<(), String> {
//!     for done in 1..=steps {
//!         mp::progress((done, steps));
//!         if done == steps / 2 {
//!             half.put(()).map_err(|error| error.to_string())?;
//!             go.get().map_err(|error| error.to_string())?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let (half, go) = (mp::Queue::new()?, mp::Queue::new()?);
//! let pool = mp::Pool::new(1)?;
//! let handle = pool.apply_async(walk, (10, half.clone(), go.clone()))?;
//! half.get()?;
//! assert_eq!(handle.progress(), Some((5_u64, 10_u64)));
//! go.put(())?;
//! handle.get()??;
//! # Ok(())
//! # }
//! ```
//!
//! # Where the time went
//!
//! A pool that was built with [`insights`](crate::PoolBuilder::insights) keeps books: how long the workers took to start, in their
//! initializer, how long they waited, worked and took to end, and which tasks were slowest, with their arguments. So one sees whether there
//! are too many workers, too few, or tasks too small to be sent. `mpctl map --insights` prints them.
//!
//! ```python
//! with WorkerPool(n_jobs=4, enable_insights=True) as pool:      # Python: mpire
//!     pool.map(thumbnail, paths)
//!     pool.print_insights()
//! ```
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn nap(ms: u64) {
//!     std::thread::sleep(std::time::Duration::from_millis(ms)); // sleep: so that one task is slower than the others
//! }
//!
//! let pool = mp::Pool::builder().workers(2).insights(true).build()?;
//! pool.map(nap, [1, 1, 500, 1])?;
//! pool.join()?;
//! let insights = pool.insights().ok_or("it keeps books")?;
//! println!("{insights}");
//! assert_eq!(insights.slowest[0].args.as_deref(), Some("(500)"));
//! assert!(insights.workers.iter().all(|worker| worker.run <= worker.work));
//! # Ok(())
//! # }
//! ```
//!
//! Counts, and how long tasks ran and waited, as histograms, every pool has without being told: [`stats`](crate::Pool::stats).
//!
//! # A timeline
//!
//! A [`Trace`](crate::Trace) records when each task was encoded, waited, crossed, ran and came back, or how it failed; written to a file, it
//! opens at `ui.perfetto.dev` or in `chrome://tracing`, with a lane for each worker, also one that has died, and for each calling thread.
//! Several pools and processes can have the same one. [`Trace::write`](crate::Trace::write) says what is drawn how. On the command line:
//! `mpctl map --trace FILE`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn reciprocal(n: u64) -> u64 {
//!     1000 / n // panics for 0
//! }
//!
//! let trace = mp::Trace::new();
//! let pool = mp::Pool::builder().workers(2).trace(&trace).build()?;
//! let outcomes = pool.map_outcomes(reciprocal, [1, 0, 2]);
//! assert!(outcomes[1].is_err());
//! pool.join()?; // what runs is recorded when it is over
//! let mut file = Vec::new(); // or trace.save("timeline.json")?
//! trace.write(&mut file)?;
//! assert_eq!(trace.tasks(), 3);
//! assert!(String::from_utf8(file)?.contains("reciprocal (panicked)"));
//! # Ok(())
//! # }
//! ```
//!
//! # Where it runs
//!
//! Workers can be [nicer](crate::PoolBuilder::nice) than the program, and be [pinned](crate::PoolBuilder::pin_workers) to
//! processors. Thread pools within them (rayon, tokio, OpenMP, BLAS ..) are told to take each worker's share of the processors, unless
//! the environment says otherwise ([`inner_threads`](crate::PoolBuilder::inner_threads)). On the command line: `mpctl map --nice 10 --pin`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! let pool = mp::Pool::builder().workers(2).nice(5).pin_workers(true).inner_threads(1).build()?;
//! let threads = pool.apply(|| std::thread::available_parallelism().map_or(0, usize::from), ())?;
//! assert_eq!(threads, 1, "it is pinned to one processor");
//! # Ok(())
//! # }
//! ```
//!
//! # One pool for the program
//!
//! Who needs workers now and then, in many places, need not hand a pool through all of them: [`mp::pool()`](crate::pool) is made at its
//! first use, with a worker for each processor (or as [`set_pool`](crate::set_pool) says), and made again when it has ended. Within a worker it runs
//! tasks in the calling thread, so that code which uses it can be called from tasks; a task that wants workers of its own builds a pool.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn squares(numbers: Vec<u64>) -> Result<Vec<u64>, String> {
//!     let pool = mp::pool().map_err(|error| error.to_string())?;
//!     pool.map(|n: u64| n * n, numbers).map_err(|failure| failure.to_string())
//! }
//!
//! mp::set_pool(mp::Pool::builder().workers(2));
//! assert_eq!(squares(vec![1, 2, 3])?, [1, 4, 9]); // on workers
//! assert_eq!(mp::pool()?.apply(squares, (vec![4, 5],))??, [16, 25]); // within one
//! # Ok(())
//! # }
//! ```
