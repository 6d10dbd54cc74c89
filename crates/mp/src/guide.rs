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
//! A function that returns `Result` is a task like any other: its `Err` is a value. A panic costs no worker. A task that runs
//! longer than its limit is ended, by force if it must be:
//!
//! ```
//! # use std::time::Duration;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn forever() {
//!     loop { std::hint::spin_loop() }
//! }
//! fn unlucky(n: u64) -> u64 {
//!     panic!("{n} is no lucky number")
//! }
//! let pool = mp::Pool::builder().workers(1).timeout(Duration::from_millis(50)).build()?;
//! assert!(matches!(pool.apply(forever, ()), Err(mp::Failure::TimedOut { .. })));
//! assert!(matches!(pool.apply(unlucky, (13,)), Err(mp::Failure::Panicked { .. })));
//! # Ok(())
//! # }
//! ```
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
//! # What workers say
//!
//! Workers write where your program writes, unless the pool is told otherwise: [`Output::Null`](crate::Output::Null), or
//! [`Output::Capture`](crate::Output::Capture), line by line with the worker, the process and the task that wrote it. A worker
//! that dies then leaves its last lines in `Failure::Lost { stderr_tail, .. }`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # mp::init();
//! fn complain() {
//!     eprintln!("no flour left");
//!     std::process::abort()
//! }
//!
//! let (sender, lines) = std::sync::mpsc::channel();
//! let pool = mp::Pool::builder()
//!     .workers(1)
//!     .on_output(move |line| { let _ = sender.send(line); })
//!     .build()?;
//! let handle = pool.apply_async(complain, ())?;
//! let task = handle.id();
//! match handle.get() {
//!     Err(mp::Failure::Lost { stderr_tail, .. }) => assert_eq!(stderr_tail, "no flour left\n"),
//!     other => panic!("{other:?}"),
//! }
//! let line = lines.recv()?;
//! assert_eq!((line.text.as_str(), line.task), ("no flour left", Some(task)));
//! # Ok(())
//! # }
//! ```
//!
//! `.forward_tracing(mp::Level::INFO)` has the `tracing` events and spans of workers arrive in your program's subscriber, under the
//! target `mp::worker`. [`mp::log_to_stderr`](crate::log_to_stderr) is a subscriber for who has none: a line for each event, with the worker, pid and task of who
//! says it.
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
//! # Large values
//!
//! A `Vec` of bytes or numbers, a `String`, or [`Bytes`](crate::Bytes) crosses in one copy each way when it is an argument or the result itself.
//! Inside a struct or a tuple serde goes through a `Vec<u8>` element by element; `Bytes` there does not. Memory for large values is kept, so
//! the second is faster than the first, and given back when it was not used for a second.
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
//!
//! let reversed = pool.apply(|mut bytes: Vec<u8>| { bytes.reverse(); bytes }, (vec![1; 1 << 20],))?;
//! assert_eq!(reversed.len(), 1 << 20);
//! # Ok(())
//! # }
//! ```
//!
//! # How workers start
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
//! A task can see both: [`mp::deadline`](crate::deadline) is when it will be ended, [`mp::is_cancelled`](crate::is_cancelled)
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
//!
//! # What a worker does first, and last
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
//! let broken = mp::Pool::builder().workers(1).restart_limit(1, std::time::Duration::from_secs(5));
//! let broken = broken.initializer(|| Err::<(), _>("no model here".to_owned()), ()).build()?;
//! let failure = broken.apply(|n: u64| n, (1,)).expect_err("no worker gets ready");
//! assert!(failure.to_string().contains("no model here"));
//! # Ok(())
//! # }
//! ```
//!
//! What it leaves need not be in statics: [`workers`] has states that are lent to tasks, and objects that each worker is sent once.
//!
//! # More workers, fewer, fresh ones
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
//! # One process, other programs
//!
//! A [`Process`](crate::Process) runs one function, a [`Command`](crate::Command) another program: [`process`].
//!
//! # How processes talk to each other
//!
//! Queues, pipes, connections and managers have a page of their own: [`comms`]. So have locks and what else processes wait for, and
//! memory that they share: [`sync`].

pub mod comms;
pub mod process;
pub mod sync;
pub mod workers;
