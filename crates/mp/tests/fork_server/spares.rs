//! A worker that is made ahead of time: where others follow each other, one, and for a while. Nobody sees it as a worker.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use mp::{Process, StartMethod};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Bench, eventually, found, left, works};
use crate::{alone, fresh_each, name_of, servers};

fn spares() -> Vec<u32> {
    left::children().into_iter().filter(|pid| name_of(*pid).starts_with("mp-spare")).collect()
}

/// Of two births, the second has to follow the first in this time for there to be one, and so long it is kept.
const KEPT: Duration = Duration::from_secs(2);

/// The one that is made ahead when two others have been born one soon after the other, and since when at least it has been there to
/// be wanted. Births that a busy machine has kept apart have none: then there are two more.
fn spare_since() -> (u32, Instant) {
    found("one is made ahead", || {
        let began = Instant::now();
        (0..2).for_each(|n| drop(told(n)));
        let mut looks = std::iter::repeat_with(spares).take_while(|_| began.elapsed() < KEPT);
        looks.find_map(|all| if let [spare] = all[..] { Some((spare, began)) } else { None })
    })
}

fn spare() -> u32 {
    spare_since().0
}

/// Kills it, and waits until it has ended: its supervisor has not taken its status, unless it was gone before.
fn end(pid: u32) {
    let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    eventually("it has ended", || stat().rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z')));
}

/// Who it is, what is to be its alone, and what it was told.
fn tell() -> (u32, u64, String, Option<String>) {
    let directory = std::env::current_dir().expect("a directory").to_string_lossy().into_owned();
    (std::process::id(), RandomState::new().hash_one(1), directory, std::env::var("MP_TEST_SPARE").ok())
}

fn told(n: u32) -> (u32, u64, String, Option<String>) {
    let directory = if n.is_multiple_of(2) { "/" } else { "/tmp" };
    let process = Process::builder(tell, ()).start_method(StartMethod::ForkServer).current_dir(directory);
    let told = process.env("MP_TEST_SPARE", n.to_string()).spawn().expect("a process").join().expect("a value");
    assert_eq!((&*told.2, told.3.as_deref()), (directory, Some(&*n.to_string())));
    told
}

/// It keeps the fork server.
fn keeper(bench: &Bench) -> std::sync::Arc<mp::Pool> {
    let pool = bench.pool(1);
    works(&pool);
    pool
}

#[test]
fn the_next_process_is_the_one_that_was_made_ahead_and_has_all_that_is_its_own() {
    alone("ahead", |bench| {
        let pool = keeper(bench);
        let mut all = Vec::new();
        for n in 0..10 {
            // One that has waited for too long is not the next one, but ended.
            all.push(found("it is wanted soon", || {
                let (ahead, began) = spare_since();
                assert!(!pool.worker_pids().contains(&ahead));
                assert!(!mp::active_children().iter().any(|child| child.pid == ahead));
                let next = told(n);
                assert!(next.0 == ahead || began.elapsed() > KEPT / 2, "{next:?} is not {ahead}");
                (next.0 == ahead).then_some(next)
            }));
        }
        let keys: BTreeSet<_> = all.iter().map(|(_, key, ..)| key).collect();
        assert_eq!(keys.len(), all.len(), "what is random is each one's own: {all:?}");
        let process = Process::builder(tell, ()).start_method(StartMethod::ForkServer).spawn().expect("a process");
        assert_eq!(process.join().expect("a value").3, None, "the next one has nothing of it");
        assert_eq!(servers().len(), 1);
    });
}

#[test]
fn who_is_wanted_once_or_all_at_once_has_nobody_made_ahead() {
    alone("at_once", |bench| {
        let pool = bench.pool(4);
        pool.map(|n: u64| n, 0..100).expect("all run");
        eventually("all are there", || pool.worker_pids().len() == 4);
        told(0);
        assert!(spares().is_empty());
    });
}

#[test]
fn a_spare_worker_is_not_kept_for_long_and_ends_with_the_fork_server() {
    alone("kept", |bench| {
        let pool = keeper(bench);
        spare();
        eventually("nobody has wanted it", || spares().is_empty());
        works(&pool);
        spare();
        drop(pool);
        eventually("nobody can want it", || left::children().is_empty());
    });
}

#[test]
fn a_spare_worker_that_is_killed_costs_nothing() {
    alone("killed_spare", |bench| {
        let _pool = keeper(bench);
        for n in 0..10 {
            let ahead = spare();
            end(ahead);
            assert_ne!(told(n).0, ahead);
        }
    });
}

#[test]
fn the_death_of_the_fork_server_ends_its_spare_worker_with_the_next_birth() {
    alone("killed_server", |bench| {
        let _pool = keeper(bench);
        for n in 0..5 {
            let (ahead, server) = (spare(), crate::server());
            end(server);
            assert_ne!(told(n).0, ahead);
            assert!(!left::children().contains(&ahead));
            assert_ne!(crate::server(), server);
        }
    });
}

/// At random moments, and births all the time: whatever it is doing, nobody is lost and nobody left.
#[test]
fn spare_workers_killed_at_any_moment_lose_nothing() {
    alone("kill_spares", |bench| {
        let pool = bench.build(fresh_each(bench, 2).restart_limit(10_000, std::time::Duration::from_secs(1)));
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    // Every other one: else hardly any comes to its task.
                    for pid in spares().into_iter().filter(|pid| pid % 2 == 1) {
                        // It may have become a worker, and have ended.
                        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
                    }
                    std::thread::yield_now();
                }
            });
            // A worker that has just learnt who it is may be the one that is killed: then its task is tried again.
            let once = |_| pool.mapping(|n: u64| n + 1).retries(50).map(0..40);
            let all: Vec<_> = (0..3).map(once).collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            killer.join().expect("no panic");
            all.into_iter().for_each(|values| assert_eq!(values, Ok((1..=40).collect::<Vec<_>>())));
        });
        works(&pool);
    });
}
