//! Memory as a file that any number of processes can hold, and its first page as atomic words.
//!
//! Does **not** know what is in it. Other parts of it are mapped by [`crate::stretch`].
//!
//! ```text
//!  0        PAGE                                        len (only ever grows)
//!  ├ Page ──┼── write_all_at ── read_exact_at ── punch ─┤
//!  └ mapped └ reached by system calls
//! ```
//!
//! - M1 A `MemFile` is sealed against shrinking, and nobody can lift that. So a mapped page of it stays readable:
//!   a file that may shrink would let any process that has it end this one with SIGBUS.
#![expect(unsafe_code, reason = "a page shared between processes is mapped, and its words are reached by address")]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use nix::fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// Bytes in the mapped page, and the smallest step in which memory is given back.
pub const PAGE: u64 = 4096;

/// A file that is memory, gone with its last descriptor. Its size never shrinks (M1).
#[derive(Debug)]
pub struct MemFile(File);

impl MemFile {
    /// A new one of `len` zero bytes. `name` is what `/proc/<pid>/fd` shows.
    ///
    /// # Errors
    /// When there is no descriptor or no memory left.
    pub fn create(name: &CStr, len: u64) -> io::Result<Self> {
        let file = File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?);
        file.set_len(len)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL))?;
        Ok(Self(file))
    }

    /// Takes one that came from another process.
    ///
    /// # Errors
    /// `InvalidInput` when the descriptor is anything but such a file.
    pub fn adopt(fd: OwnedFd) -> io::Result<Self> {
        let seals = fcntl(&fd, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_retain);
        match seals {
            Ok(seals) if seals.contains(SealFlag::F_SEAL_SHRINK) => Ok(Self(File::from(fd))),
            Ok(_) | Err(_) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Its size in bytes, holes included.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Makes it `len` bytes long, unless it is longer. What is new reads as zeros, and takes no memory until it is written.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn grow(&self, len: u64) -> io::Result<()> {
        // Between the two another process may have made it longer: to shrink it is refused (M1).
        if self.size()? < len {
            self.0.set_len(len).or_else(|error| if self.size()? < len { Err(error) } else { Ok(()) })
        } else {
            Ok(())
        }
    }

    /// The bytes of memory it takes now.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn allocated(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.blocks().saturating_mul(512))
    }

    /// The number of the file, the same in every process, and of no other file that exists.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.ino())
    }

    /// Fills `bytes` from `offset` on. Holes are zeros.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    /// Writes `bytes` at `offset`; the file grows as needed. After an error some of them may be written.
    ///
    /// # Errors
    /// When there is no memory left, or a limit is reached.
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    /// Gives the memory of `range` back; it reads as zeros from now on. Pages that lie in it in part stay.
    ///
    /// # Errors
    /// When the range is empty or beyond what offsets can say.
    pub fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let start = i64::try_from(range.start).map_err(invalid)?;
        let len = i64::try_from(range.end.saturating_sub(range.start)).map_err(invalid)?;
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        Ok(fallocate(&self.0, flags, start, len)?)
    }
}

impl From<MemFile> for OwnedFd {
    fn from(file: MemFile) -> Self {
        file.0.into()
    }
}

impl AsFd for MemFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The first page of a [`MemFile`], as words that every process with the file reads and writes.
#[derive(Debug)]
pub struct Page(NonNull<u8>);

// SAFETY: the page belongs to the value, not to a thread, and is reached through atomic words only.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    /// Maps the first page of `file`. It needs no descriptor after that.
    ///
    /// # Errors
    /// `InvalidInput` when the file is shorter than a page; when the system refuses.
    pub fn map(file: &MemFile) -> io::Result<Self> {
        if file.size()? < PAGE {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let len = NonZeroUsize::new(PAGE as usize).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice; by M1 and the check above it has a page behind it.
        let address = unsafe { mmap(None, len, access, MapFlags::MAP_SHARED, file, 0)? };
        Ok(Self(address.cast()))
    }

    /// The word of four bytes at `offset`.
    ///
    /// # Panics
    /// When it does not lie in the page, or across words.
    #[must_use]
    pub fn u32_at(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset < PAGE as usize, "no word of 4 bytes at {offset}");
        // SAFETY: aligned, in the page, mapped as long as `self`; other processes change it atomically too.
        unsafe { AtomicU32::from_ptr(self.0.as_ptr().add(offset).cast()) }
    }

    /// The word of eight bytes at `offset`.
    ///
    /// # Panics
    /// When it does not lie in the page, or across words.
    #[must_use]
    pub fn u64_at(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset < PAGE as usize, "no word of 8 bytes at {offset}");
        // SAFETY: as in `u32_at`. That no four bytes are used at both sizes is the caller's layout; mixed sizes
        // would tear values, which nobody trusts, and harm no memory.
        unsafe { AtomicU64::from_ptr(self.0.as_ptr().add(offset).cast()) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: mapped in `map` with this length, and no word of it outlives `self`.
        let _ = unsafe { munmap(self.0.cast(), PAGE as usize) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;

    #[test]
    fn words_are_shared_between_mappings_of_one_file() {
        let file = MemFile::create(c"test", PAGE).expect("creates");
        let again = MemFile::adopt(file.as_fd().try_clone_to_owned().expect("duplicates")).expect("adopts");
        Page::map(&file).expect("maps").u64_at(8).store(7, SeqCst);
        assert_eq!(Page::map(&again).expect("maps").u64_at(8).load(SeqCst), 7);
    }

    #[test]
    fn nobody_can_shrink_the_file_under_a_mapping() {
        let file = MemFile::create(c"test", PAGE).expect("creates");
        assert!(file.0.set_len(0).is_err());
        assert!(MemFile::adopt(File::open("/proc/self/exe").expect("opens").into()).is_err());
    }

    #[test]
    fn punching_gives_memory_back() {
        let file = MemFile::create(c"test", PAGE).expect("creates");
        file.write_all_at(&[1; 1 << 20], PAGE).expect("writes");
        let before = file.allocated().expect("asks");
        file.punch(PAGE..PAGE + (1 << 20)).expect("punches");
        assert_eq!(before - file.allocated().expect("asks"), 1 << 20);
    }
}
