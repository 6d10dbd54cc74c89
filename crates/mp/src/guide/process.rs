//! Processes by themselves: one function each, other programs, and waiting for the first of several; each beside its Python
//! original.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! # A process that belongs to somebody, and one that does not
//!
//! ```python
//! def report(queue): queue.put("done")
//!
//! p = Process(target=report, args=(queue,)); p.start()    # joined at the end of the program
//! d = Process(target=watch, daemon=True); d.start()       # terminated at the end of the program
//! ```
//!
//! ```
//! fn report(queue: mp::Queue<String>) {
//!     queue.put("done".to_owned()).expect("there is memory");
//! }
//!
//! fn main() -> mp::Result<()> {
//!     mp::init();
//!     let queue = mp::Queue::new()?;
//!     let held = mp::Process::spawn(report, (queue.clone(),))?; // ends with its handle
//!     held.join()?;
//!     drop(mp::Process::builder(report, (queue.clone(),)).daemon(false).spawn()?); // goes on
//!     mp::join_children(); // the end of main would wait for it as well
//!     assert_eq!(queue.len(), 2);
//!     Ok(())
//! }
//! ```
//!
//! In Rust a value owns what it stands for: so here a process is a daemon unless it is told not to be, and ends when its handle is
//! dropped. In Python it is the other way round, and a program that waits for ever at its end is the usual consequence.
//!
//! # The first of several
//!
//! ```python
//! ready = multiprocessing.connection.wait([p.sentinel, connection], timeout=5)
//! ```
//!
//! ```
//! # use std::time::Duration;
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let queue = mp::Queue::<u32>::new()?; // Python can't wait for one of its queues this way
//!     let (here, there) = mp::pipe::<(), String>()?;
//!     let process = mp::Process::spawn(|line: mp::Connection<String, ()>| line.send("hello".to_owned()).is_ok(), (there,))?;
//!     let ready = mp::wait_any(&[&queue, &here, &process], Some(Duration::from_secs(60)))?;
//!     assert!(ready.contains(&1) || ready.contains(&2));
//!     assert_eq!(here.recv()?, "hello");
//!     Ok(())
//! }
//! ```
//!
//! # Other programs
//!
//! ```python
//! done = subprocess.run(["sort"], input=b"b\na\n", capture_output=True, timeout=5, check=True)
//! ```
//!
//! ```
//! # use std::time::Duration;
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let done = mp::Command::new("sort").input("b\na\n").timeout(Duration::from_secs(60)).run()?.check()?;
//!     assert_eq!(done.stdout, b"a\nb\n");
//!     Ok(())
//! }
//! ```
//!
//! Python's `timeout` kills the program and not what that has started, and then waits for the end of its pipes, which those still hold.
//! Here the whole process group ends, by SIGTERM and after the grace by SIGKILL, and nobody waits for a pipe that others hold.
//! A program also ends with its supervisor, as every worker does, and its output is kept up to a [limit](crate::Command::keep).
