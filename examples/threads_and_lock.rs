//! Four threads add to one shared total: wrong without a lock, right with one. And processes, which share no total.
//!
//! $ cargo run --example threads_and_lock
//!
//! ```python
//! def add(lock):                       # lock: threading.Lock() or contextlib.nullcontext()
//!     global total
//!     for _ in range(100_000):
//!         with lock:
//!             seen = total             # read ..
//!             total = seen + 1         # .. and write: another thread may have written in between
//!
//! threads = [threading.Thread(target=add, args=(lock,)) for _ in range(4)]
//! for t in threads: t.start()
//! for t in threads: t.join()
//! print(total)
//! ```
//!
//! Rust does not compile a plain shared total that threads write to. What is left of the mistake in safe Rust is to read and
//! to write in two steps: each is atomic, the two together are not, and what others added in between is lost.
//!
//! Does **not** recommend either: `fetch_add` needs no lock, and a sum of what each worker returns no shared total.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;

const THREADS: usize = 4;
const STEPS: u64 = 100_000;

/// Now and then the thread is interrupted between its read and its write, as any thread may be at any time. On a machine
/// with one processor it would otherwise happen too seldom to be seen.
fn interrupted(step: u64) {
    if step.is_multiple_of(1_000) {
        thread::yield_now();
    }
}

fn add_without_lock(total: &AtomicU64) {
    for step in 0..STEPS {
        let seen = total.load(Ordering::SeqCst);
        interrupted(step);
        total.store(seen + 1, Ordering::SeqCst);
    }
}

fn add_with_lock(total: &Mutex<u64>) {
    for step in 0..STEPS {
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = *total;
        interrupted(step);
        *total = seen + 1;
    }
}

/// Runs `add` on all threads, which begin together.
fn on_threads(add: impl Fn() + Sync) {
    let together = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                together.wait();
                add();
            });
        }
    });
}

fn count(steps: u64) -> u64 {
    (0..steps).fold(0, |total, _| total + 1)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mp::init();
    let expected = STEPS * THREADS as u64;

    let total = AtomicU64::new(0);
    on_threads(|| add_without_lock(&total));
    println!("threads without a lock: {} of {expected}", total.into_inner());

    let total = Mutex::new(0);
    on_threads(|| add_with_lock(&total));
    println!("threads with a lock:    {} of {expected}", total.into_inner()?);

    let totals = mp::Pool::new(THREADS)?.map(count, [STEPS; THREADS])?;
    println!("processes, summed up:   {} of {expected}", totals.iter().sum::<u64>());
    Ok(())
}
