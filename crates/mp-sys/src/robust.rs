//! A lock between processes that survives the death of its holder, at any instruction.
//!
//! Does **not** know what it protects. It tells the next holder that the last one died; what to repair is theirs.
//!
//! ```text
//!                 0 ──────────── free
//!               tid ──────────── held by that thread
//!     tid | WAITERS ──────────── held, and somebody sleeps on the word
//!   DIED [| WAITERS] ─────────── free; the kernel wrote this when the holder died, and woke one sleeper
//! ```
//!
//! - R1 Who sleeps has seen WAITERS in the word, and the bit goes away only in the one system call that also wakes
//!   all sleepers. So no death, of the waker or of the woken, leaves a sleeper that nobody knows of.
//! - R2 From before it takes the word until after it gave it back, the thread has the word's address as "pending"
//!   in its robust list: the kernel looks there when the thread ends, however it ends.
//! - R3 One lock at a time for a thread, since there is one pending entry. A second is refused.
//! - R4 Who waits looks now and then whether the holder exists. One that does not, because the memory was overwritten or the
//!   kernel could not follow a broken list, has died, as far as that goes; no wait for it is without limit.
//!
//! Why not a robust `pthread_mutex_t`: it keeps a linked list of pointers *in the shared memory* and writes through
//! them, so that a process that scribbles there corrupts all others; glibc takes the thread's id from a cache that is
//! stale in a child of a plain `clone3` (our fork server), whose death would then never free the lock; and its unlock
//! stores zero first and wakes then, so that a kill in between plus a third process in the gap strand a sleeper.
#![expect(unsafe_code, reason = "the robust list belongs to the kernel and the C library, and is reached by address")]

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use crate::futex;
use crate::process;
use crate::thread::Thread;

const WAITERS: u32 = libc::FUTEX_WAITERS;
const DIED: u32 = libc::FUTEX_OWNER_DIED;
const TID: u32 = libc::FUTEX_TID_MASK;

/// Looks at a held lock this often before sleeping: what it protects here takes about a microsecond.
const SPINS: u32 = 50;

/// Who sleeps looks at the holder this often (R4).
const LOOK: Duration = Duration::from_millis(100);

/// How the last holder of the lock left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// As holders do.
    Released,
    /// It died holding it: what the lock protects may be half changed.
    Died,
}

/// Runs `body` with the lock that is `word`, and gives it back, also when `body` panics.
///
/// # Errors
/// `TimedOut` at `deadline`; `Deadlock` when this thread holds such a lock already (R3); what the system refuses.
pub fn hold<R>(word: &AtomicU32, deadline: Option<Instant>, body: impl FnOnce(Left) -> R) -> io::Result<R> {
    let me = Holder::enter(word)?;
    let left = me.acquire(deadline)?;
    let held = Held(&me);
    let result = body(left);
    drop(held);
    Ok(result)
}

/// Sleeps while the word is this, until `deadline`, or for `slice`.
pub(crate) fn sleep_at_most(word: &AtomicU32, seen: u32, deadline: Option<Instant>, slice: Duration) -> io::Result<()> {
    let left = deadline.map_or(slice, |deadline| deadline.saturating_duration_since(Instant::now()));
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { futex::wait(word, seen, Some(left.min(slice))) }
}

/// Writes what the kernel writes at a death, if a thread has the word that does not exist (R4): whether that was so.
pub(crate) fn mark_if_gone(word: &AtomicU32) -> bool {
    let seen = word.load(Acquire);
    let gone = seen & TID != 0 && !process::is_some_thread(seen & TID);
    // A holder that has ended since has been marked by the kernel before its number was free: then this changes nothing.
    gone && word.compare_exchange(seen, (seen & WAITERS) | DIED, Relaxed, Relaxed).is_ok()
}

/// A thread on its way to the lock, holding it, or leaving it: as long as the word is pending (R2).
struct Holder<'a> {
    word: &'a AtomicU32,
    thread: Thread,
}

impl<'a> Holder<'a> {
    fn enter(word: &'a AtomicU32) -> io::Result<Self> {
        let thread = Thread::current()?;
        // SAFETY: this thread's own list, registered with the kernel, which lives as long as the thread.
        let (offset, pending) =
            unsafe { ((*thread.list).futex_offset, ptr::read_volatile(&raw const (*thread.list).pending)) };
        if pending != 0 {
            return Err(io::ErrorKind::Deadlock.into());
        }
        thread.set_pending(word.as_ptr().addr().wrapping_add_signed(offset.wrapping_neg()));
        Ok(Self { word, thread })
    }

    fn acquire(&self, deadline: Option<Instant>) -> io::Result<Left> {
        let mut spins = 0;
        loop {
            let seen = self.word.load(Relaxed);
            if seen & TID == 0 {
                if self.take(seen) {
                    return Ok(if seen & DIED == 0 { Left::Released } else { Left::Died });
                }
            } else if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                self.sleep(seen, deadline)?;
                mark_if_gone(self.word);
            }
        }
    }

    /// Takes the free lock. Keeps WAITERS: the kernel woke one sleeper of a dead holder, not all (R1).
    fn take(&self, seen: u32) -> bool {
        self.word.compare_exchange(seen, self.thread.tid | (seen & WAITERS), Acquire, Relaxed).is_ok()
    }

    fn sleep(&self, seen: u32, deadline: Option<Instant>) -> io::Result<()> {
        let marked = seen | WAITERS;
        if seen != marked && self.word.compare_exchange(seen, marked, Relaxed, Relaxed).is_err() {
            return Ok(());
        }
        sleep_at_most(self.word, marked, deadline, LOOK)
    }

    fn release(&self) {
        if self.word.compare_exchange(self.thread.tid, 0, Release, Relaxed).is_err() {
            // Refused by a kernel that lacks the call: a store and a wake are as good for all who are not killed between.
            if futex::clear_and_wake_all(self.word).is_err() {
                self.word.store(0, Release);
                futex::wake_all(self.word);
            }
        }
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        self.thread.set_pending(0);
    }
}

/// The lock, held; given back when dropped.
struct Held<'a, 'w>(&'a Holder<'w>);

impl Drop for Held<'_, '_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::SeqCst;

    #[test]
    fn one_holder_at_a_time() {
        let (word, sum) = (AtomicU32::new(0), AtomicU64::new(0));
        let add = || {
            for _ in 0..50_000 {
                hold(&word, None, |_| sum.store(sum.load(Relaxed) + 1, Relaxed)).expect("holds");
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(add);
            }
        });
        assert_eq!((sum.load(Relaxed), word.load(Relaxed)), (200_000, 0));
    }

    #[test]
    fn a_second_lock_in_one_thread_is_refused() {
        let word = AtomicU32::new(0);
        let inner = hold(&word, None, |_| hold(&AtomicU32::new(0), None, |_| ())).expect("holds");
        assert_eq!(inner.expect_err("refused").kind(), io::ErrorKind::Deadlock);
    }

    #[test]
    fn waiting_ends_at_the_deadline_and_after_a_panic_the_lock_is_free() {
        let word = AtomicU32::new(TID - 1);
        assert_eq!(hold(&word, None, |left| left).expect("no such thread"), Left::Died);
        word.store(1, SeqCst);
        let soon = Some(Instant::now() + Duration::from_millis(10));
        assert_eq!(hold(&word, soon, |_| ()).expect_err("held").kind(), io::ErrorKind::TimedOut);
        word.store(0, SeqCst);
        let _ = std::panic::catch_unwind(|| hold(&word, None, |_| panic!("while holding")));
        assert_eq!(hold(&word, None, |left| left).expect("free"), Left::Released);
    }
}
