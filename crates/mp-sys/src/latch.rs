//! A lock of which a thread can hold many, for as long as it likes, and whose holder's death the kernel tells.
//!
//! Does **not** know what it protects, nor where its word and its entry lie: that is [`crate::plate`].
//!
//! ```text
//!                 0 ──────────── free
//!               tid ──────────── held by that thread
//!     tid | WAITERS ──────────── held, and somebody sleeps on the word
//!   DIED [| WAITERS] ─────────── free; the kernel wrote this when the holder died, and woke one sleeper
//! ```
//!
//! - A1 As R1 in [`crate::robust`]: WAITERS goes away only in the system call that also wakes all sleepers.
//! - A2 take:    announce ─ word: 0 → tid ─ link ─ settled.   release: announce ─ unlink ─ word: tid → 0 ─ settled.
//!   At each instant at which the word is this thread's, its entry is announced or linked.
//! - A3 Taken and given back without a system call, where nobody waits.
//! - A4 As R4: a holder that does not exist has died.

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use crate::futex;
use crate::list::Node;
use crate::process;
use crate::robust;
use crate::thread::Thread;

const WAITERS: u32 = libc::FUTEX_WAITERS;
const DIED: u32 = libc::FUTEX_OWNER_DIED;
const TID: u32 = libc::FUTEX_TID_MASK;

/// Looks at a held latch this often before sleeping, each time after twice as long a pause: who has it can give it back and
/// take it again meanwhile, without a word that two processors pass to and fro.
const LOOKS: u32 = 10;

/// After so long a sleep the holder is looked at (A4), and from then on after [`LATER`] each time.
const FIRST: Duration = Duration::from_millis(1);
const LATER: Duration = Duration::from_secs(1);

/// One latch of a plate.
#[derive(Clone, Copy, Debug)]
pub struct Latch<'a> {
    pub(crate) word: &'a AtomicU32,
    pub(crate) node: &'a Node,
    /// The thread of this process that had it last.
    pub(crate) holder: &'a AtomicU32,
    /// The process that has it, for those that come after its death.
    pub(crate) pid: &'a AtomicU32,
}

/// How the last holder of a latch left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// As holders do.
    Released,
    /// It died holding it. Its process, or 0 if it died in the act of taking.
    Died(u32),
}

/// Who has a latch, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nobody.
    Free,
    /// This thread.
    Here,
    /// Another thread, of whatever process: its id.
    By(u32),
    /// Nobody any more.
    Died,
}

impl Latch<'_> {
    /// Takes it if it is free, and was given back by its last holder: the usual case, and the short way.
    #[must_use]
    #[inline]
    pub fn take_at_once(self) -> bool {
        let Some(thread) = Thread::known_linking() else { return false };
        thread.announce(self.node);
        let mut taken = self.word.compare_exchange(0, thread.tid, Acquire, Relaxed).is_ok();
        if taken && self.node.is_linked() {
            taken = false;
            self.free(thread);
        } else if taken {
            self.hold(thread);
        }
        thread.settled();
        taken
    }

    /// Takes it if it is free.
    ///
    /// # Errors
    /// `Deadlock` when this thread has it; `InvalidData` when its memory was overwritten.
    #[inline]
    pub fn try_take(self) -> io::Result<Option<Left>> {
        let thread = Thread::linking()?;
        let seen = self.word.load(Relaxed);
        if seen & TID != 0 {
            return if seen & TID == thread.tid { Err(io::ErrorKind::Deadlock.into()) } else { Ok(None) };
        }
        thread.announce(self.node);
        let taken = self.take_free(thread, seen);
        thread.settled();
        taken
    }

    /// Takes it; waits until `deadline`, or without limit for a holder that lives. One that does not exist has died.
    ///
    /// # Errors
    /// `TimedOut`, and as [`Latch::try_take`].
    #[inline]
    pub fn take(self, deadline: Option<Instant>) -> io::Result<Left> {
        let thread = Thread::linking()?;
        thread.announce(self.node);
        let taken = match self.take_free(thread, 0) {
            Ok(Some(left)) => Ok(left),
            Ok(None) => self.wait(thread, deadline),
            Err(error) => Err(error),
        };
        thread.settled();
        taken
    }

    #[cold]
    fn wait(self, thread: Thread, deadline: Option<Instant>) -> io::Result<Left> {
        let (mut looks, mut slice) = (0, FIRST);
        loop {
            let seen = self.word.load(Relaxed);
            match seen & TID {
                0 => {
                    if let Some(left) = self.take_free(thread, seen)? {
                        return Ok(left);
                    }
                }
                tid if tid == thread.tid => return Err(io::ErrorKind::Deadlock.into()),
                _ if looks < LOOKS => {
                    (0..1 << looks).for_each(|_| std::hint::spin_loop());
                    looks += 1;
                }
                _ => {
                    self.sleep(seen, deadline, slice)?;
                    self.mark_if_gone();
                    slice = LATER;
                }
            }
        }
    }

    /// Writes what the kernel writes at a death, if a thread has it that does not exist (A4): whether that was so.
    pub fn mark_if_gone(self) -> bool {
        robust::mark_if_gone(self.word)
    }

    #[inline]
    fn take_free(self, thread: Thread, seen: u32) -> io::Result<Option<Left>> {
        if self.word.compare_exchange(seen, thread.tid | (seen & WAITERS), Acquire, Relaxed).is_err() {
            return Ok(None);
        }
        if self.node.is_linked() {
            self.unlinked_by_the_dead(thread, seen)?;
        }
        let before = if seen & DIED == 0 { Left::Released } else { Left::Died(self.pid.load(Relaxed)) };
        self.hold(thread);
        Ok(Some(before))
    }

    /// The word is this thread's now.
    #[inline]
    fn hold(self, thread: Thread) {
        // Most often it was the same. What is not written need not be waited for by the exchange that gives the latch back.
        if self.holder.load(Relaxed) != thread.tid {
            self.holder.store(thread.tid, Relaxed);
        }
        thread.link(self.node);
        self.pid.store(thread.pid, Relaxed);
    }

    /// A thread of this process ended with the latch; or the word was overwritten while one holds it, which goes on doing so.
    ///
    /// The kernel writes DIED while the thread still ends, and has read where the entry leads by then.
    #[cold]
    fn unlinked_by_the_dead(self, thread: Thread, seen: u32) -> io::Result<()> {
        let holder = self.holder.load(Relaxed);
        let ends = || seen & DIED != 0 && process::has_ending_thread(holder);
        if holder != thread.tid && (ends() || !process::has_thread(holder)) {
            self.node.forget();
            return Ok(());
        }
        self.word.store(holder | WAITERS, Release);
        Err(io::Error::new(io::ErrorKind::InvalidData, "the lock's memory was overwritten"))
    }

    fn sleep(self, seen: u32, deadline: Option<Instant>, slice: Duration) -> io::Result<()> {
        let marked = seen | WAITERS;
        if seen != marked && self.word.compare_exchange(seen, marked, Relaxed, Relaxed).is_err() {
            return Ok(());
        }
        robust::sleep_at_most(self.word, marked, deadline, slice)
    }

    /// Gives it back. Nothing happens if this thread does not have it.
    #[inline]
    pub fn release(self) {
        match Thread::known_linking() {
            Some(thread) => self.release_by(thread),
            None => self.release_slowly(),
        }
    }

    /// In a child that was forked, who holds nothing.
    #[cold]
    fn release_slowly(self) {
        if let Ok(thread) = Thread::linking() {
            self.release_by(thread);
        }
    }

    #[inline]
    fn release_by(self, thread: Thread) {
        if !self.node.is_linked() || self.holder.load(Relaxed) != thread.tid {
            return;
        }
        thread.announce(self.node);
        self.pid.store(0, Relaxed);
        thread.unlink(self.node);
        self.free(thread);
        thread.settled();
    }

    #[inline]
    fn free(self, thread: Thread) {
        if self.word.compare_exchange(thread.tid, 0, Release, Relaxed).is_err() {
            wake(self.word);
        }
    }

    /// Clears what the dead have left, without taking it: whose it was, as in [`Left::Died`], if there was anything.
    pub fn bury(self) -> Option<u32> {
        let (seen, pid) = (self.word.load(Acquire), self.pid.load(Relaxed));
        let died = seen & DIED != 0 && seen & TID == 0;
        (died && self.word.compare_exchange(seen, 0, Acquire, Relaxed).is_ok()).then_some(pid)
    }

    /// The process that has it, or had it when it died; 0 where that is not known.
    #[must_use]
    pub fn pid(self) -> u32 {
        self.pid.load(Relaxed)
    }

    /// Whether a thread has it that is stopped at the moment, by a signal or a debugger, and may go on later.
    #[must_use]
    pub fn is_stopped(self) -> bool {
        process::is_stopped(self.word.load(Relaxed) & TID)
    }

    /// Who has it at the moment.
    ///
    /// # Errors
    /// `Unsupported` on a C library of another kind.
    #[inline]
    pub fn held(self) -> io::Result<Held> {
        let seen = self.word.load(Acquire);
        Ok(match seen & TID {
            0 if seen & DIED != 0 => Held::Died,
            0 => Held::Free,
            tid if tid == Thread::linking()?.tid => Held::Here,
            tid => Held::By(tid),
        })
    }
}

#[cold]
#[inline(never)]
fn wake(word: &AtomicU32) {
    if futex::clear_and_wake_all(word).is_err() {
        word.store(0, Release);
        futex::wake_all(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plate::Plate;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    fn plate() -> Plate {
        Plate::create(c"test", 2, 0).expect("made")
    }

    #[test]
    fn one_holder_at_a_time() {
        let (plate, sum) = (plate(), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        plate.latch(0, 0).take(None).expect("taken");
                        sum.store(sum.load(Relaxed) + 1, Relaxed);
                        plate.latch(0, 0).release();
                    }
                });
            }
        });
        assert_eq!(sum.load(Relaxed), 200_000);
    }

    #[test]
    fn a_thread_holds_many_and_gives_them_back_in_any_order() {
        let plate = plate();
        let all = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(page, number)| plate.latch(page, number));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            for latch in all {
                assert_eq!(latch.take(None).expect("taken"), Left::Released);
                assert_eq!(latch.take(None).expect_err("mine").kind(), io::ErrorKind::Deadlock);
            }
            order.iter().for_each(|at| all[*at].release());
            assert!(all.iter().all(|latch| latch.held().expect("asked") == Held::Free));
        }
    }

    #[test]
    fn all_that_a_dead_thread_held_is_told() {
        let plate = plate();
        std::thread::scope(|scope| {
            scope.spawn(|| [(0, 0), (1, 1)].map(|(page, number)| plate.latch(page, number).take(None).expect("taken")));
        });
        for (page, number) in [(0, 0), (1, 1)] {
            assert_eq!(plate.latch(page, number).take(None).expect("free"), Left::Died(std::process::id()));
            plate.latch(page, number).release();
            assert_eq!(plate.latch(page, number).try_take().expect("free"), Some(Left::Released));
            plate.latch(page, number).release();
        }
    }

    #[test]
    fn waiting_ends_at_the_deadline_and_by_a_release() {
        let plate = plate();
        let latch = plate.latch(0, 0);
        latch.take(None).expect("taken");
        std::thread::scope(|scope| {
            let late = scope.spawn(|| latch.take(Some(Instant::now() + Duration::from_millis(10))));
            assert_eq!(late.join().expect("no panic").expect_err("held").kind(), io::ErrorKind::TimedOut);
            let waiter = scope.spawn(|| latch.take(None).map(|_| latch.release()));
            latch.release();
            waiter.join().expect("no panic").expect("taken");
        });
    }

    #[test]
    fn a_holder_that_does_not_exist_has_died() {
        let plate = plate();
        let latch = plate.latch(0, 0);
        latch.word.store(TID - 1, Relaxed);
        let soon = Instant::now() + Duration::from_secs(20);
        assert_eq!(latch.take(Some(soon)).expect("nobody has it"), Left::Died(0));
        latch.release();
        latch.word.store(1, Relaxed);
        assert!(!latch.mark_if_gone(), "the first process is there");
        latch.word.store(TID - 1, Relaxed);
        assert!(latch.mark_if_gone());
        assert_eq!((latch.held().expect("asked"), latch.bury()), (Held::Died, Some(0)));
    }

    #[test]
    fn a_word_that_is_overwritten_while_held_is_an_error_and_corrupts_no_list() {
        let plate = plate();
        let latch = plate.latch(0, 0);
        latch.take(None).expect("taken");
        latch.word.store(0, Relaxed);
        let refused = std::thread::scope(|scope| scope.spawn(|| latch.try_take()).join().expect("no panic"));
        assert_eq!(refused.expect_err("overwritten").kind(), io::ErrorKind::InvalidData);
        latch.release();
        assert_eq!(latch.try_take().expect("free"), Some(Left::Released));
        latch.release();
    }
}
