//! The guide: from the first task to what happens when one crashes.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! # A task
//!
//! A task is a plain function, or a closure that captures nothing, of 0 to 8 arguments. Arguments are given as a tuple, as in
//! Python's `args=(2, 10)`. Arguments and results cross to another process, so they are `Serialize` and `DeserializeOwned`.
//!
//! ```
//! fn power(base: u64, exponent: u32) -> u64 {
//!     base.pow(exponent)
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init(); // the first statement, always
//!     let pool = mp::Pool::new(2)?;
//!     assert_eq!(pool.apply(power, (2, 10))?, 1024);
//!     assert_eq!(pool.apply(|text: String| text.len(), ("hello".to_owned(),))?, 5);
//!     Ok(())
//! }
//! ```
//!
//! What the task needs, it is given: a closure that captures does not compile, nor does a function pointer.
//!
//! ```compile_fail,E0080
//! let factor = 3_u64;
//! let pool = mp::Pool::new(2)?;
//! let tripled = pool.apply(move |n: u64| n * factor, (7,))?; // give it as an argument: (7, factor)
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Entering
//!
//! A worker is a copy of your program: the same executable, started anew, with [`mp::init`](crate::init) at the start of
//! `main` as the fork in the road. In the program it returns; in a worker it serves and never does. What `main` did before it
//! would be done in every worker as well. [`#[mp::main]`](crate::main) writes it for you:
//!
//! ```
//! #[mp::main]
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let pool = mp::Pool::new(2)?;
//!     assert_eq!(pool.map(|n: u64| n * n, 1..=3)?, [1, 4, 9]);
//!     Ok(())
//! }
//! ```
//!
//! Tests have no `main`; one [`mp::test_support!()`](crate::test_support) per test binary does it there. In `harness = false`
//! benches and examples it is `mp::init()` again.
//!
//! # A pool
//!
//! | call | gives |
//! |---|---|
//! | [`apply`](crate::Pool::apply) | one result, waits |
//! | [`apply_async`](crate::Pool::apply_async) | a claim on one result: `get`, `get_timeout`, `cancel`, `.await` |
//! | [`map`](crate::Pool::map), [`starmap`](crate::Pool::starmap) | all results in the order of the input, or the first failure |
//! | [`map_outcomes`](crate::Pool::map_outcomes) | every item's own outcome |
//! | [`map_async`](crate::Pool::map_async) | a claim on all of them |
//! | [`imap`](crate::Pool::imap), [`imap_unordered`](crate::Pool::imap_unordered) | an iterator; reads its input lazily |
//! | [`close`](crate::Pool::close), [`join`](crate::Pool::join) | no more tasks; wait for the end |
//! | [`terminate`](crate::Pool::terminate), drop | now |
//!
//! ```
//! # fn cube(n: u64) -> u64 { n * n * n }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! let pool = mp::Pool::builder().workers(2).name("cubes").build()?;
//! let handles: Vec<_> = (1..=6).map(|n| pool.apply_async(cube, (n,))).collect::<Result<_, _>>()?;
//! let cubes: Vec<u64> = handles.into_iter().map(|handle| handle.get()).collect::<Result<_, _>>()?;
//! assert_eq!(cubes, [1, 8, 27, 64, 125, 216]);
//!
//! let endless = 0..;
//! let first: Vec<u64> = pool.imap(|n: u64| n + 1, endless).take(3).collect::<Result<_, _>>()?;
//! assert_eq!(first, [1, 2, 3]);
//! # Ok(())
//! # }
//! ```
//!
//! # One final word on every task
//!
//! A task that was accepted ends in its value or in exactly one [`Failure`](crate::Failure), whatever happens, and the
//! failure says which task, which worker, which process and why. One crash costs one task: the worker is replaced, what had
//! finished keeps its value, what had not begun runs elsewhere.
//!
//! ```
//! use mp::{Failure, WorkerExit};
//!
//! fn fragile(n: u64) -> u64 {
//!     if n == 3 { std::process::abort() }
//!     n
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! let pool = mp::Pool::new(2)?;
//! let outcomes = pool.map_outcomes(fragile, 0..6);
//! assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
//! match outcomes[3].as_ref().expect_err("3 aborts") {
//!     Failure::Lost { exit: WorkerExit::Signaled { signal, .. }, .. } => assert_eq!(*signal, 6), // SIGABRT
//!     other => panic!("{other}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A function that returns `Result` is a task like any other: its `Err` is a value. Time limits, retries and cancelling have a page:
//! [`failures`].
//!
//! # Processes and queues
//!
//! [`Process`](crate::Process) is one worker for one task; [`Queue`](crate::Queue) is many-to-many between processes, can
//! be an argument, and is harmed by no process that is killed. Joining before reading never deadlocks.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn greet(name: String, queue: mp::Queue<String>) {
//!     queue.put(format!("hello from {name}")).expect("there is memory");
//! }
//!
//! let queue = mp::Queue::<String>::new()?;
//! let processes = (0..4)
//!     .map(|n| mp::Process::spawn(greet, (format!("process {n}"), queue.clone())))
//!     .collect::<mp::Result<Vec<_>>>()?;
//! for process in processes {
//!     process.join()?;
//! }
//! let greetings = (0..4).map(|_| queue.get()).collect::<mp::Result<Vec<_>>>()?;
//! assert_eq!(greetings.len(), 4);
//! # Ok(())
//! # }
//! ```
//!
//! # How much waits, and what is first
//!
//! A pool takes any number of tasks, unless it is [bounded](crate::PoolBuilder::max_queued): then to submit waits for room, and
//! [`try_submit`](crate::Pool::try_submit) says that there is none. A task can be
//! [more urgent](crate::TaskBuilder::priority) than others. How long tasks waited and ran, and how busy the workers were, is in the
//! [`stats`](crate::Pool::stats).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! let pool = mp::Pool::builder().workers(2).max_queued(100).build()?;
//! let urgent = pool.task(|n: u64| n * n, (7,)).priority(1).try_submit()?;
//! assert_eq!(urgent.get()?, 49);
//! let stats = pool.stats();
//! assert!(stats.wait_times.percentile(99.0).is_some());
//! assert!(stats.run_times.percentile(99.0).is_some() && stats.utilization() <= 1.0);
//! # Ok(())
//! # }
//! ```
//!
//! # Processes, threads, or none
//!
//! The same program runs on each [`Backend`](crate::Backend), with the same results and errors: processes for isolation,
//! threads as the baseline to measure against, serial to debug. What threads cannot do: be ended, or survive a crash.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! for backend in [mp::Backend::Processes, mp::Backend::Threads, mp::Backend::Serial] {
//!     let pool = mp::Pool::builder().workers(2).backend(backend).build()?;
//!     assert_eq!(pool.map(|n: u64| n * n, 1..=6)?, [1, 4, 9, 16, 25, 36]);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it costs
//!
//! A task crosses two sockets: its arguments are encoded, copied into the kernel, out of it, decoded; its result the same way
//! back. That is some tens of microseconds for one `apply`, and about one for a task among many that wait. Work worth
//! sending takes longer than that. `docs/BENCHMARKS.md` has the figures, with the command.
//!
//! `mpctl measure` tells for a machine from which task on workers beat one thread, and `mpctl measure --task` for a task; the crate
//! `mp-measure` does it in a program (`examples/measure_own_task.rs`). `docs/MEASURE.md` says how each number is obtained.
//!
//! # Further pages
//!
//! | page | what |
//! |---|---|
//! | [`failures`] | a task that crashes, runs too long, is tried again, is cancelled |
//! | [`start`] | how workers start; initializer and finalizer; more workers, fewer, fresh ones |
//! | [`workers`] | states that are lent to tasks, objects sent once; progress; insights and a timeline; where workers run; one pool for the program |
//! | [`output`] | what workers print, and their `tracing` events |
//! | [`values`] | large arguments and results, and memory that is written once and read by all |
//! | [`process`] | one function in a process, other programs, the first of several |
//! | [`comms`] | queues, pipes, connections and managers |
//! | [`sync`] | locks and what else processes wait for, and memory that they share |

pub mod comms;
pub mod failures;
pub mod output;
pub mod process;
pub mod start;
pub mod sync;
pub mod values;
pub mod workers;
