//! Times how workers come and go, beside the least that a process costs; weighs idle ones; starts a thousand.
//!
//! Does **not** judge. Each pair of figures is taken in turn, so that what else the machine does hits both. Medians.
//!
//! `cargo bench -p mp --bench births [forked|spawned|recycled|ready|memory|idle|thousand]`
#![expect(clippy::print_stdout, reason = "its output is the result")]
#![expect(clippy::disallowed_methods, reason = "the yardstick of a spawned worker is std's Command")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use mp::{Pool, PoolBuilder, Process, Queue, StartMethod};
use mp_sys::yardstick::fork_exit_wait;

const TURNS: usize = 20;
const ROUNDS: usize = 20;
const METHODS: [StartMethod; 2] = [StartMethod::ForkServer, StartMethod::Spawn];

/// A figure and its name.
type Part = (&'static str, fn() -> mp::Result<()>);

fn main() -> mp::Result<()> {
    mp::init();
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if wanted.as_deref() == Some("nothing") {
        return Ok(());
    }
    let parts: [Part; 7] = [
        ("forked", forked),
        ("spawned", spawned),
        ("recycled", recycled),
        ("ready", ready),
        ("memory", memory),
        ("idle", idle),
        ("thousand", thousand),
    ];
    for (name, part) in parts {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            part()?;
        }
    }
    Ok(())
}

fn pool(method: StartMethod, workers: usize) -> PoolBuilder {
    Pool::builder().workers(workers).start_method(method)
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// Prints what `ours` takes, what `least` takes, and how many times it that is. They have turns of some rounds each: a fork of
/// this process has it copy the pages that it writes to afterwards, which would count for whoever comes next.
fn beside(name: &str, (ours, least): (impl Fn(), impl Fn())) {
    let (mut our_times, mut least_times) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        our_times.extend((0..ROUNDS).map(|_| timed(&ours)));
        least_times.extend((0..ROUNDS).map(|_| timed(&least)));
    }
    let (ours, least) = (median(our_times), median(least_times));
    println!("{name}\t{ours:.0} µs\tthe least: {least:.0} µs\t{:.2} times it", ours / least);
}

fn nothing() {}

fn run_one(method: StartMethod) {
    let process = Process::builder(nothing, ()).start_method(method).spawn().expect("a process");
    process.join().expect("its value");
}

fn bare_fork() {
    fork_exit_wait().expect("a process");
}

fn exec_and_wait() {
    let status = Command::new("/proc/self/exe").arg("nothing").status().expect("a process");
    assert!(status.success());
}

/// A worker started, one task run, ended, reaped.
fn forked() -> mp::Result<()> {
    // It keeps the fork server.
    let pool = pool(StartMethod::ForkServer, 1).build()?;
    pool.apply(nothing, ())?;
    beside("a forked worker for one task", (|| run_one(StartMethod::ForkServer), bare_fork));
    Ok(())
}

fn spawned() -> mp::Result<()> {
    beside("a spawned worker for one task", (|| run_one(StartMethod::Spawn), exec_and_wait));
    Ok(())
}

/// The same in a pool: the next worker starts while the last one ends.
fn recycled() -> mp::Result<()> {
    for method in METHODS {
        let pool = pool(method, 2).max_tasks_per_worker(1).build()?;
        let took = timed(|| drop(pool.map(|_: u64| (), 0..1000)));
        println!(
            "{method:?}: 1,000 tasks on workers of their own, 2 at a time\t{:.0} µs each",
            took.as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// A pool of 8: until its first result, and until all are there.
fn ready() -> mp::Result<()> {
    for method in METHODS {
        let once = || -> mp::Result<_> {
            let began = Instant::now();
            let pool = pool(method, 8).build()?;
            pool.apply(nothing, ())?;
            let first = began.elapsed();
            while pool.worker_pids().len() < 8 {
                std::thread::sleep(Duration::from_micros(50));
            }
            Ok((first, began.elapsed()))
        };
        let (first, all): (Vec<_>, Vec<_>) =
            (0..20).map(|_| once()).collect::<mp::Result<Vec<_>>>()?.into_iter().unzip();
        println!(
            "{method:?}: a pool of 8\t{:.0} µs to its first result\t{:.0} µs until all are there",
            median(first),
            median(all)
        );
    }
    Ok(())
}

/// The lines of a `/proc` file that begin with one of `names`, summed up.
fn sum(path: &str, names: &[&str]) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let wanted = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    wanted.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}

fn private_kb(pid: u32) -> u64 {
    sum(&format!("/proc/{pid}/smaps_rollup"), &["Private_Clean:", "Private_Dirty:"])
}

fn pss_kb(pid: u32) -> u64 {
    sum(&format!("/proc/{pid}/smaps_rollup"), &["Pss:"])
}

/// An idle worker that has run a task, beside 7 others.
fn memory() -> mp::Result<()> {
    for method in METHODS {
        let pool = pool(method, 8).build()?;
        pool.map(|n: u64| n, 0..10_000)?;
        let pid = pool.worker_pids()[0];
        println!("{method:?}: an idle worker\tprivate {} kB\tPSS {} kB", private_kb(pid), pss_kb(pid));
    }
    Ok(())
}

/// How often the threads of a process have been switched to, but for this one's first, which sleeps meanwhile.
fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let others = threads.filter(|thread| *thread.file_name() != *std::process::id().to_string());
    others.map(|thread| sum(&thread.path().join("status").to_string_lossy(), &["voluntary", "nonvoluntary"])).sum()
}

fn children() -> Vec<u32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// The context switches of everybody in 10 s, when nothing is to be done.
fn idle() -> mp::Result<()> {
    for method in METHODS {
        let pool = pool(method, 4).build()?;
        pool.map(|n: u64| n, 0..10_000)?;
        std::thread::sleep(Duration::from_secs(3));
        let all = || children().into_iter().map(switches).sum::<u64>() + switches(std::process::id());
        let before = all();
        std::thread::sleep(Duration::from_secs(10));
        println!("{method:?}: an idle pool of 4\t{} context switches in 10 s", all() - before);
    }
    Ok(())
}

/// Says that it runs, and waits to be let through.
fn hold(started: Queue<u32>, gate: Queue<u32>) -> u32 {
    started.put(std::process::id()).ok();
    gate.get().unwrap_or(0)
}

/// A thousand workers, all at work at the same time.
fn thousand() -> mp::Result<()> {
    const MANY: u32 = 1000;
    let began = Instant::now();
    let pool = pool(StartMethod::ForkServer, MANY as usize).build()?;
    let (started, gate) = (Queue::new()?, Queue::new()?);
    let handles: Vec<_> =
        (0..MANY).map(|_| pool.apply_async(hold, (started.clone(), gate.clone()))).collect::<Result<_, _>>()?;
    let pids = (0..MANY).map(|_| started.get()).collect::<mp::Result<Vec<_>>>()?;
    let running = began.elapsed();
    let descriptors = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let workers: u64 = pids.iter().map(|pid| pss_kb(*pid)).sum();
    let own = sum("/proc/self/status", &["VmRSS:"]);
    let let_go = Instant::now();
    (0..MANY).try_for_each(|n| gate.put(n)).expect("room");
    handles.into_iter().try_for_each(|handle| handle.get().map(drop))?;
    let done = let_go.elapsed();
    let ended = timed(|| drop(pool));
    println!(
        "{MANY} forked workers\tall at work after {running:.0?}\tall done {done:.0?} later\tgone within {ended:.0?}"
    );
    println!("\tworkers' PSS {workers} kB\tthis process: {own} kB, {descriptors} descriptors");
    Ok(())
}
