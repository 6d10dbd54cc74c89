//! A few words and a small outbox in memory that two processes share.
//!
//! Does **not** know what the words mean. Everything in it is atomic, so that no scribbling peer can make a
//! read here undefined; what is read is data to be checked, nothing more (I9).
//!
//! ```text
//!  0        64                                   64 + OUTBOX
//!  | words   | outbox, written from its start     |
//! ```
#![expect(unsafe_code, reason = "maps memory")]

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::memfile::MemFile;

/// How many words there are.
pub const WORDS: usize = 8;

/// How many bytes the outbox holds.
pub const OUTBOX: usize = 64 * 1024;

const LENGTH: NonZeroUsize = NonZeroUsize::new(WORDS * 8 + OUTBOX).expect("not zero");

/// One mapping of the shared memory.
#[derive(Debug)]
pub struct SharedPage {
    at: NonNull<AtomicU64>,
}

// SAFETY: it is a pointer to atomics that live until drop; access from any thread is what atomics are for.
unsafe impl Send for SharedPage {}
// SAFETY: as above.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// Zeroed, and the descriptor by which another process can [`SharedPage::open`] the same.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create() -> io::Result<(Self, OwnedFd)> {
        let file = MemFile::create(c"mp-status", LENGTH.get() as u64)?;
        let fd = crate::socket::raise(&file)?;
        Ok((Self::map(&fd)?, fd))
    }

    /// The memory behind `fd`.
    ///
    /// # Errors
    /// When it cannot be mapped, or is too short.
    pub fn open(fd: &OwnedFd) -> io::Result<Self> {
        if MemFile::adopt(fd.try_clone()?)?.size()? < LENGTH.get() as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "status memory is too short"));
        }
        Self::map(fd)
    }

    /// Zeroed, for the threads of this process.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn local() -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice disturbs nothing.
        let at = unsafe {
            mmap_anonymous(None, LENGTH, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED)?
        };
        Ok(Self { at: at.cast() })
    }

    fn map(fd: &OwnedFd) -> io::Result<Self> {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: as in `local`; the file is at least as long as the mapping, and stays so (M1).
        let at = unsafe { mmap(None, LENGTH, protection, MapFlags::MAP_SHARED, fd, 0)? };
        Ok(Self { at: at.cast() })
    }

    /// Word `index`, below [`WORDS`].
    #[must_use]
    #[inline]
    pub fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < WORDS, "there are {WORDS} words");
        self.cell(index)
    }

    #[inline]
    fn cell(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < LENGTH.get() / 8, "within the mapping");
        // SAFETY: the mapping is page-aligned, lives as long as `self`, and every bit pattern is an AtomicU64.
        unsafe { self.at.add(index).as_ref() }
    }

    /// Writes `bytes` into the outbox at `offset`, a multiple of 8; gives where the next may begin,
    /// or `None`, with nothing written, where they do not fit.
    #[must_use]
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Option<usize> {
        let end = offset.checked_add(bytes.len())?.next_multiple_of(8);
        if !offset.is_multiple_of(8) || end > OUTBOX {
            return None;
        }
        let first = WORDS + offset / 8;
        let (words, rest) = bytes.as_chunks::<8>();
        for (index, word) in (first..).zip(words) {
            self.cell(index).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.cell(first + words.len()).store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
        Some(end)
    }

    /// The first `len` bytes of the outbox, or as many as there are.
    #[must_use]
    pub fn read(&self, len: usize) -> Vec<u8> {
        let len = len.min(OUTBOX);
        let cells = WORDS..WORDS + len.div_ceil(8);
        let mut bytes: Vec<u8> = cells.flat_map(|i| self.cell(i).load(Ordering::Relaxed).to_ne_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: mapped by us with this length, and no reference outlives `self`.
        let _ = unsafe { munmap(self.at.cast(), LENGTH.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mappings_see_the_same() {
        let (here, fd) = SharedPage::create().expect("made");
        let there = SharedPage::open(&fd).expect("mapped");
        here.word(3).store(7, Ordering::Release);
        assert_eq!(there.word(3).load(Ordering::Acquire), 7);
        assert_eq!(here.write(0, b"hello outbox"), Some(16));
        assert_eq!(there.read(12), b"hello outbox");
        assert_eq!(here.write(OUTBOX - 8, b"too long for it"), None);
    }

    #[test]
    fn a_worker_cannot_shrink_it_under_its_supervisor() {
        let (_here, fd) = SharedPage::create().expect("made");
        assert!(std::fs::File::from(fd).set_len(0).is_err());
    }
}
