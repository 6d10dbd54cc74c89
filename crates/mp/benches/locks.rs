//! A lock beside `std::sync::Mutex` and, by `scripts/locks`, beside Python's `multiprocessing.Lock`. Nanoseconds.
#![expect(clippy::print_stdout, reason = "a benchmark reports by printing")]

use std::hint::black_box;
use std::time::Instant;

use mp::{Barrier, Lock, Process};

const COUNT: u32 = 1_000_000;

fn timed(work: impl Fn()) -> f64 {
    let began = Instant::now();
    (0..COUNT).for_each(|_| work());
    began.elapsed().as_nanos() as f64 / f64::from(COUNT)
}

fn contend(lock: Lock, start: Barrier) -> f64 {
    start.wait().expect("both are there");
    timed(|| drop(lock.lock().expect("taken")))
}

fn main() {
    mp::init();
    let (lock, mutex) = (Lock::new().expect("a lock"), std::sync::Mutex::new(0_u32));
    let ours = || timed(|| drop(black_box(&lock).lock().expect("taken")));
    let theirs = || timed(|| drop(black_box(&mutex).lock().expect("taken")));
    let mut pairs: Vec<_> = (0..9).map(|_| (ours(), theirs())).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (ours, theirs) = pairs[pairs.len() / 2];
    println!("uncontended\t{ours:.1}\nstd Mutex\t{theirs:.1}");
    let start = Barrier::new(2).expect("a barrier");
    let contended = || Process::spawn(contend, (lock.clone(), start.clone())).expect("started");
    let both = [contended(), contended()].map(|one| one.join().expect("ended"));
    println!("contended\t{:.1}", both.iter().sum::<f64>() / 2.0);
}
