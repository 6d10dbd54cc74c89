//! Who kills: a worker at random, again and again.
//!
//! Does **not** know what the worker does: it may be idle, at work, sending, or not yet born to the end.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use mp_sys::pidfd::{Pidfd, Signal};

use super::Plan;
use super::work::Dice;

/// A killer at large.
pub(super) struct Killer {
    stop: Sender<()>,
    thread: JoinHandle<u64>,
}

impl Killer {
    pub(super) fn start(pool: &Arc<mp::Pool>, plan: &Plan) -> Self {
        let (stop, stopped) = channel::<()>();
        let (pool, every, mut dice) = (Arc::downgrade(pool), plan.kill_every, Dice::of(plan.seed, u32::MAX));
        let thread = std::thread::spawn(move || {
            let mut kills = 0;
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                kills += u64::from(kill_one(&pool, &mut dice));
            }
            kills
        });
        Self { stop, thread }
    }

    /// No more. Gives how many it has killed.
    pub(super) fn stop(self) -> u64 {
        drop(self.stop);
        self.thread.join().unwrap_or(0)
    }
}

/// Kills a worker of the pool, or now and then the fork server, and nobody else (I8): a number that is in the books after
/// the descriptor was opened was not given back before, so the descriptor is its, or that of a process that has ended.
fn kill_one(pool: &Weak<mp::Pool>, dice: &mut Dice) -> bool {
    let Some(pool) = pool.upgrade() else { return false };
    let server = dice.below(20) == 0 && !fork_servers().is_empty();
    let victims = || if server { fork_servers() } else { pool.worker_pids() };
    let pids = victims();
    let Some(pid) = pids.get(dice.below(pids.len())).copied() else { return false };
    let Ok(victim) = Pidfd::open(pid) else { return false };
    victims().contains(&pid) && victim.signal(Signal::SIGKILL).is_ok()
}

/// This process's children that fork workers: none, where workers start otherwise.
fn fork_servers() -> Vec<u32> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let pids: Vec<u32> = lists.flat_map(|list| pids_of(&list)).collect();
    pids.into_iter().filter(|pid| is_fork_server(*pid)).collect()
}

fn pids_of(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn is_fork_server(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "mp-fork-server")
}
