//! Times what a death costs: from SIGKILL of a busy worker to the failure in the caller's hands, and to the next task
//! running in its slot.
//!
//! Does **not** judge. Prints one line a figure: name, tab, median, tab, 99th of a hundred, tab, the longest, in
//! microseconds.
//!
//! ```text
//!  kill ──▶ pidfd readable ──▶ status, line drained, judged ──▶ get() returns       "to the failure"
//!                                        └──▶ spawned, greeted, sent ──▶ it runs    "to the next task in its slot"
//! ```
//!
//! `cargo bench -p mp --bench deaths`
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::time::Duration;

use mp::{Failure, Pool, Queue};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

const ROUNDS: usize = 500;

/// Nanoseconds of a clock that all processes share.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| Duration::from(time).as_nanos() as u64)
}

/// Says who runs it, and never ends.
fn spin(started: Queue<u32>) {
    let said = started.put(std::process::id());
    while said.is_ok() {
        std::hint::spin_loop();
    }
}

fn main() -> mp::Result<()> {
    mp::init();
    for workers in [1, 4] {
        let rounds = measure(workers)?;
        report(&format!("to the failure, {workers} workers"), rounds.iter().map(|(failure, _)| *failure).collect());
        report(&format!("to the next task, {workers} workers"), rounds.iter().map(|(_, next)| *next).collect());
    }
    report("late task, beyond its limit and the grace", late()?);
    Ok(())
}

/// A task that ignores SIGTERM and spins on: how much later than its limit and the grace its failure is in hand.
fn late() -> mp::Result<Vec<u64>> {
    const LIMIT: Duration = Duration::from_millis(20);
    let pool = Pool::builder().workers(1).timeout(LIMIT).grace(LIMIT).build()?;
    let round = || {
        pool.apply(now, ())?;
        let start = now();
        let outcome = pool.apply(deaf, ());
        assert!(matches!(outcome, Err(Failure::TimedOut { .. })), "{outcome:?}");
        Ok((now() - start).saturating_sub((2 * LIMIT).as_nanos() as u64))
    };
    (0..100).map(|_| round()).collect()
}

fn deaf() {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block().expect("blocked");
    loop {
        std::hint::spin_loop();
    }
}

/// A task that is killed, and one behind it. The others of the pool wait.
fn measure(workers: usize) -> mp::Result<Vec<(u64, u64)>> {
    // Every death here is one of a task, so the default limit lets them pass.
    let pool = Pool::new(workers)?;
    let started = Queue::<u32>::new()?;
    let gate = Queue::<()>::new()?;
    let others = (0..workers).filter_map(|_| pool.apply_async(wait_at, (gate.clone(), started.clone())).ok());
    let others: Vec<_> = others.collect();
    others.iter().try_for_each(|_| started.get().map(drop))?;
    // All are there now; one is let go, and all that follows happens in its slot.
    gate.put(())?;
    pool.apply(now, ())?;
    let rounds = (0..ROUNDS).map(|_| round(&pool, &started)).collect();
    (1..workers).try_for_each(|_| gate.put(()))?;
    others.into_iter().try_for_each(mp::TaskHandle::get)?;
    pool.join()?;
    rounds
}

fn wait_at(gate: Queue<()>, started: Queue<u32>) {
    if started.put(std::process::id()).is_ok() {
        drop(gate.get());
    }
}

fn round(pool: &Pool, started: &Queue<u32>) -> mp::Result<(u64, u64)> {
    let victim = pool.apply_async(spin, (started.clone(),))?;
    let next = pool.apply_async(now, ())?;
    let pid = started.get()?;
    let killed_at = now();
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).map_err(|error| mp::Error::Spawn(error.into()))?;
    let outcome = victim.get();
    let failed_at = now();
    assert!(matches!(outcome, Err(Failure::Lost { .. })), "{outcome:?}");
    let ran_at = next.get()?;
    Ok((failed_at - killed_at, ran_at - killed_at))
}

fn report(name: &str, mut figures: Vec<u64>) {
    figures.sort_unstable();
    let at = |share: f64| figures[((figures.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!("{name}\t{:.0}\t{:.0}\t{:.0}", at(0.5), at(0.99), at(1.0));
}
