//! Locks, and memory that processes share: each beside its Python original.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! | you want | take |
//! |---|---|
//! | one number that many change | [`AtomicU64`](crate::AtomicU64), [`AtomicI64`](crate::AtomicI64) |
//! | data that only one at a time looks at | [`Mutex`](crate::Mutex), [`Value`](crate::Value), [`Array`](crate::Array) |
//! | to guard what is not in memory: a file, a device | [`Lock`](crate::Lock), [`RLock`](crate::RLock) |
//! | so many at a time | [`Semaphore`](crate::Semaphore), [`BoundedSemaphore`](crate::BoundedSemaphore) |
//! | to wait until something is so | [`Event`](crate::Event), [`Condition`](crate::Condition), [`Barrier`](crate::Barrier) |
//! | bytes for all, to read and write | [`SharedMemory`](crate::SharedMemory) |
//! | data that is written once and read by all | [`Shared`](crate::Shared) |
//!
//! All of them are arguments of tasks and processes, and clones are the same one. None of them leaves a name behind.
//!
//! # A counter
//!
//! ```python
//! def count(value):
//!     for _ in range(1000):
//!         with value.get_lock(): value.value += 1
//!
//! value = Value("q", 0)
//! ps = [Process(target=count, args=(value,)) for _ in range(2)]
//! ```
//!
//! ```
//! fn count(value: mp::Value<i64>) -> Result<(), String> {
//!     (0..1000).try_for_each(|_| value.update(|n| *n += 1)).map_err(|error| error.to_string())
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let value = mp::Value::new(0_i64)?;
//!     let pool = mp::Pool::new(2)?;
//!     let done = pool.map(count, [value.clone(), value.clone()])?;
//!     assert!(done.iter().all(Result::is_ok));
//!     assert_eq!(value.get()?, 2000);
//!     Ok(())
//! }
//! ```
//!
//! # Types of your own
//!
//! ```python
//! class Point(Structure):
//!     _fields_ = [("x", c_double), ("y", c_double)]
//!
//! array = Array(Point, [(1.0, 2.0), (3.0, 4.0)])
//! ```
//!
//! What can be in shared memory, the compiler checks: plain data without pointers and without gaps. A `String` is none. A type of
//! your own says so by a derive of [`bytemuck`], which is re-exported:
//!
//! ```
//! use mp::bytemuck::{Pod, Zeroable};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
//! #[bytemuck(crate = "mp::bytemuck")]
//! #[repr(C)]
//! struct Point {
//!     x: f64,
//!     y: f64,
//! }
//!
//! fn mirror(points: mp::Array<Point>, sum: mp::Value<Point>) -> Result<(), String> {
//!     let mirrored = |at| points.update(at, |point| std::mem::swap(&mut point.x, &mut point.y));
//!     (0..points.len()).try_for_each(mirrored).map_err(|error| error.to_string())?;
//!     sum.update(|sum| sum.x += 1.0).map_err(|error| error.to_string())
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let points = mp::Array::from_slice(&[Point { x: 1.0, y: 2.0 }, Point { x: 3.0, y: 4.0 }])?;
//!     let sum = mp::Value::new(Point::zeroed())?;
//!     mp::Process::spawn(mirror, (points.clone(), sum.clone()))?.join()??;
//!     assert_eq!(points.get(1)?, Point { x: 4.0, y: 3.0 });
//!     assert_eq!(sum.get()?, Point { x: 1.0, y: 0.0 });
//!     Ok(())
//! }
//! ```
//!
//! # A lock whose holder is killed
//!
//! ```python
//! with lock: os.kill(os.getpid(), signal.SIGKILL)         # in a process
//! lock.acquire()                                          # in another: hangs for ever
//! ```
//!
//! ```
//! fn die(lock: mp::Lock) {
//!     let _held = lock.lock().expect("nobody has it");
//!     std::process::abort();
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let lock = mp::Lock::new()?;
//!     let process = mp::Process::spawn(die, (lock.clone(),))?;
//!     process.wait();
//!     let told = lock.lock().expect_err("its holder was killed");
//!     assert!(matches!(told, mp::SyncError::Abandoned { pid: Some(pid), .. } if pid == process.pid()));
//!     let held = lock.recover()?; // what it guards was looked after
//!     drop(held);
//!     assert!(lock.lock().is_ok());
//!     Ok(())
//! }
//! ```
//!
//! The same holds for all of them: a permit comes back and the next is told, a notification is passed on, and a
//! barrier at which somebody was killed is [broken](crate::SyncError::Broken) for all the others.
//!
//! # Conditions
//!
//! ```python
//! with condition:
//!     condition.wait_for(lambda: stock.value > 0)
//!     stock.value -= 1
//! ```
//!
//! ```
//! use std::sync::atomic::Ordering::SeqCst;
//!
//! fn consume(condition: mp::Condition, stock: mp::AtomicU64) -> Result<u64, String> {
//!     let mut guard = condition.lock().map_err(|error| error.to_string())?;
//!     guard.wait_for(|| stock.load(SeqCst) > 0).map_err(|error| error.to_string())?;
//!     Ok(stock.fetch_sub(1, SeqCst))
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let (condition, stock) = (mp::Condition::new()?, mp::AtomicU64::new(0)?);
//!     let pool = mp::Pool::new(1)?;
//!     let taken = pool.apply_async(consume, (condition.clone(), stock.clone()))?;
//!     let guard = condition.lock()?;
//!     stock.store(5, SeqCst);
//!     guard.notify_all()?;
//!     drop(guard);
//!     assert_eq!(taken.get()?, Ok(5));
//!     Ok(())
//! }
//! ```
//!
//! # Memory
//!
//! ```python
//! memory = SharedMemory(create=True, size=4096)
//! array = numpy.ndarray((512,), dtype="d", buffer=memory.buf)
//! ...
//! memory.close(); memory.unlink()                         # forgotten, or killed before: it stays until the next boot
//! ```
//!
//! ```
//! fn fill(array: mp::Array<f64>, from: usize) -> Result<(), String> {
//!     let own: Vec<f64> = (from..from + 256).map(|n| n as f64).collect();
//!     array.write(from, &own).map_err(|error| error.to_string())
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let array = mp::Array::<f64>::zeroed(512)?;
//!     let pool = mp::Pool::new(2)?;
//!     pool.starmap(fill, [(array.clone(), 0), (array.clone(), 256)])?.into_iter().collect::<Result<(), _>>()?;
//!     assert_eq!(array.read(255..257)?, [255.0, 256.0]);
//!     {
//!         let mut held: mp::ArrayGuard<'_, f64> = array.lock()?; // nobody else between the two
//!         let first = held.get(0)?;
//!         held.set(511, first)?;
//!     }
//!     assert_eq!(array.get(511)?, 0.0);
//!     Ok(())
//! }
//! ```
//!
//! With a name, on request: [`SharedMemory::named`](crate::SharedMemory::named) and [`open`](crate::SharedMemory::open). The name is gone
//! with the process that gave it, however that ends, and the memory with its last user. What is only read is sent once as
//! [`Shared`](crate::Shared), and read where it is.
