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

/// Kills a worker of the pool, and nobody else (I8): a number that is in the pool's books after the descriptor was opened
/// was not given back before, so the descriptor is the worker's, or that of a process that has ended.
fn kill_one(pool: &Weak<mp::Pool>, dice: &mut Dice) -> bool {
    let Some(pool) = pool.upgrade() else { return false };
    let pids = pool.worker_pids();
    let Some(pid) = pids.get(dice.below(pids.len())).copied() else { return false };
    let Ok(victim) = Pidfd::open(pid) else { return false };
    pool.worker_pids().contains(&pid) && victim.signal(Signal::SIGKILL).is_ok()
}
