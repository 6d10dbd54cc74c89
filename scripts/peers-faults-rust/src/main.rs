//! One fault, done to procspawn's pool: `peers-faults NUMBER`, the cases of `scripts/peers-faults` in their order.
//!
//! Does **not** know how long it may take: who starts it ends it. What it tells is on standard output, a line each.

use std::fmt::Display;
use std::process::{abort, exit};
use std::time::Duration;

use procspawn::{Pool, SpawnError};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Encodes well, and cannot be decoded.
struct Undecodable;

impl Serialize for Undecodable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for Undecodable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("no number"))
    }
}

struct Unencodable;

impl Serialize for Unencodable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("refuses"))
    }
}

impl<'de> Deserialize<'de> for Unencodable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(|_| Self)
    }
}

fn square(n: u64) -> u64 {
    n * n
}

fn kill_self(_: ()) -> u64 {
    let own = std::process::id().to_string();
    _ = std::process::Command::new("kill").args(["-9", &own]).status();
    abort()
}

fn kill_at_7(n: u64) -> u64 {
    if n == 7 { kill_self(()) } else { n }
}

/// Both of Python's ways are one here.
fn leaves(code: i32) -> u64 {
    exit(code)
}

fn sleeps(_: ()) -> u64 {
    std::thread::sleep(Duration::from_secs(1000));
    0
}

fn own_pid(_: ()) -> u32 {
    std::process::id()
}

fn kind(error: &SpawnError) -> &'static str {
    if error.is_panic() {
        "a panic"
    } else if error.is_timeout() {
        "a timeout"
    } else if error.is_cancellation() {
        "cancelled"
    } else if error.is_remote_close() {
        "remote closed"
    } else {
        "an error"
    }
}

fn told<T: Display>(what: &str, outcome: &Result<T, SpawnError>) {
    match outcome {
        Ok(value) => println!("{what}: {value}"),
        Err(error) => println!("{what}: {}", kind(error)),
    }
}

fn pool(size: usize) -> Pool {
    Pool::new(size).expect("a pool")
}

fn next(pool: &Pool) {
    told("the next one", &pool.spawn(3, square).join());
}

fn after<A: Serialize + serde::de::DeserializeOwned>(args: A, task: fn(A) -> u64) {
    let pool = pool(1);
    told("the task", &pool.spawn(args, task).join());
    next(&pool);
}

fn idle_killed() {
    let pool = pool(1);
    let pid = pool.spawn((), own_pid).join().expect("a value");
    _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    std::thread::sleep(Duration::from_millis(300));
    next(&pool);
}

fn map_of_100() {
    let pool = pool(2);
    let handles: Vec<_> = (0..100).map(|n| pool.spawn(n, kill_at_7)).collect();
    let values = handles.into_iter().filter_map(|handle| handle.join().ok()).count();
    println!("{values} values of 100");
    next(&pool);
}

fn gives_undecodable() {
    let pool = pool(1);
    told("the task", &pool.spawn((), |()| Undecodable).join().map(|_| "a value"));
    next(&pool);
}

fn gives_unencodable() {
    let pool = pool(1);
    told("the task", &pool.spawn((), |()| Unencodable).join().map(|_| "a value"));
    next(&pool);
}

fn timed_out() {
    let pool = pool(1);
    told("the task", &pool.spawn((), sleeps).join_timeout(Duration::from_millis(300)));
    next(&pool);
}

fn ended_while_it_runs() {
    let pool = pool(1);
    let handle = pool.spawn((), sleeps);
    std::thread::sleep(Duration::from_millis(300));
    pool.kill();
    told("the task", &handle.join());
}

/// There is no initializer: what comes before `procspawn::init` runs in each worker, and fails there.
fn broken_start() {
    let pool = pool(1);
    told("the task", &pool.spawn(3, square).join());
}

fn main() {
    let case = std::env::args().nth(1).and_then(|case| case.parse::<u32>().ok());
    // It passes its own arguments on to its workers, which it tells by a variable of the environment.
    if case == Some(11) && std::env::var_os("__PROCSPAWN_CONTENT_PROCESS_ID").is_some() {
        exit(1);
    }
    procspawn::init();
    match case {
        Some(0) => idle_killed(),
        Some(1) => after((), kill_self),
        Some(2) => map_of_100(),
        Some(3 | 4) => after(3, leaves),
        Some(5) => after(Unencodable, |_| 1),
        Some(6) => after(Undecodable, |_| 1),
        Some(7) => gives_unencodable(),
        Some(8) => gives_undecodable(),
        Some(9) => timed_out(),
        Some(10) => ended_while_it_runs(),
        Some(11) => broken_start(),
        _ => exit(2),
    }
    // Who has told all is done: how long its end takes is another question.
    exit(0)
}
