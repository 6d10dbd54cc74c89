//! Memory for large values on their way to other processes: written by its maker, read by all who have its descriptor.
//!
//! Does **not** know what is in it, who reads it, or how much of it should be kept.
//!
//! ```text
//!  maker   Region │ Lease │ Lease │  free  │        View   reader: cannot write, cannot shrink it
//!                 └ written through, then sent by its offset ──▶ slice(offset, len)
//! ```
//!
//! - G1 A range has one [`Lease`] at most: only it writes there, and only before it is sent.
//! - G2 A [`Lease`] is dropped when nobody reads it any more: who has sent it knows when that is. So bytes that a
//!   [`View`] gives do not change. Nobody but the maker can write: the descriptor that others get is for reading,
//!   and what it opens cannot be mapped otherwise.
//! - G3 Memory that nobody uses can be given back at once, whoever has mapped it.
#![expect(unsafe_code, reason = "bytes in mapped memory are copied by address")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::map::{Access, Map};
use crate::memfile::{MemFile, PAGE};

/// Mapped memory that is given out in pieces.
#[derive(Debug)]
pub struct Region {
    map: Map,
    readers: OwnedFd,
    /// What is dropped beyond so many bytes is given back at once.
    keep: usize,
    free: Mutex<Free>,
}

/// Ranges that nobody has: in order, apart from each other.
#[derive(Debug)]
struct Free(Vec<Range<usize>>);

impl Free {
    /// The first range of `len` bytes.
    fn take(&mut self, len: usize) -> Option<Range<usize>> {
        let at = self.0.iter().position(|range| range.len() >= len)?;
        let start = self.0[at].start;
        self.0[at].start += len;
        if self.0[at].is_empty() {
            self.0.remove(at);
        }
        Some(start..start + len)
    }

    fn put(&mut self, range: Range<usize>) {
        let at = self.0.partition_point(|other| other.start < range.start);
        self.0.insert(at, range);
        self.0.dedup_by(|next, last| {
            let touch = last.end == next.start;
            if touch {
                last.end = next.end;
            }
            touch
        });
    }
}

impl Region {
    /// A new one of at least `len` bytes, which takes memory as it is written. Of what is dropped, the first `keep` bytes keep
    /// their memory for the next.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create(len: usize, keep: usize) -> io::Result<Arc<Self>> {
        let len = len.max(1).checked_next_multiple_of(PAGE as usize).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = MemFile::create(c"mp-region", len as u64)?;
        let map = Map::new(&file, len, Access::Write)?.not_inherited();
        // Opened anew for reading: whoever has that descriptor can map it for nothing else.
        let readers = File::open(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))?;
        let readers = crate::socket::raised(readers.into())?;
        Ok(Arc::new(Self { map, readers, keep, free: Mutex::new(Free(std::iter::once(0..len).collect())) }))
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.map.len()
    }

    /// By which a [`View`] of it is opened.
    #[must_use]
    pub fn readers(&self) -> BorrowedFd<'_> {
        self.readers.as_fd()
    }

    /// A piece of `len` bytes, where there is one.
    #[must_use]
    pub fn lease(self: &Arc<Self>, len: usize) -> Option<Lease> {
        // Whole cache lines: neighbours are written by different threads.
        let range = self.free().take(len.max(1).checked_next_multiple_of(64)?)?;
        Some(Lease { region: Arc::clone(self), range, len: 0 })
    }

    /// Whether nobody has any of it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.free().0.first().is_some_and(|range| range.len() == self.size())
    }

    /// Gives back the memory of all that nobody has.
    pub fn give_back(&self) {
        // Held meanwhile: what is free stays so.
        let free = self.free();
        free.0.iter().for_each(|range| self.map.give_back(range.clone()));
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_back(&self, range: Range<usize>) {
        let mut free = self.free();
        if range.end > self.keep {
            self.map.give_back(range.start.max(self.keep)..range.end);
        }
        free.put(range);
    }
}

/// A mapping that is left keeps what it maps: what readers have still mapped takes no memory (G3).
impl Drop for Region {
    fn drop(&mut self) {
        self.map.give_back(0..self.size());
    }
}

/// A piece of a [`Region`], from when it is written until nobody reads it any more. [`io::Write`] appends to it.
#[derive(Debug)]
pub struct Lease {
    region: Arc<Region>,
    range: Range<usize>,
    len: usize,
}

impl Lease {
    /// Of what it is a piece.
    #[must_use]
    pub fn region(&self) -> &Arc<Region> {
        &self.region
    }

    /// Where in the region it begins.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.range.start
    }

    /// How many bytes have been written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl io::Write for Lease {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.range.len() - self.len;
        let bytes = &bytes[..bytes.len().min(room)];
        if let Some(to) = self.region.map.bytes_at(self.range.start + self.len, bytes.len()) {
            // SAFETY: within the mapping, and within a range that this value alone has (G1); nobody reads it yet.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
            self.len += bytes.len();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.region.take_back(self.range.clone());
    }
}

/// Another process's [`Region`], to read.
#[derive(Debug)]
pub struct View(Map);

impl View {
    /// The first `len` bytes behind `fd`.
    ///
    /// # Errors
    /// When it is no region, or a shorter one.
    pub fn open(fd: OwnedFd, len: usize) -> io::Result<Self> {
        let file = MemFile::adopt(fd)?;
        if file.size()? < len as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "region is shorter than announced"));
        }
        Ok(Self(Map::new(&file, len, Access::Read)?))
    }

    /// The `len` bytes from `offset` on, if there are so many. They belong to a lease that whoever named them keeps (G2).
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let at = self.0.bytes_at(offset, len)?;
        // SAFETY: within the mapping, which outlives the slice and cannot shrink (M1); by G2 nobody writes there meanwhile.
        Some(unsafe { std::slice::from_raw_parts(at.as_ptr(), len) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const KIB: usize = 1024;

    fn view(region: &Region) -> View {
        View::open(region.readers().try_clone_to_owned().expect("a name for it"), region.size()).expect("opened")
    }

    #[test]
    fn what_is_written_to_a_lease_is_read_at_its_offset() {
        let region = Region::create(64 * KIB, 64 * KIB).expect("made");
        let (mut a, mut b) = (region.lease(100).expect("room"), region.lease(5).expect("room"));
        a.write_all(&[1; 100]).expect("fits");
        b.write_all(b"hello").expect("fits");
        assert!(b.write_all(&[9; 64]).is_err(), "it cannot reach its neighbour");
        let view = view(&region);
        assert_eq!(view.slice(a.offset(), 100), Some(&[1; 100][..]));
        assert_eq!(view.slice(b.offset(), 5), Some(&b"hello"[..]));
    }

    #[test]
    fn what_lies_outside_is_none() {
        let region = Region::create(4 * KIB, 0).expect("made");
        let view = view(&region);
        assert_eq!(view.slice(4 * KIB, 0), Some(&[][..]));
        for (offset, len) in [(4 * KIB, 1), (0, 4 * KIB + 1), (usize::MAX, 2), (1, usize::MAX)] {
            assert_eq!(view.slice(offset, len), None, "{offset} {len}");
        }
        assert!(View::open(region.readers().try_clone_to_owned().expect("a name"), 4 * KIB + 1).is_err());
    }

    #[test]
    fn a_reader_can_neither_write_nor_shrink_it() {
        let region = Region::create(4 * KIB, 0).expect("made");
        let file = File::from(region.readers().try_clone_to_owned().expect("a name for it"));
        assert!(file.set_len(0).is_err());
        assert!((&file).write(&[1]).is_err());
        assert!(Map::new(&file, 4 * KIB, Access::Write).is_err());
    }

    #[test]
    fn pieces_come_back_in_any_order_and_are_whole_again() {
        let region = Region::create(64 * KIB, 0).expect("made");
        let mut leases: Vec<_> = (0..16).filter_map(|_| region.lease(4 * KIB)).collect();
        assert!(leases.len() == 16 && region.lease(1).is_none());
        for at in [3, 3, 0, 7, 5, 5, 1, 0, 0, 0, 0, 2, 1, 0, 1, 0] {
            leases.remove(at);
        }
        assert!(region.is_free());
        assert_eq!(region.lease(64 * KIB).map(|lease| lease.offset()), Some(0));
    }

    #[test]
    fn memory_beyond_what_is_kept_is_given_back_at_once_and_the_rest_when_asked() {
        let region = Region::create(64 * KIB, 16 * KIB).expect("made");
        let allocated = || MemFile::adopt(region.readers().try_clone_to_owned().expect("a name"))?.allocated();
        let mut lease = region.lease(64 * KIB).expect("room");
        lease.write_all(&[1; 64 * KIB]).expect("fits");
        assert_eq!(allocated().expect("asked"), 64 * KIB as u64);
        let reader = view(&region);
        assert_eq!(reader.slice(0, 64 * KIB), Some(&[1; 64 * KIB][..]));
        drop(lease);
        assert_eq!(allocated().expect("asked"), 16 * KIB as u64);
        region.give_back();
        assert_eq!(allocated().expect("asked"), 0, "though a reader has mapped it");
    }
}
