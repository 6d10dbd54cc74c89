//! Handles are futures: awaited on tokio among other things that wait, and on an executor of a few lines.
//!
//! $ cargo run --example futures
//!
//! ```python
//! async def main():
//!     loop = asyncio.get_running_loop()
//!     with concurrent.futures.ProcessPoolExecutor(2) as pool:
//!         calls = [loop.run_in_executor(pool, primes_below, limit) for limit in (10, 1_000, 100_000)]
//!         print(await asyncio.gather(*calls))
//!
//! asyncio.run(main())
//! ```
//!
//! No executor's thread waits for a worker meanwhile: the executor is told when an outcome has come, and only then looks again.
//!
//! Does **not** need tokio: `mp` knows only what the standard library says of futures.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

const LIMITS: [u64; 3] = [10, 1_000, 100_000];

fn primes_below(limit: u64) -> usize {
    (2..limit).filter(|n| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count()
}

/// The least that an executor is: it sleeps until it is woken, and looks.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Sleeper(Thread);
    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

async fn on_tokio(pool: &mp::Pool) -> Result<Vec<usize>, Box<dyn Error>> {
    let handles = LIMITS.map(|limit| pool.apply_async(primes_below, (limit,)).map(tokio::spawn));
    let mut counts = Vec::new();
    for handle in handles {
        // The pool bounds how long a task runs; this bounds how long anybody waits for it.
        counts.push(tokio::time::timeout(Duration::from_secs(60), handle?).await???);
    }
    Ok(counts)
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();

    let pool = mp::Pool::new(2)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    println!("on tokio:     {:?}", runtime.block_on(on_tokio(&pool))?);
    println!("on few lines: {}", block_on(pool.apply_async(primes_below, (LIMITS[1],))?)?);
    Ok(())
}
