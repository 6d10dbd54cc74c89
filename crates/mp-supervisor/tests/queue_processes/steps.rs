//! Queues whose user is killed at each instruction of a put or a get, by single-stepping it there.
//!
//! Somebody else sleeps on the queue meanwhile. Whatever the instruction, afterwards the sleeper has what there was
//! to have, without anybody's help: no wake is lost. `MP_EXHAUSTIVE=1` takes every instruction, not one in a few.
//!
//! ```text
//!  victim: warm up, stop ── step × n ── SIGKILL          n goes over all instructions around the lock
//!  sleeper: waits ───────────── woken?, handed over?
//! ```

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use mp_supervisor::Queue;

use crate::harness::{Helper, LOCK_AT, page, queues};
use crate::roles::{ALIKE, Item, check, item};

/// Kills in one test, unless it is exhaustive. Each run takes others.
/// The part of a robust futex that names its holder, by futex(2).
const FUTEX_TID_MASK: u32 = 0x3fff_ffff;

const KILLS: u64 = 40;

/// What comes by itself comes before this.
const LONG: Duration = Duration::from_secs(100);

/// Instructions before the lock is taken, and after it is given back, that are tried too.
const AROUND: u64 = 100;

/// The number of the item that a victim puts.
const VICTIMS: u64 = 1_000_000;

pub(crate) fn put_killed_at_each_instruction() {
    let (work, done) = (Queue::<Item>::new().expect("creates"), Queue::<Item>::new().expect("creates"));
    let relay = Helper::start("relay", &[], &work, &done);
    let kills = kill_everywhere(
        "step_put",
        &work,
        || relay.sleeps_now(),
        || {
            settle("an item and nobody takes it", || relay.sleeps_now() && work.is_empty());
            let arrived = done.len() as u64;
            (0..arrived).for_each(|_| assert_eq!(done.try_get().expect("gets").1, VICTIMS));
            work.put(item(0, 5)).expect("puts");
            let next = done.get_timeout(LONG).expect("the relay lives");
            assert_eq!(next.1, 5, "the dead one's item must not come later");
            arrived
        },
    );
    assert!(0 < kills.1 && kills.1 < kills.0, "{kills:?}: kills on both sides of the moment that it counts");
}

pub(crate) fn get_killed_at_each_instruction() {
    let (work, done) = (Queue::<Item>::bounded(1).expect("creates"), Queue::<u64>::new().expect("creates"));
    let producer = Helper::start("produce_alike", &[], &work, &done);
    let mut next = 0;
    let kills = kill_everywhere(
        "step_get",
        &work,
        || producer.sleeps_now() && work.len() == 1,
        || {
            settle("room and nobody uses it", || producer.sleeps_now() && work.len() == 1);
            let item = work.get_timeout(LONG).expect("the producer lives");
            check(&item);
            let taken = item.1 / ALIKE - next;
            assert!(taken <= 1, "{taken} items went with one victim");
            next = item.1 / ALIKE + 1;
            taken
        },
    );
    assert!(0 < kills.1 && kills.1 < kills.0, "{kills:?}: kills on both sides of the moment that it counts");
}

/// Kills victims of this role around the time that they hold the lock; `judge` says how many items each moved.
/// Gives the number of kills and of items.
fn kill_everywhere(
    role: &str,
    work: &Queue<Item>,
    ready: impl Fn() -> bool,
    mut judge: impl FnMut() -> u64,
) -> (u64, u64) {
    settle("not ready", &ready);
    let (first, last) = on_one_processor(|| locked_steps(role, work));
    let _ = judge();
    let (start, end) = (first.saturating_sub(AROUND), last + AROUND);
    let stride = if std::env::var_os("MP_EXHAUSTIVE").is_some() { 1 } else { (end - start).div_ceil(KILLS) };
    let (mut kills, mut items) = (0, 0);
    let offset = u64::from(std::process::id()) % stride;
    for steps in (start + offset..end).step_by(stride as usize) {
        settle("not ready", &ready);
        on_one_processor(|| {
            let mut victim = Victim::start(role, work);
            (0..steps).for_each(|_| victim.step());
            victim.0.kill();
        });
        (kills, items) = (kills + 1, items + judge());
    }
    (kills, items)
}

/// Between which steps a victim that is not killed holds the lock.
fn locked_steps(role: &str, work: &Queue<Item>) -> (u64, u64) {
    let mut victim = Victim::start(role, work);
    let (page, pid) = (page(work), victim.0.pid());
    let (mut first, mut last) = (None, 0);
    for step in 1.. {
        victim.step();
        if page.u32_at(LOCK_AT).load(SeqCst) & FUTEX_TID_MASK == pid {
            first = first.or(Some(step));
            last = step;
        } else if first.is_some() && step > last + AROUND {
            break;
        }
    }
    (first.unwrap_or(last), last)
}

/// Runs `body`, and what it starts, on the first processor: a step of a victim elsewhere is two wake-ups more.
fn on_one_processor<R>(body: impl FnOnce() -> R) -> R {
    let this = Pid::from_raw(0);
    let all = sched_getaffinity(this).expect("a set of processors");
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|cpu| all.is_set(*cpu).unwrap_or(false));
    one.set(first.unwrap_or(0)).expect("a processor");
    sched_setaffinity(this, &one).expect("moves");
    let result = body();
    sched_setaffinity(this, &all).expect("moves back");
    result
}

/// Waits for what must come by itself.
fn settle(wedge: &str, settled: impl Fn() -> bool) {
    let start = Instant::now();
    while !settled() {
        assert!(start.elapsed() < LONG, "{wedge}");
        std::thread::yield_now();
    }
}

/// A helper that stands before the call in which it will be killed.
struct Victim(Helper);

impl Victim {
    fn start(role: &str, work: &Queue<Item>) -> Self {
        let warm = Queue::<Item>::new().expect("creates");
        let victim = Self(Helper::start(role, &[], work, &warm));
        victim.wait_for_stop();
        victim
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.pid() as i32)
    }

    /// One instruction further.
    fn step(&mut self) {
        ptrace::step(self.pid(), None).expect("steps");
        self.wait_for_stop();
    }

    /// A victim does not end by itself, so nothing is reaped here.
    fn wait_for_stop(&self) {
        let status = waitpid(self.pid(), Some(WaitPidFlag::__WALL)).expect("a status");
        assert!(matches!(status, WaitStatus::Stopped(..)), "{status:?}");
    }
}

/// In the victim: one put, from a standing start.
pub(crate) fn step_put() {
    let work = warm_up();
    let item = item(1, VICTIMS);
    stop_here();
    let _ = work.put(item);
    go_on();
}

/// In the victim: one get, from a standing start.
pub(crate) fn step_get() {
    let work = warm_up();
    stop_here();
    let _ = work.get();
    go_on();
}

/// Puts and gets once elsewhere, so that what is done only once is done.
fn warm_up() -> Queue<Item> {
    let (work, warm) = queues::<Item, Item>();
    warm.put(item(1, 1)).expect("puts");
    warm.get().expect("gets");
    work
}

/// This thread stops until it is stepped on.
fn stop_here() {
    ptrace::traceme().expect("is traced");
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).expect("stops");
}

/// Until it is killed.
fn go_on() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
