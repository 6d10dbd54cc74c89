//! A memory file, mapped: the one place where large values are reached by address.
//!
//! Does **not** know who else has the file, nor when it may be read or written: who uses a [`Map`] says why he may.
#![expect(unsafe_code, reason = "maps memory")]

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};

use crate::memfile::PAGE;

/// Whether a mapping can be written through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// `len` bytes of a memory file that is at least so long and cannot shrink (M1).
#[derive(Debug)]
pub(crate) struct Map {
    at: NonNull<u8>,
    len: NonZeroUsize,
}

// SAFETY: a mapping belongs to the process, not to a thread; who reads and writes through it says why he may.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    pub(crate) fn new(fd: impl AsFd, len: usize, access: Access) -> io::Result<Self> {
        Self::part(fd, 0, len, access)
    }

    /// The bytes from `start` on, which is a multiple of the page's size.
    pub(crate) fn part(fd: impl AsFd, start: u64, len: usize, access: Access) -> io::Result<Self> {
        let start = i64::try_from(start).map_err(|_| io::ErrorKind::InvalidInput)?;
        let len = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        let protection = match access {
            Access::Read => ProtFlags::PROT_READ,
            Access::Write => ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
        };
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let at = unsafe { mmap(None, len, protection, MapFlags::MAP_SHARED, fd, start)? };
        Ok(Self { at: at.cast(), len })
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// Where the `len` bytes from `offset` on begin, if there are so many.
    #[inline]
    pub(crate) fn bytes_at(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        let fits = offset.checked_add(len).is_some_and(|end| end <= self.len());
        // SAFETY: the offset lies within the mapping, or is its end.
        fits.then(|| unsafe { self.at.add(offset) })
    }

    /// Appends a copy of the `len` bytes from `offset` on; `false` where there are not so many, or there is no memory for them.
    #[inline]
    pub(crate) fn copy_out(&self, offset: usize, len: usize, bytes: &mut Vec<u8>) -> bool {
        let Some(from) = self.bytes_at(offset, len) else { return false };
        if bytes.try_reserve(len).is_err() {
            return false;
        }
        let to = bytes.spare_capacity_mut().as_mut_ptr().cast::<u8>();
        // SAFETY: `len` bytes lie within the mapping, and as many are reserved. Another process may write there meanwhile:
        // no reference to the mapping is made, and what comes of each byte is some byte. The compiler learns nothing of
        // the bytes copied: it is made to think that they were changed once more, by code that it does not see.
        unsafe {
            std::ptr::copy_nonoverlapping(from.as_ptr(), to, len);
            std::hint::black_box(to);
            bytes.set_len(bytes.len() + len);
        }
        true
    }

    /// A copy of this process that is forked does not have it: who could write there by mistake, or give it back at its end.
    pub(crate) fn not_inherited(self) -> Self {
        // SAFETY: the whole mapping; it changes nothing in this process. Where it fails, a copy has it: no harm by itself.
        let _ = unsafe { madvise(self.at.cast(), self.len(), MmapAdvise::MADV_DONTFORK) };
        self
    }

    /// Gives the memory of the whole pages in `range` back, for all who have mapped them; they read as zeros from now on.
    /// Only through a mapping that can be written.
    pub(crate) fn give_back(&self, range: Range<usize>) {
        let page = PAGE as usize;
        let (start, end) = (range.start.next_multiple_of(page), range.end.min(self.len()) / page * page);
        if start < end {
            // SAFETY: whole pages within the mapping, whose bytes nobody relies on: the caller owns the range.
            // It fails only in a copy of this process, which has not inherited it: there is nothing to give back there.
            let _ = unsafe { madvise(self.at.add(start).cast(), end - start, MmapAdvise::MADV_REMOVE) };
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `part` with this length; nothing that borrows from it outlives it.
        let _ = unsafe { munmap(self.at.cast(), self.len()) };
    }
}
