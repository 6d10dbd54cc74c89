//! Who this thread is, and which list of locks the kernel reads when it ends: known without a system call.
//!
//! Does **not** know locks.
//!
//! What is known is of no use in a child that was forked: so it holds as long as a page has the number that it had, and the
//! kernel makes that 0 in a child.
#![expect(unsafe_code, reason = "the robust list belongs to the kernel and the C library, and is reached by address")]

use std::cell::Cell;
use std::io;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, compiler_fence};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};

/// The kernel's `struct robust_list_head`.
#[repr(C)]
pub(crate) struct List {
    pub(crate) first: usize,
    pub(crate) futex_offset: isize,
    pub(crate) pending: usize,
}

/// How far a word lies behind its entry in the list: as in the C library, whose mutexes may be in the same list.
pub(crate) const WORD_FROM_ENTRY: isize = -32;

/// This thread, as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    pub(crate) tid: u32,
    pub(crate) pid: u32,
    /// Its own, and valid as long as it lives.
    pub(crate) list: *mut List,
}

impl Thread {
    /// # Errors
    /// What the system refuses.
    #[inline]
    pub(crate) fn current() -> io::Result<Self> {
        match Self::known() {
            Some(thread) => Ok(thread),
            None => Self::ask(),
        }
    }

    /// None where the system must be asked.
    #[inline]
    pub(crate) fn known() -> Option<Self> {
        KNOWN.with(|known| {
            let holds = known.word.get().is_some_and(|word| word.load(Relaxed) == known.generation.get());
            holds.then(|| known.thread.get())
        })
    }

    /// As [`Thread::current`], for who links entries into the list.
    ///
    /// # Errors
    /// `Unsupported` when another C library has set up the list in its own way.
    #[inline]
    pub(crate) fn linking() -> io::Result<Self> {
        let thread = Self::current()?;
        // SAFETY: this thread's own list.
        if unsafe { (*thread.list).futex_offset } == WORD_FROM_ENTRY { Ok(thread) } else { Err(other_library()) }
    }

    /// As [`Thread::linking`]; None where the system must be asked, or the list is of another form.
    #[inline]
    pub(crate) fn known_linking() -> Option<Self> {
        // SAFETY: this thread's own list.
        Self::known().filter(|thread| unsafe { (*thread.list).futex_offset } == WORD_FROM_ENTRY)
    }

    #[cold]
    fn ask() -> io::Result<Self> {
        // SAFETY: takes nothing and changes nothing.
        let tid = unsafe { libc::syscall(libc::SYS_gettid) } as u32 & libc::FUTEX_TID_MASK;
        let thread = Self { tid, pid: std::process::id(), list: registered()? };
        KNOWN.with(|known| {
            known.thread.set(thread);
            known.generation.set(generation());
            known.word.set(*GENERATION);
        });
        Ok(thread)
    }

    /// The kernel looks at the word of `entry` too when this thread ends; at none if it is 0.
    #[inline]
    pub(crate) fn set_pending(self, entry: usize) {
        compiler_fence(SeqCst);
        // SAFETY: this thread's own list. The C library uses the field only inside its own robust mutex calls, none of
        // which happens here; the kernel, only once this thread has ended.
        unsafe { ptr::write_volatile(&raw mut (*self.list).pending, entry) };
        compiler_fence(SeqCst);
    }
}

#[cold]
fn other_library() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the C library's list of locks has another form")
}

/// What was asked, and where it is seen whether it still holds.
struct Known {
    word: Cell<Option<&'static AtomicU64>>,
    generation: Cell<u64>,
    thread: Cell<Thread>,
}

thread_local! {
    static KNOWN: Known = const {
        let nobody = Thread { tid: 0, pid: 0, list: ptr::null_mut() };
        Known { word: Cell::new(None), generation: Cell::new(0), thread: Cell::new(nobody) }
    };
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

/// The list that this thread has told the kernel of: the C library's, or ours where there is none.
fn registered() -> io::Result<*mut List> {
    let mut list: *mut List = ptr::null_mut();
    let mut size: usize = 0;
    // SAFETY: both places outlive the call; 0 is this thread.
    let result = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut list, &raw mut size) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    if list.is_null() { register() } else { Ok(list) }
}

/// A child of a plain `clone3` has none, until its first lock.
fn register() -> io::Result<*mut List> {
    // Never freed: the kernel reads it after the thread has ended.
    let list = Box::into_raw(Box::new(List { first: 0, futex_offset: WORD_FROM_ENTRY, pending: 0 }));
    // SAFETY: just made, and never freed if the call succeeds. An empty list is one whose first entry is itself.
    let result = unsafe {
        (*list).first = list.addr();
        libc::syscall(libc::SYS_set_robust_list, list, size_of::<List>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(list) }
}
