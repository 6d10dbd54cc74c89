//! The list of the latches that a thread holds, as the kernel reads it when the thread ends, and who the thread is.
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

use std::cell::Cell;
use std::io;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize, compiler_fence};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};

use crate::robust::{List, WORD_FROM_ENTRY, registered, set_pending};

/// What stands beside a word: C's `__pthread_list_t`. The entry is the address of `next`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Node {
    prev: AtomicUsize,
    next: AtomicUsize,
}

impl Node {
    pub(crate) fn is_linked(&self) -> bool {
        self.prev.load(Relaxed) != 0
    }

    /// The thread that had linked it has ended.
    pub(crate) fn forget(&self) {
        self.prev.store(0, Relaxed);
    }

    fn entry(&self) -> usize {
        (&raw const self.next).addr()
    }
}

/// This thread, as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    pub(crate) tid: u32,
    pub(crate) pid: u32,
    list: *mut List,
}

impl Thread {
    /// # Errors
    /// `Unsupported` when another C library has set up the list in its own way.
    #[inline]
    pub(crate) fn current() -> io::Result<Self> {
        let (generation, known) = KNOWN.get();
        if generation != 0 && generation == GENERATION.map_or(0, |word| word.load(Relaxed)) {
            return Ok(known);
        }
        Self::ask()
    }

    #[cold]
    fn ask() -> io::Result<Self> {
        // SAFETY: takes nothing and changes nothing.
        let tid = unsafe { libc::syscall(libc::SYS_gettid) } as u32 & libc::FUTEX_TID_MASK;
        let list = registered()?;
        // SAFETY: this thread's own list, which lives as long as the thread.
        if unsafe { (*list).futex_offset } != WORD_FROM_ENTRY {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the C library's list of locks has another form"));
        }
        let thread = Self { tid, pid: std::process::id(), list };
        KNOWN.set((generation(), thread));
        Ok(thread)
    }

    /// Until [`Thread::settled`], the kernel looks at the word of `node` too when this thread ends.
    #[inline]
    pub(crate) fn announce(self, node: &Node) {
        set_pending(self.list, node.entry());
    }

    #[inline]
    pub(crate) fn settled(self) {
        set_pending(self.list, 0);
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
unsafe fn set_prev(list: *mut List, entry: usize, prev: usize) {
    if entry != list.addr() {
        // SAFETY: an entry's `prev` lies before its `next` (N2); the lowest bit of an address is the C library's mark.
        unsafe {
            ptr::write_volatile(ptr::with_exposed_provenance_mut::<usize>((entry & !1) - size_of::<usize>()), prev)
        };
    }
}

thread_local! {
    static KNOWN: Cell<(u64, Thread)> = const { Cell::new((0, Thread { tid: 0, pid: 0, list: ptr::null_mut() })) };
}

/// Which process this is among those that were forked from one another: the kernel makes it 0 in a new one. None where it cannot.
static GENERATION: LazyLock<Option<&'static AtomicU64>> = LazyLock::new(|| {
    let len = NonZeroUsize::new(crate::memfile::PAGE as usize)?;
    // SAFETY: a new mapping at an address of the kernel's choice, never unmapped, zeroed and aligned.
    unsafe {
        let at = mmap_anonymous(None, len, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE).ok()?;
        madvise(at, len.get(), MmapAdvise::MADV_WIPEONFORK).ok()?;
        Some(AtomicU64::from_ptr(at.as_ptr().cast()))
    }
});

fn generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let Some(word) = *GENERATION else { return 0 };
    // Above all that this process, or one it was forked from, has had.
    let next = LAST.fetch_add(1, SeqCst) + 1;
    word.compare_exchange(0, next, SeqCst, SeqCst).map_or_else(|known| known, |_| next)
}
