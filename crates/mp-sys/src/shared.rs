//! A few words, a mailbox, an outbox and a note in memory that two processes share.
//!
//! Does **not** know what the words mean. Everything in it is atomic, so that no scribbling peer can make a
//! read here undefined; what is read is data to be checked, nothing more (I9).
//!
//! ```text
//!  0        128       1024                        1024 + OUTBOX
//!  | words   | mailbox | outbox, each written from its start | note, in words | how it crashed: `crash.rs` |
//! ```
#![expect(unsafe_code, reason = "maps memory")]

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::crash::{self, Area, Record};
use crate::memfile::MemFile;

/// How many words there are.
pub const WORDS: usize = 16;

/// How many bytes the mailbox holds.
pub const MAILBOX: usize = 896;

/// How many bytes the outbox holds.
pub const OUTBOX: usize = 64 * 1024;

/// How many words the note has.
pub const NOTE: usize = 64;

/// In words: where the mailbox, the outbox and the note begin.
const MAILBOX_AT: usize = WORDS;
const OUTBOX_AT: usize = MAILBOX_AT + MAILBOX / 8;
const NOTE_AT: usize = OUTBOX_AT + OUTBOX / 8;

const CRASH_AT: usize = (NOTE_AT + NOTE) * 8;

const LENGTH: NonZeroUsize = NonZeroUsize::new(CRASH_AT + crash::AREA).expect("not zero");

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
    /// Zeroed, and the descriptor by which another process can [`SharedPage::open`] the same. The words have their memory already:
    /// who makes it may have time, who uses it has none.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create() -> io::Result<(Self, OwnedFd)> {
        let file = MemFile::create(c"mp-status", LENGTH.get() as u64)?;
        let fd = crate::socket::raised(file.into())?;
        let page = Self::map(&fd)?;
        page.cell(0).store(0, Ordering::Relaxed);
        Ok((page, fd))
    }

    /// The memory behind `fd`.
    ///
    /// # Errors
    /// When it cannot be mapped, or is too short.
    pub fn open(fd: &OwnedFd) -> io::Result<Self> {
        if MemFile::adopt(fd.try_clone()?)?.size()? < LENGTH.get() as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "status memory is too short"));
        }
        let page = Self::map(fd)?;
        // Found now, not when it is in a hurry.
        page.cell(0).load(Ordering::Relaxed);
        Ok(page)
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

    /// Word `index` of the note, below [`NOTE`].
    #[must_use]
    pub fn note(&self, index: usize) -> &AtomicU64 {
        assert!(index < NOTE, "a note has {NOTE} words");
        self.cell(NOTE_AT + index)
    }

    #[inline]
    fn cell(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < LENGTH.get() / 8, "within the mapping");
        // SAFETY: the mapping is page-aligned, lives as long as `self`, and every bit pattern is an AtomicU64.
        unsafe { self.at.add(index).as_ref() }
    }

    /// The words of the outbox.
    #[must_use]
    #[inline]
    pub fn outbox(&self) -> &[AtomicU64] {
        // SAFETY: within the mapping, behind the mailbox, aligned as a word is; it lives as long as `self`, and all reach it as atomics.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().add(OUTBOX_AT), OUTBOX / 8) }
    }

    /// Writes what is new of `bytes` into the outbox, of which the first `kept` are there already. `None`, with nothing
    /// written, where they do not fit. The fewer are new, the less it costs.
    #[must_use]
    #[inline]
    pub fn keep(&self, bytes: &[u8], kept: usize) -> Option<()> {
        let (first, full) = (kept / 8, bytes.len() / 8);
        if bytes.len() > OUTBOX || kept > bytes.len() {
            return None;
        }
        for (index, word) in (OUTBOX_AT + first..).zip(bytes.get(first * 8..)?.as_chunks::<8>().0) {
            self.cell(index).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        let over = bytes.len() % 8;
        if over > 0 {
            // The last eight bytes, without those that are in the word before: no loop over a few bytes.
            let word = match bytes.last_chunk::<8>() {
                Some(tail) => u64::from_le_bytes(*tail) >> (64 - 8 * over),
                None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
            };
            self.cell(OUTBOX_AT + full).store(word.to_le(), Ordering::Relaxed);
        }
        Some(())
    }

    /// Writes `len` bytes of `item`, at most 9 and no others in it, behind the first `kept` of the outbox. `None`, with nothing
    /// written, where they do not fit. As [`SharedPage::keep`], but nothing is read that was just written byte by byte, which a
    /// processor waits for.
    #[must_use]
    #[inline]
    pub fn append(&self, kept: usize, item: u128, len: usize) -> Option<()> {
        if len > 9 || kept + len > OUTBOX {
            return None;
        }
        let (index, shift) = (OUTBOX_AT + kept / 8, 8 * (kept % 8));
        let before = u64::from_le(self.cell(index).load(Ordering::Relaxed)) & !(u64::MAX << shift);
        self.cell(index).store((before | (item as u64) << shift).to_le(), Ordering::Relaxed);
        if kept % 8 + len > 8 {
            self.cell(index + 1).store(((item >> (64 - shift)) as u64).to_le(), Ordering::Relaxed);
        }
        Some(())
    }

    /// Records here, as long as this process lives, how it crashes. To be called once in a process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn record_crashes(self: Arc<Self>) -> io::Result<()> {
        static ONCE: AtomicBool = AtomicBool::new(false);
        if ONCE.swap(true, Ordering::Relaxed) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let area = self.crash_area();
        // It is never given back.
        std::mem::forget(self);
        // SAFETY: within the mapping, which stays; once, as was just made sure.
        unsafe { crash::record_in(area) }
    }

    /// How the process that records here has crashed, if it has.
    #[must_use]
    pub fn crash(&self) -> Option<Record> {
        self.crash_area().read()
    }

    fn crash_area(&self) -> Area {
        Area(self.at.as_ptr().cast::<u8>().wrapping_add(CRASH_AT))
    }

    /// The first `len` bytes of the outbox, or as many as there are.
    #[must_use]
    pub fn read(&self, len: usize) -> Vec<u8> {
        self.bytes(OUTBOX_AT, len.min(OUTBOX))
    }

    /// Fills the mailbox from its start. `None`, with nothing written, where it does not fit.
    #[must_use]
    pub fn post(&self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > MAILBOX {
            return None;
        }
        for (index, chunk) in (MAILBOX_AT..).zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.cell(index).store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
        Some(())
    }

    /// The first `len` bytes of the mailbox, or as many as there are.
    #[must_use]
    pub fn mail(&self, len: usize) -> Vec<u8> {
        self.bytes(MAILBOX_AT, len.min(MAILBOX))
    }

    fn bytes(&self, at: usize, len: usize) -> Vec<u8> {
        let cells = at..at + len.div_ceil(8);
        let mut bytes = Vec::with_capacity(cells.len() * 8);
        cells.for_each(|i| bytes.extend_from_slice(&self.cell(i).load(Ordering::Relaxed).to_ne_bytes()));
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
        assert_eq!(here.keep(b"hello outbox", 0), Some(()));
        assert_eq!(there.read(12), b"hello outbox");
        here.note(NOTE - 1).store(9, Ordering::Release);
        assert_eq!(there.note(NOTE - 1).load(Ordering::Acquire), 9);
    }

    #[test]
    fn what_is_kept_bit_by_bit_is_what_was_written() {
        let (here, fd) = SharedPage::create().expect("made");
        let there = SharedPage::open(&fd).expect("mapped");
        let all: Vec<u8> = (0..100).map(|n| n as u8 + 1).collect();
        let mut kept = 0;
        for len in [1, 3, 7, 8, 9, 15, 16, 17, 40, 41, 90, 100] {
            assert_eq!(here.keep(&all[..len], kept), Some(()));
            assert_eq!(there.read(len), all[..len], "{kept} to {len}");
            kept = len;
        }
        assert_eq!(here.keep(&vec![0; OUTBOX + 1], 0), None);
        assert_eq!(here.keep(&all[..3], 4), None);
    }

    #[test]
    fn what_is_appended_is_as_if_it_were_kept() {
        let (here, fd) = SharedPage::create().expect("made");
        let there = SharedPage::open(&fd).expect("mapped");
        let mut all = b"start".to_vec();
        assert_eq!(here.keep(&all, 0), Some(()));
        for len in (0..=9).chain((1..=9).rev()).cycle().take(100) {
            let item = 0x11_2233_4455_6677_8899_u128 & !(u128::MAX << (8 * len));
            assert_eq!(here.append(all.len(), item, len), Some(()));
            all.extend_from_slice(&item.to_le_bytes()[..len]);
            assert_eq!(there.read(all.len()), all);
        }
        assert_eq!(here.append(OUTBOX - 8, 0, 9), None);
        assert_eq!(here.append(0, 0, 10), None);
    }

    #[test]
    fn the_mailbox_and_the_outbox_are_two() {
        let (here, fd) = SharedPage::create().expect("made");
        let there = SharedPage::open(&fd).expect("mapped");
        assert_eq!((here.post(&[7; MAILBOX]), here.keep(&[9; OUTBOX], 0)), (Some(()), Some(())));
        assert_eq!((there.mail(usize::MAX), there.read(usize::MAX)), (vec![7; MAILBOX], vec![9; OUTBOX]));
        assert_eq!((here.post(b"short"), there.mail(5)), (Some(()), b"short".to_vec()));
        assert_eq!(here.post(&[0; MAILBOX + 1]), None);
    }

    #[test]
    fn a_worker_cannot_shrink_it_under_its_supervisor() {
        let (_here, fd) = SharedPage::create().expect("made");
        assert!(std::fs::File::from(fd).set_len(0).is_err());
    }
}
