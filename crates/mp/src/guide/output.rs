//! What workers say: their output, and their `tracing` events.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! # Lines
//!
//! ```python
//! print("no flour left")                    # goes where the program's goes, and nobody knows whose line it is
//! ```
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
//! # Events
//!
//! ```python
//! QueueListener(queue, handler).start()     # and a QueueHandler(queue) in each worker, by its initializer
//! ```
//!
//! `.forward_tracing(mp::Level::INFO)` has the `tracing` events and spans of workers arrive in your program's subscriber, under the
//! target `mp::worker`. [`mp::log_to_stderr`](crate::log_to_stderr) is a subscriber for who has none: a line for each event, with
//! the worker, pid and task of who says it.
