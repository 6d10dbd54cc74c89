//! Behaviours that CPython's own tests look at and no other test here does; the whole list is `docs/CPYTHON_TESTS.md`.
//!
//! Does **not** repeat what the tests of one part of this crate show.

#[path = "common/mod.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mp::{
    Address, AtomicU64, AuthKey, Backend, Connection, Event, Failure, ListProxy, Lock, Manager, ManagerClient, Process,
    Queue, Semaphore, StartMethod, pipe,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::{Bench, bench, eventually};

mp::test_support!();

const LONG: Duration = Duration::from_secs(100);
const SHORT: Duration = Duration::from_millis(50);

fn on_processes_and_threads(name: &str, body: impl Fn(&Bench)) {
    [Backend::Processes, Backend::Threads].into_iter().for_each(|backend| bench(name, backend, &body));
}

fn wait_for(gate: Queue<u64>) -> u64 {
    gate.get_timeout(LONG).expect("let through")
}

#[test]
fn a_wait_that_was_too_short_gives_the_handle_back() {
    on_processes_and_threads("short", |bench| {
        let (pool, gate) = (bench.pool(1), Queue::new().expect("a queue"));
        let handle = pool.apply_async(wait_for, (gate.clone(),)).expect("accepted");
        let begun = Instant::now();
        let handle = handle.get_timeout(SHORT).expect_err("nobody lets it through");
        assert!(begun.elapsed() >= SHORT);
        assert_eq!((handle.is_ready(), handle.is_successful()), (false, None));
        gate.put(7).expect("put");
        assert_eq!(handle.get(), Ok(7));
    });
}

#[test]
fn a_callback_is_called_also_for_what_was_done_before() {
    on_processes_and_threads("late-callback", |bench| {
        let (pool, gate) = (bench.pool(1), Queue::new().expect("a queue"));
        let (said, heard) = mpsc::channel();
        let value = pool.apply_async(|n: u64| n, (1,)).expect("accepted");
        let panicked = pool.apply_async(|n: u64| -> u64 { panic!("{n}") }, (2,)).expect("accepted");
        assert!(value.wait(LONG) && panicked.wait(LONG));
        let running = pool.apply_async(wait_for, (gate.clone(),)).expect("accepted");
        let cancelled = pool.apply_async(|n: u64| n, (3,)).expect("accepted");
        assert!(cancelled.cancel() && cancelled.wait(LONG));
        for (number, handle) in [value, panicked, cancelled].into_iter().enumerate() {
            let said = said.clone();
            handle.on_done(move |outcome| said.send((number, outcome)).expect("heard"));
        }
        let mut all: Vec<_> = (0..3).map(|_| heard.recv_timeout(LONG).expect("called")).collect();
        all.sort_by_key(|(number, _)| *number);
        assert!(
            matches!(&all[..], [(0, Ok(1)), (1, Err(Failure::Panicked { .. })), (2, Err(Failure::Cancelled))]),
            "{all:?}"
        );
        gate.put(0).expect("put");
        running.get().expect("a value");
    });
}

#[test]
fn what_is_cancelled_right_before_the_end_holds_up_no_join() {
    on_processes_and_threads("cancel-join", |bench| {
        for _ in 0..20 {
            let pool = bench.pool(1);
            pool.apply(|| (), ()).expect("a value");
            let last = pool.apply_async(|| (), ()).expect("accepted");
            let cancelled = last.cancel();
            pool.join().expect("closed");
            assert!(matches!((cancelled, last.get()), (_, Ok(())) | (true, Err(Failure::Cancelled))));
        }
    });
}

/// A map goes on when one of its items has failed, and what the failures say is read to the end.
#[test]
fn failures_that_say_much_hold_up_no_join() {
    fn fail(ran: AtomicU64) -> u64 {
        ran.fetch_add(1, SeqCst);
        panic!("{}", "x".repeat(1 << 20))
    }
    bench("large-failures", Backend::Processes, |bench| {
        let (pool, ran) = (bench.pool(2), AtomicU64::new(0).expect("memory"));
        let items: Vec<_> = (0..40).map(|_| pool.apply_async(fail, (ran.clone(),)).expect("accepted")).collect();
        pool.close();
        pool.join().expect("closed");
        assert_eq!(ran.load(SeqCst), 40);
        assert!(items.into_iter().all(|item| matches!(item.get(), Err(Failure::Panicked { .. }))));
    });
}

#[test]
fn far_more_tasks_wait_than_there_are_workers_and_no_worker_more_is_started() {
    on_processes_and_threads("saturated", |bench| {
        let (pool, permits) = (bench.pool(3), Semaphore::new(0).expect("memory"));
        let take = |permits: Semaphore| permits.acquire().expect("given").forget();
        let all: Vec<_> = (0..45).map(|_| pool.apply_async(take, (permits.clone(),)).expect("accepted")).collect();
        eventually("each worker is there", || pool.worker_pids().len() >= 3);
        assert!(!all[0].wait(SHORT));
        assert_eq!(pool.worker_pids().len(), 3);
        (0..45).for_each(|_| permits.release());
        assert!(all.into_iter().all(|one| one.get() == Ok(())));
        assert_eq!((permits.value(), pool.stats().deaths), (0, 0));
    });
}

type Everything = (Connection<Vec<u8>, Vec<u8>>, Queue<u64>, Event, Lock, Semaphore);

/// Waits for each in turn, with a handler for the signal.
fn wait_for_each((line, queue, event, lock, permits): Everything) -> bool {
    let heard = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&heard)).expect("a handler");
    line.send(Vec::new()).expect("ready");
    let message = line.recv().expect("a message, whatever interrupts");
    line.send(message).expect("crosses, whatever interrupts");
    queue.get().expect("an item");
    event.wait().expect("set");
    drop(lock.lock().expect("free"));
    drop(permits.acquire().expect("given"));
    heard.load(SeqCst)
}

/// How often its threads have gone to sleep so far.
fn sleeps(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    let count = |status: String| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
    };
    statuses.filter_map(count).sum()
}

#[test]
fn signals_end_no_wait_early() {
    bench("interrupted", Backend::Processes, |bench| {
        let ((here, there), queue, event) = (pipe().expect("a pipe"), Queue::new().expect("a queue"), Event::new());
        let (event, lock) = (event.expect("memory"), Lock::new().expect("memory"));
        let permits = Semaphore::new(0).expect("memory");
        let everything: Everything = (there, queue.clone(), event.clone(), lock.clone(), permits.clone());
        let child = Process::builder(wait_for_each, (everything,)).start_method(bench.start_method);
        let child = child.spawn().expect("started");
        assert!(here.recv().expect("ready").is_empty(), "from now on it has a handler");
        let (pid, ended) = (Pid::from_raw(child.pid() as i32), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(SeqCst) {
                    let _ = kill(pid, Signal::SIGUSR1);
                    std::thread::yield_now();
                }
            });
            // Each signal that comes while it waits has it wake, and go to sleep again.
            let meanwhile = || {
                let before = sleeps(child.pid());
                eventually("signals come while it waits for the next", || sleeps(child.pid()) >= before + 10);
            };
            let (held, message) = (lock.lock().expect("free"), vec![7; 3_000_000]);
            meanwhile();
            here.send(message.clone()).expect("sends");
            meanwhile();
            assert!(here.recv().expect("receives") == message);
            queue.put(1).expect("puts");
            meanwhile();
            event.set();
            meanwhile();
            drop(held);
            meanwhile();
            permits.release();
            let exit = child.wait();
            ended.store(true, SeqCst);
            assert_eq!(exit.code(), Some(0));
        });
        assert_eq!(child.join(), Ok(true), "it was interrupted");
    });
}

#[test]
fn a_manager_that_ended_comes_back_at_the_same_address_at_once() {
    bench("manager-again", Backend::Processes, |bench| {
        let key = AuthKey::random().expect("a key");
        let start = |address: Address| {
            let manager = Manager::builder().start_method(bench.start_method).key(key.clone()).listen(address).start();
            manager.expect("a manager")
        };
        let mut address: Address = "127.0.0.1:0".parse().expect("an address");
        for round in 0..3 {
            let manager = start(address);
            address = manager.addresses()[0].clone();
            let list: ListProxy<u32> = manager.list().expect("a list");
            manager.publish("numbers", &list).expect("a call");
            let remote = ManagerClient::connect(&address, &key).expect("it has the key");
            remote.find::<ListProxy<u32>>("numbers").expect("published").push(&round).expect("a call");
            assert_eq!(list.to_vec().expect("a call"), [round]);
            manager.shutdown();
        }
    });
}

#[test]
fn forty_processes_are_ended_and_each_says_so() {
    fn stay() {
        loop {
            std::thread::park();
        }
    }
    bench("forty", Backend::Processes, |bench| {
        let start = |_| Process::builder(stay, ()).start_method(bench.start_method).spawn().expect("started");
        let all: Vec<_> = (0..40).map(start).collect();
        assert!(all.iter().all(|one| one.is_alive() && one.exit_code().is_none()));
        assert_eq!(all[0].wait_timeout(Duration::ZERO), None);
        all.iter().for_each(Process::terminate);
        assert!(all.iter().all(|one| one.wait().code() == Some(-15) && !one.is_alive()));
        assert!(all.iter().all(|one| one.exit_code() == Some(-15)));
    });
}

#[test]
fn start_methods_are_mixed_and_nested_as_one_likes() {
    fn inner(method: u8, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let next = if method == 0 { StartMethod::ForkServer } else { StartMethod::Spawn };
        let process = Process::builder(inner, (1 - method, depth - 1)).start_method(next).spawn().expect("started");
        process.join().expect("a value") + 1
    }
    bench("mixed", Backend::Processes, |bench| {
        let queue = Queue::new().expect("a queue");
        let put = |queue: Queue<u32>, n: u32| queue.put(n).expect("puts");
        let other = if bench.start_method == StartMethod::Spawn { StartMethod::ForkServer } else { StartMethod::Spawn };
        for (number, method) in (1..).zip([bench.start_method, other]) {
            let process = Process::builder(put, (queue.clone(), number)).start_method(method);
            process.spawn().expect("started").join().expect("put");
        }
        assert_eq!((queue.get().expect("an item"), queue.get().expect("an item")), (1, 2));
        assert_eq!(inner(u8::from(bench.start_method == StartMethod::Spawn), 3), 3);
    });
}
