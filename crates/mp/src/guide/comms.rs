//! Queues, pipes, connections and managers: how processes talk to each other, each beside its Python original.
//!
//! Does **not** contain code but in its examples, each of which runs as a test.
//!
//! | you want | take |
//! |---|---|
//! | items from many to many | [`Queue`](crate::Queue); [`SimpleQueue`](crate::SimpleQueue) if that is all |
//! | to know when all of them were worked on | [`JoinableQueue`](crate::JoinableQueue) |
//! | two ends that talk to each other, files included | [`pipe`](crate::pipe), [`one_way_pipe`](crate::one_way_pipe) |
//! | the same with a program that is no child | [`Listener`](crate::Listener), [`Client`](crate::Client) |
//! | one dictionary, list or object for all | [`Manager`](crate::Manager) |
//!
//! # A queue that says when all is done
//!
//! ```python
//! def work(queue):
//!     while True:
//!         handle(queue.get())
//!         queue.task_done()
//!
//! queue = JoinableQueue()
//! Process(target=work, args=(queue,), daemon=True).start()
//! for n in range(100): queue.put(n)
//! queue.join()                          # hangs for ever if the worker was killed
//! ```
//!
//! ```
//! fn work(queue: mp::JoinableQueue<u32>) {
//!     while let Ok(item) = queue.get() {
//!         std::hint::black_box(item);
//!         queue.task_done().expect("it was got here");
//!     }
//! }
//!
//! fn main() -> mp::Result<()> {
//!     mp::init();
//!     let queue = mp::JoinableQueue::new()?;
//!     let worker = mp::Process::spawn(work, (queue.clone(),))?;
//!     (0..100).try_for_each(|item| queue.put(item))?;
//!     queue.join()?; // an error that names process and item, if the worker was killed over one
//!     queue.close()?; // the worker's get ends with an error
//!     Ok(worker.join()?)
//! }
//! ```
//!
//! Items are accounted to the process that got them: `task_done` is called there. `close` ends a queue for all who have it, as
//! Python's `shutdown`; what Python calls `close` is to drop a handle here. There is no `join_thread`: no thread feeds a queue.
//!
//! # A pipe
//!
//! ```python
//! def child(line):
//!     line.send([42, None, "hello"])
//!
//! here, there = Pipe()
//! p = Process(target=child, args=(there,)); p.start()
//! there.close()                         # forgotten, recv() never sees the end
//! print(here.recv())
//! ```
//!
//! ```
//! fn child(line: mp::Connection<String, u32>) {
//!     while let Ok(number) = line.recv() {
//!         line.send(format!("got {number}")).expect("the other end is there");
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let (here, there) = mp::pipe::<u32, String>()?;
//!     let process = mp::Process::spawn(child, (there,))?; // `there` has moved: nothing to close
//!     here.send(42)?;
//!     assert_eq!(here.recv()?, "got 42");
//!     drop(here);
//!     Ok(process.join()?)
//! }
//! ```
//!
//! A process that is killed is the end of its pipe: what it had sent is received, then every call is
//! [`CommError::Closed`](crate::CommError::Closed). Messages may hold queues, other pipes, and files as
//! [`Descriptor`](crate::Descriptor).
//!
//! # Connections
//!
//! ```python
//! with Listener(("localhost", 6000), authkey=b"...") as listener:
//!     with listener.accept() as connection: connection.send("hello")
//! ```
//!
//! ```
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = mp::AuthKey::random()?; // or AuthKey::new(b"what both programs know")
//!     let listener = mp::Listener::bind(&"127.0.0.1:0".parse()?, &key)?;
//!     let address = listener.address().clone();
//!     let client = std::thread::spawn(move || {
//!         mp::Client::connect::<mp::Nothing, String>(&address, &key)?.recv()
//!     });
//!     listener.accept::<String, mp::Nothing>()?.send("hello".to_owned())?;
//!     assert_eq!(client.join().expect("no panic")?, "hello");
//!     Ok(())
//! }
//! ```
//!
//! A key is always needed, and each end proves to the other that it has it before anything else crosses. On one machine,
//! [`Address::Local`](crate::Address::Local) leaves no socket file behind.
//!
//! # A manager
//!
//! ```python
//! def count(counts, lock, word):
//!     with lock: counts[word] = counts.get(word, 0) + 1
//!
//! with Manager() as manager:
//!     counts, lock = manager.dict(), manager.Lock()
//!     with Pool(2) as pool: pool.starmap(count, [(counts, lock, w) for w in "a b a".split()])
//! ```
//!
//! ```
//! fn count(counts: mp::DictProxy<String, u32>, lock: mp::LockProxy, word: String) {
//!     let _held = lock.lock().expect("no holder was killed");
//!     let count = counts.get(&word).expect("the manager is there").unwrap_or(0);
//!     counts.insert(&word, &(count + 1)).expect("the manager is there");
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let manager = mp::Manager::start()?;
//!     let (counts, lock) = (manager.dict()?, manager.lock()?);
//!     let pool = mp::Pool::new(2)?;
//!     pool.starmap(count, ["a", "b", "a"].map(|word| (counts.clone(), lock.clone(), word.to_owned())))?;
//!     assert_eq!(counts.get(&"a".to_owned())?, Some(2));
//!     Ok(())
//! }
//! ```
//!
//! Beside these it holds [locks](crate::RLockProxy), [semaphores](crate::SemaphoreProxy), [events](crate::EventProxy),
//! [conditions](crate::ConditionProxy), [barriers](crate::BarrierProxy), [joinable queues](crate::JoinableQueueProxy) and
//! [arrays](crate::ArrayProxy). Within one process tree those of [`guide::sync`](super::sync) do the same without a server,
//! which is much faster:
//!
//! ```
//! fn meet(barrier: mp::BarrierProxy) -> Result<u32, String> {
//!     barrier.wait().map_err(|broken| broken.to_string()) // also when another was killed here
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     mp::init();
//!     let manager = mp::Manager::start()?;
//!     let barrier = manager.barrier(3)?;
//!     let pool = mp::Pool::new(2)?;
//!     let others = pool.map_async(meet, [barrier.clone(), barrier.clone()])?;
//!     let mut numbers = vec![barrier.wait()?];
//!     numbers.extend(others.get()?.into_iter().collect::<Result<Vec<_>, _>>()?);
//!     numbers.sort();
//!     assert_eq!(numbers, [0, 1, 2]);
//!     Ok(())
//! }
//! ```
//!
//! A type of one's own is one that answers requests, [`Managed`](crate::Managed). A manager that was killed is
//! [`ManagerError::Gone`](crate::ManagerError::Gone) to all who call it, also to those who wait for a lock; a process that was killed
//! while it held a lock leaves it to the next, who is told
//! ([`LockError::Abandoned`](crate::LockError::Abandoned)). Another process tree reaches it by
//! [`ManagerClient::connect`](crate::ManagerClient::connect), and finds what was published by name.
