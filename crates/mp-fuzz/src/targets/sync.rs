//! Locks and data in shared memory that another process has written to.
//!
//! Does **not** expect them to work: only that each call ends that does not wait, by its contract, for what only others can do.

use std::fmt::Debug;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use mp_link::baggage;
use mp_sync::{
    Array, AtomicU64, Barrier, BoundedSemaphore, Condition, Event, Lock, Mutex, Permit, RLock, Result, Semaphore,
    SharedMemory,
};
use mp_wire::codec;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Trail;

/// Of the memory, so many bytes are written to: all of the words, and some of the data.
const REACH: u64 = 3 * 4096;

/// Long enough for a look at who holds what.
const SOON: Duration = Duration::from_millis(2);

/// The first byte chooses the kind; then come writes: two bytes of place, eight of value.
pub(super) fn sync(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Some((kind, writes)) = data.split_first() else { return trail };
    let no = Duration::ZERO;
    let trail = &mut trail;
    mp_sync::hurry();
    match kind % 11 {
        0 => tried(Lock::new(), writes, trail, |lock| {
            told((lock.try_lock().map(|guard| guard.is_some()), lock.lock_timeout(SOON).map(drop)))
        }),
        1 => tried(RLock::new(), writes, trail, |lock| {
            told((lock.try_lock().map(|guard| guard.is_some()), lock.lock_timeout(SOON).map(drop)))
        }),
        2 => tried(Semaphore::new(2), writes, trail, semaphore),
        3 => tried(BoundedSemaphore::new(2), writes, trail, |one| {
            let taken =
                (one.try_acquire().map(|permit| permit.is_some()), one.acquire_timeout(SOON).map(Permit::forget));
            told((taken, one.release(), one.value()))
        }),
        4 => tried(Event::new(), writes, trail, |one| {
            let before = (one.wait_timeout(no), one.is_set());
            one.clear();
            one.set();
            told((before, one.is_set()))
        }),
        5 => tried(Condition::new(), writes, trail, condition),
        6 => tried(Barrier::new(2), writes, trail, barrier),
        7 => tried(Mutex::new([1_u64; 4]), writes, trail, |one| told(one.lock_timeout(SOON).map(|guard| guard[0]))),
        8 => tried(Array::from_slice(&[1_u16; 64]), writes, trail, array),
        9 => tried(SharedMemory::new(100), writes, trail, |one| {
            let mut bytes = [0; 100];
            told((one.len(), one.read(0, &mut bytes), one.write(99, &[1, 2])))
        }),
        _ => tried(AtomicU64::new(1), writes, trail, |one| format!("{one:?}")),
    }
    std::mem::take(trail)
}

fn semaphore(one: &Semaphore) -> String {
    let taken = (one.try_acquire().map(|permit| permit.is_some()), one.acquire_timeout(SOON).map(drop));
    one.release();
    told((taken, one.value()))
}

fn condition(one: &Condition) -> String {
    let waited = one.lock_timeout(SOON).and_then(|mut guard| Ok((guard.notify_all()?, guard.wait_timeout(SOON)?)));
    told((waited, one.waiting()))
}

fn barrier(one: &Barrier) -> String {
    let seen = (one.parties(), one.n_waiting(), one.is_broken(), one.wait_timeout(Duration::ZERO));
    let acted = one.abort().and_then(|()| one.reset());
    told((seen, acted, one.wait_timeout(SOON), one.is_broken()))
}

/// Held while it is looked at: a call of its own would wait for a holder that was made up and lives as for any other.
fn array(one: &Array<u16>) -> String {
    let held = one.lock_timeout(SOON).map(|mut held| {
        (held.get(63), held.read(0..64).map(|all| all.len()), held.set(64, 0), held.write(60, &[1, 2]))
    });
    told((one.len(), held))
}

fn told(outcome: impl Debug) -> String {
    format!("{outcome:?}")
}

/// One that has travelled, after its memory was written to.
fn tried<T: Serialize + DeserializeOwned>(
    made: Result<T>,
    writes: &[u8],
    trail: &mut Trail,
    call: impl Fn(&T) -> String,
) {
    let made = made.expect("memory");
    let (bytes, fds) = baggage::pack_with(|| codec::encode(&made).expect("an argument"));
    for fd in &fds {
        let file = File::from(fd.try_clone().expect("a descriptor"));
        scribble(&file, writes);
    }
    drop(made);
    match baggage::unpack_with(fds, || codec::decode::<T>(&bytes)) {
        Ok(one) => (0..2).for_each(|_| trail.text(&call(&one))),
        Err(error) => trail.text(&error.0),
    }
}

fn scribble(file: &File, writes: &[u8]) {
    let len = file.metadata().map_or(0, |data| data.len());
    for write in writes.chunks_exact(10) {
        let place = u64::from(u16::from_le_bytes([write[0], write[1]])) % REACH / 8 * 8;
        if place + 8 <= len {
            file.write_all_at(&write[2..], place).expect("room");
        }
    }
}
