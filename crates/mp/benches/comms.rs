//! Times what crosses between two processes: items of a queue, messages through a pipe, calls of a manager.
//!
//! Does **not** judge. Prints one line a figure: name, tab, microseconds each (the median of some rounds).
//!
//! `cargo bench -p mp --bench comms`; `scripts/side-by-side-comms` runs it in turn with Python's `multiprocessing`.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::time::{Duration, Instant};

use mp::{Connection, DictProxy, Manager, Process, Queue, pipe};

const ROUNDS: usize = 5;

fn main() -> mp::Result<()> {
    mp::init();
    stream()?;
    back_and_forth()?;
    through_a_pipe()?;
    calls()
}

fn drain(items: Queue<String>, done: Queue<u32>, count: u32) {
    for round in 0.. {
        if done.put(round).is_err() || (0..count).any(|_| items.get().is_err()) {
            return;
        }
    }
}

/// Items of 16 bytes, put by one process and got by another, until the last is got.
fn stream() -> mp::Result<()> {
    const COUNT: u32 = 100_000;
    let (items, done) = (Queue::new()?, Queue::new()?);
    let reader = Process::spawn(drain, (items.clone(), done.clone(), COUNT))?;
    done.get()?;
    report("queue, an item", COUNT, || {
        (0..COUNT).for_each(|_| items.put("x".repeat(16)).expect("puts"));
        done.get().expect("all are got");
    });
    items.close()?;
    Ok(reader.join()?)
}

fn echo_items(items: Queue<u64>, back: Queue<u64>) {
    while let Ok(item) = items.get() {
        back.put(item).expect("puts");
    }
}

fn back_and_forth() -> mp::Result<()> {
    let (items, back) = (Queue::new()?, Queue::new()?);
    let other = Process::spawn(echo_items, (items.clone(), back.clone()))?;
    report("queue, there and back", 3000, || {
        for item in 0..3000 {
            items.put(item).expect("puts");
            back.get().expect("gets");
        }
    });
    items.close()?;
    Ok(other.join()?)
}

fn echo_messages(line: Connection<u64, u64>) {
    while let Ok(message) = line.recv() {
        line.send(message).expect("sends");
    }
}

fn through_a_pipe() -> mp::Result<()> {
    let (here, there) = pipe::<u64, u64>()?;
    let other = Process::spawn(echo_messages, (there,))?;
    report("pipe, there and back", 3000, || {
        for message in 0..3000 {
            here.send(message).expect("sends");
            here.recv().expect("receives");
        }
    });
    drop(here);
    Ok(other.join()?)
}

fn calls() -> mp::Result<()> {
    let manager = Manager::start()?;
    let dict: DictProxy<String, u64> = manager.dict()?;
    let key = "key".to_owned();
    dict.insert(&key, &1)?;
    report("manager, dict get", 3000, || (0..3000).for_each(|_| _ = dict.get(&key).expect("a call")));
    report("manager, dict set", 3000, || (0..3000).for_each(|n| _ = dict.insert(&key, &n).expect("a call")));
    Ok(())
}

fn report(name: &str, count: u32, mut round: impl FnMut()) {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            round();
            began.elapsed()
        })
        .collect();
    rounds.sort();
    println!("{name}\t{:.3}", rounds[ROUNDS / 2].as_secs_f64() * 1e6 / f64::from(count));
}
