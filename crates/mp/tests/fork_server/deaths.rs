//! The fork server dies, or hangs: its workers and their pool go on, and another one comes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use mp::Pool;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{eventually, works};
use crate::{alone, fresh_each, server, servers};

/// Its number cannot be another's: a child's is kept until the supervisor has taken its status.
fn signal(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

#[test]
fn killed_it_costs_nothing_and_the_next_birth_brings_another() {
    alone("killed", |bench| {
        let pool = bench.pool(2);
        pool.map(|n: u64| n, 0..100).expect("all run");
        eventually("both are there", || pool.worker_pids().len() == 2);
        let (first, workers) = (server(), pool.worker_pids());
        signal(first, Signal::SIGKILL);
        for _ in 0..10 {
            works(&pool);
        }
        assert_eq!(pool.worker_pids(), workers, "its workers are not its children");
        signal(workers[0], Signal::SIGKILL);
        eventually("it is replaced", || pool.worker_pids().iter().filter(|pid| !workers.contains(pid)).count() == 1);
        assert_ne!(server(), first);
        works(&pool);
        assert_eq!(pool.stats().failed, 0);
    });
}

/// At random moments, births under way among them: then the worker that nobody has heard of must not be left behind.
#[test]
fn killed_again_and_again_while_workers_are_born() {
    alone("kills", |bench| {
        let pool = bench.build(fresh_each(bench, 3));
        let (stop, stopped) = channel::<()>();
        let pool = &*pool;
        let (kills, mut submitted) = (&AtomicU64::new(0), 0);
        std::thread::scope(|scope| {
            scope.spawn(move || kill_until(pool, &stopped, kills));
            // A killer that seldom has a processor needs more rounds. The watchdog ends it, if it never has one.
            while submitted < 300 || kills.load(Ordering::Relaxed) <= 10 {
                let values = pool.map(|n: u64| n + 1, submitted..submitted + 30);
                assert_eq!(values, Ok((submitted + 1..submitted + 31).collect::<Vec<_>>()));
                submitted += 30;
            }
            drop(stop);
        });
        works(pool);
    });
}

/// Kills the fork server whenever some workers have been born.
fn kill_until(pool: &Pool, stopped: &Receiver<()>, kills: &AtomicU64) {
    let mut done = 0;
    while stopped.try_recv() != Err(TryRecvError::Disconnected) {
        let now = pool.stats().completed;
        if now >= done + 5 {
            done = now;
            servers().into_iter().for_each(|pid| signal(pid, Signal::SIGKILL));
            kills.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One that is stopped does not answer. It is killed after ten seconds, and another one is asked.
#[test]
fn hanging_it_is_replaced() {
    alone("hangs", |bench| {
        let pool = bench.build(fresh_each(bench, 1));
        works(&pool);
        let first = server();
        signal(first, Signal::SIGSTOP);
        for _ in 0..3 {
            works(&pool);
        }
        assert_ne!(server(), first);
        assert_eq!(pool.stats().failed, 0);
    });
}

#[test]
fn it_is_gone_with_the_last_pool() {
    alone("last", |bench| {
        for _ in 0..20 {
            let (one, other) = (bench.pool(1), bench.pool(1));
            works(&one);
            let pid = server();
            drop(one);
            works(&other);
            assert_eq!(server(), pid, "the other still needs it");
            drop(other);
            eventually("it is gone", || servers().is_empty());
        }
    });
}
