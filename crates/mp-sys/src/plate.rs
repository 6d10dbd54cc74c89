//! Latches and plain words beside them, in memory that processes share: what locks, conditions and barriers are made of.
//!
//! Does **not** know what the words mean.
//!
//! ```text
//!  address   │ shared page 0 ........ latch latch│private: entry entry│ shared page 1 ....     │private ..   │ bytes
//!                                       └─── 32 bytes, as the kernel wants it ──┘
//!  file      │ page 0                            │                      page 1                               page n ..
//! ```
//!
//! The kernel finds a lock's word at a fixed distance from its entry in a thread's list of held locks. The entry holds
//! addresses, so it must not lie where another process can write: the word is at the end of a shared page, and its entry at
//! the start of a private one that is mapped behind it. Two fit, since an entry has two addresses.
#![expect(unsafe_code, reason = "maps memory, and reaches its words by address")]

use std::ffi::CStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

use crate::latch::Latch;
use crate::list::Node;
use crate::memfile::{MemFile, PAGE};

const STEP: usize = PAGE as usize;

/// How many latches a page has.
pub const LATCHES: usize = 2;

/// Words of a page lie before this offset.
pub const WORDS_END: usize = STEP - 64;

/// One mapping of the memory, and the file by which others get it.
#[derive(Debug)]
pub struct Plate {
    at: NonNull<u8>,
    pages: usize,
    bytes: usize,
    file: MemFile,
}

// SAFETY: a mapping belongs to the process; all of it is reached through atomics.
unsafe impl Send for Plate {}
// SAFETY: as above.
unsafe impl Sync for Plate {}

impl Plate {
    /// Zeroed: so many pages of latches and words, and so many bytes behind them.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create(name: &CStr, pages: usize, bytes: usize) -> io::Result<Self> {
        let len = file_len(pages, bytes).ok_or(io::ErrorKind::OutOfMemory)?;
        Self::map(MemFile::create(name, len)?, pages, bytes)
    }

    /// The same, made by another process.
    ///
    /// # Errors
    /// `InvalidInput` when the descriptor is that of something else, or of something smaller.
    pub fn adopt(fd: OwnedFd, pages: usize) -> io::Result<Self> {
        let file = MemFile::adopt(fd)?;
        let bytes = file.size()?.checked_sub(pages as u64 * PAGE).ok_or(io::ErrorKind::InvalidInput)?;
        Self::map(file, pages, usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?)
    }

    fn map(file: MemFile, pages: usize, bytes: usize) -> io::Result<Self> {
        let total = span(pages, bytes).and_then(NonZeroUsize::new).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let at = unsafe { mmap_anonymous(None, total, access, MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE)? };
        let plate = Self { at: at.cast(), pages, bytes, file };
        for page in 0..pages {
            plate.place(page * 2 * STEP, STEP, page)?;
            // A forked copy of this process holds none of these.
            // SAFETY: one page of the mapping just made, private and unused.
            unsafe { madvise(plate.at.add((page * 2 + 1) * STEP).cast(), STEP, MmapAdvise::MADV_WIPEONFORK)? };
        }
        if bytes > 0 {
            plate.place(pages * 2 * STEP, bytes.next_multiple_of(STEP), pages)?;
        }
        Ok(plate)
    }

    /// Puts pages of the file in place of those at `offset`.
    fn place(&self, offset: usize, len: usize, page: usize) -> io::Result<()> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let at = NonZeroUsize::new(self.at.addr().get() + offset);
        let len = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        let from = i64::try_from(page * STEP).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: within the mapping that `map` has just made and nobody uses yet.
        unsafe { mmap(at, len, access, MapFlags::MAP_SHARED | MapFlags::MAP_FIXED, &self.file, from)? };
        Ok(())
    }

    /// Latch `number` of page `page`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[inline]
    pub fn latch(&self, page: usize, number: usize) -> Latch<'_> {
        if page >= self.pages || number >= LATCHES {
            none_there("latch", number, page);
        }
        let end = (page * 2 + 1) * STEP;
        // SAFETY: the word, and the pid behind it, in the shared page and the entry in the private one, 32 bytes behind it; the thread that took it last
        // at the end of that page. All aligned, mapped as long as `self`, and of types that are atomic.
        unsafe {
            let word = AtomicU32::from_ptr(self.at.as_ptr().add(end - 24 + 16 * number).cast());
            let node = &*self.at.as_ptr().add(end + 16 * number).cast::<Node>();
            let holder = AtomicU32::from_ptr(self.at.as_ptr().add(end + 64 + 4 * number).cast());
            let pid = AtomicU32::from_ptr(self.at.as_ptr().add(end - 20 + 16 * number).cast());
            Latch { word, node, holder, pid }
        }
    }

    /// The word of four bytes at `offset` of page `page`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[inline]
    pub fn u32_at(&self, page: usize, offset: usize) -> &AtomicU32 {
        if page >= self.pages || !offset.is_multiple_of(4) || offset >= WORDS_END {
            none_there("word", offset, page);
        }
        // SAFETY: aligned, in a shared page, mapped as long as `self`; other processes change it atomically too.
        unsafe { AtomicU32::from_ptr(self.at.as_ptr().add(page * 2 * STEP + offset).cast()) }
    }

    /// The word of eight bytes at `offset` of page `page`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[inline]
    pub fn u64_at(&self, page: usize, offset: usize) -> &AtomicU64 {
        if page >= self.pages || !offset.is_multiple_of(8) || offset >= WORDS_END {
            none_there("word", offset, page);
        }
        // SAFETY: as in `u32_at`; a mix of sizes would tear values, which nobody trusts, and harm no memory.
        unsafe { AtomicU64::from_ptr(self.at.as_ptr().add(page * 2 * STEP + offset).cast()) }
    }

    /// As [`Plate::u64_at`], signed.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[inline]
    pub fn i64_at(&self, page: usize, offset: usize) -> &AtomicI64 {
        // SAFETY: as the word of 8 bytes at the same place, whose every value is a number of this type too.
        unsafe { AtomicI64::from_ptr(self.u64_at(page, offset).as_ptr().cast()) }
    }

    /// How many bytes lie behind the pages.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Copies from `offset` of the bytes. What others write meanwhile is seen in part.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> io::Result<()> {
        let (words, rest) = self.split(offset, to.len())?;
        let (head, tail) = to.split_at_mut(words.len() * 8);
        for (to, from) in head.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *to = from.load(Relaxed).to_ne_bytes();
        }
        tail.iter_mut().zip(rest).for_each(|(to, from)| *to = from.load(Relaxed));
        Ok(())
    }

    /// Copies to `offset` of the bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end; then nothing was written.
    pub fn write(&self, offset: usize, from: &[u8]) -> io::Result<()> {
        let (words, rest) = self.split(offset, from.len())?;
        let (head, tail) = from.split_at(words.len() * 8);
        for (from, to) in head.as_chunks::<8>().0.iter().zip(words) {
            to.store(u64::from_ne_bytes(*from), Relaxed);
        }
        tail.iter().zip(rest).for_each(|(from, to)| to.store(*from, Relaxed));
        Ok(())
    }

    /// The bytes as words, if they begin at one, and what is left as bytes.
    fn split(&self, offset: usize, len: usize) -> io::Result<(&[AtomicU64], &[AtomicU8])> {
        if offset.checked_add(len).is_none_or(|end| end > self.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let words = if offset.is_multiple_of(8) { len / 8 } else { 0 };
        // SAFETY: within the shared bytes, mapped as long as `self`, aligned, and reached by all as atomics.
        unsafe {
            let at = self.at.as_ptr().add(self.pages * 2 * STEP + offset);
            let head = if words == 0 { &[][..] } else { std::slice::from_raw_parts(at.cast::<AtomicU64>(), words) };
            Ok((head, std::slice::from_raw_parts(at.add(words * 8).cast::<AtomicU8>(), len - words * 8)))
        }
    }

    fn is_held_here(&self) -> bool {
        (0..self.pages).any(|page| (0..LATCHES).any(|number| self.latch(page, number).node.is_linked()))
    }
}

impl AsFd for Plate {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Plate {
    /// What a forgotten guard holds stays mapped: the kernel will look there.
    fn drop(&mut self) {
        if self.is_held_here() {
            return;
        }
        if let Some(total) = span(self.pages, self.bytes) {
            // SAFETY: mapped in `map` with this length; nothing that borrows from it outlives it, and no list leads to it.
            let _ = unsafe { munmap(self.at.cast(), total) };
        }
    }
}

/// Out of the way: the places of a format would be filled in before each look.
#[cold]
#[inline(never)]
fn none_there(what: &str, number: usize, page: usize) -> ! {
    panic!("no {what} {number} in page {page}")
}

fn file_len(pages: usize, bytes: usize) -> Option<u64> {
    (pages as u64).checked_mul(PAGE)?.checked_add(bytes as u64).filter(|len| *len <= i64::MAX as u64)
}

fn span(pages: usize, bytes: usize) -> Option<usize> {
    pages.checked_mul(2 * STEP)?.checked_add(bytes.checked_next_multiple_of(STEP)?)
}
