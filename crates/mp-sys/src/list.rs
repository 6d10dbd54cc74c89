//! The list of the latches that a thread holds, as the kernel reads it when the thread ends.
//!
//! Does **not** know words: an entry's word lies 32 bytes before it, whoever writes it.
//!
//! ```text
//!   thread: List.first ─▶ entry ─▶ entry ─▶ List.first         private memory, all of it
//!                          └ 32 bytes before: its word          shared memory
//! ```
//!
//! - N1 An entry is in at most one list, and `prev` is 0 in one that is in none. Entries lie in memory of this process
//!   alone, so that no other process can lead the kernel, or us, astray.
//! - N2 The list is linked as the C library links its own: each may take an entry out beside the other's.
#![expect(unsafe_code, reason = "the robust list is linked by addresses, and its head belongs to the C library")]

use std::ptr;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicUsize, compiler_fence};

use crate::thread::{List, Thread};

/// What stands beside a word: C's `__pthread_list_t`. The entry is the address of `next`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Node {
    prev: AtomicUsize,
    next: AtomicUsize,
}

impl Node {
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.prev.load(Relaxed) != 0
    }

    /// The thread that had linked it has ended.
    pub(crate) fn forget(&self) {
        self.prev.store(0, Relaxed);
    }

    #[inline]
    fn entry(&self) -> usize {
        (&raw const self.next).addr()
    }
}

impl Thread {
    /// Until [`Thread::settled`], the kernel looks at the word of `node` too when this thread ends.
    #[inline]
    pub(crate) fn announce(self, node: &Node) {
        self.set_pending(node.entry());
    }

    #[inline]
    pub(crate) fn settled(self) {
        self.set_pending(0);
    }

    /// Puts `node`, which is in no list (N1), into this thread's.
    #[inline]
    pub(crate) fn link(self, node: &Node) {
        let head = self.list.addr();
        // SAFETY: this thread's own list; what it leads to are entries of latches and mutexes that this thread holds, which
        // stay mapped while they are held, and which only this thread links and unlinks.
        unsafe {
            let first = ptr::read_volatile(&raw const (*self.list).first);
            node.next.store(first, Relaxed);
            node.prev.store(head, Relaxed);
            compiler_fence(SeqCst);
            set_prev(self.list, first, node.entry());
            ptr::write_volatile(&raw mut (*self.list).first, node.entry());
        }
        compiler_fence(SeqCst);
    }

    /// Takes `node` out of this thread's list, in which it is.
    #[inline]
    pub(crate) fn unlink(self, node: &Node) {
        let (next, prev) = (node.next.load(Relaxed), node.prev.load(Relaxed));
        compiler_fence(SeqCst);
        // SAFETY: as in `link`: the neighbours are the head or entries that this thread holds.
        unsafe {
            ptr::write_volatile(ptr::with_exposed_provenance_mut::<usize>(prev & !1), next);
            set_prev(self.list, next, prev);
        }
        compiler_fence(SeqCst);
        node.prev.store(0, Relaxed);
    }
}

/// Nothing reads the `prev` of the head; where a C library has no such field, something else is there.
///
/// # Safety
/// `entry` is the list's head, or an entry of it.
#[inline]
unsafe fn set_prev(list: *mut List, entry: usize, prev: usize) {
    if entry != list.addr() {
        // SAFETY: an entry's `prev` lies before its `next` (N2); the lowest bit of an address is the C library's mark.
        unsafe {
            ptr::write_volatile(ptr::with_exposed_provenance_mut::<usize>((entry & !1) - size_of::<usize>()), prev)
        };
    }
}
