//! A process puts 1,000 items of 1 MB into a queue and is joined before anything is read. It ends, and all is there.
//!
//! $ cargo run --example queue_joined_first -- 1000 1000000
//!
//! ```python
//! def produce(queue, items, length):
//!     for i in range(items):
//!         queue.put(str(i % 10) * length)
//!
//! process = multiprocessing.Process(target=produce, args=(queue, 1_000, 1_000_000))
//! process.start()
//! process.join()          # waits for ever: the process waits for its feeder thread, and that for a reader of its pipe
//! for i in range(1_000):
//!     assert queue.get() == str(i % 10) * 1_000_000
//! ```
//!
//! Python's documentation warns of this under "Joining processes that use queues". Here an item is in the queue's own memory
//! once `put` has returned, whatever becomes of who put it.
//!
//! Does **not** come for nothing: until it is read, the gigabyte is in memory. `Queue::bounded` makes the producer wait.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use mp::{Process, Queue};

const ITEMS: usize = 1_000;
const LENGTH: usize = 1_000_000;

fn item(index: usize, length: usize) -> String {
    (index % 10).to_string().repeat(length)
}

fn produce(queue: Queue<String>, items: usize, length: usize) -> Result<(), String> {
    (0..items).try_for_each(|index| queue.put(item(index, length))).map_err(|error| error.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();
    let argument = |place, default| std::env::args().nth(place).map_or(Ok(default), |text| text.parse());
    let (items, length) = (argument(1, ITEMS)?, argument(2, LENGTH)?);

    let began = Instant::now();
    let queue = Queue::new()?;
    Process::spawn(produce, (queue.clone(), items, length))?.join()??;
    println!("joined after {:.1?}, with {} items in the queue", began.elapsed(), queue.len());

    for index in 0..items {
        assert_eq!(queue.get()?, item(index, length), "item {index}");
    }
    println!("{items} items of {length} bytes read, in order, after {:.1?}", began.elapsed());
    assert!(queue.is_empty());
    Ok(())
}
