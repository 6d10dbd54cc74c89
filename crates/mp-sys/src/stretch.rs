//! A stretch of a memory file, mapped: its bytes are copied in and out without a system call.
//!
//! Does **not** know who else writes there, nor believes what it reads.
//!
//! Whose file it is cannot shrink it (M1), so that to reach it cannot end the process. Who writes while it is copied spoils
//! the copy, and no memory of ours.
#![expect(unsafe_code, reason = "bytes in mapped memory are copied by address")]

use std::io;

use crate::map::{Access, Map};
use crate::memfile::MemFile;

/// The bytes of a file from one offset to another.
#[derive(Debug)]
pub struct Stretch {
    map: Map,
    start: u64,
}

impl Stretch {
    /// Maps `len` bytes of `file` from `start` on, which is a multiple of the page's size.
    ///
    /// # Errors
    /// `InvalidInput` when the file is shorter; when the system refuses.
    pub fn map(file: &MemFile, start: u64, len: usize) -> io::Result<Self> {
        let end = start.checked_add(len as u64).ok_or(io::ErrorKind::InvalidInput)?;
        if file.size()? < end {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self { map: Map::part(file, start, len, Access::Write)?, start })
    }

    /// Whether all `len` bytes from `offset` of the file on are in it.
    #[must_use]
    #[inline]
    pub fn has(&self, offset: u64, len: usize) -> bool {
        self.at(offset, len).is_some()
    }

    /// Writes `bytes` at `offset` of the file; `false`, with nothing written, where they are not all in it.
    #[must_use]
    #[inline]
    pub fn write(&self, bytes: &[u8], offset: u64) -> bool {
        let Some(to) = self.at(offset, bytes.len()) else { return false };
        // SAFETY: within the mapping, to which no reference is ever made.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
        true
    }

    /// Appends a copy of `len` bytes at `offset` of the file; `false` where they are not all in it, or there is no memory for them.
    #[must_use]
    #[inline]
    pub fn copy_out(&self, offset: u64, len: usize, bytes: &mut Vec<u8>) -> bool {
        self.within(offset).is_some_and(|offset| self.map.copy_out(offset, len, bytes))
    }

    #[inline]
    fn at(&self, offset: u64, len: usize) -> Option<std::ptr::NonNull<u8>> {
        self.map.bytes_at(self.within(offset)?, len)
    }

    /// Where that place of the file is in the mapping, if it is not before it.
    #[inline]
    fn within(&self, offset: u64) -> Option<usize> {
        usize::try_from(offset.checked_sub(self.start)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memfile::PAGE;

    #[test]
    fn what_is_written_is_in_the_file_and_the_reverse() {
        let file = MemFile::create(c"test", 4 * PAGE).expect("creates");
        let stretch = Stretch::map(&file, PAGE, 2 * PAGE as usize).expect("maps");
        assert!(stretch.write(b"here", 3 * PAGE - 4) && !stretch.write(b"here", 3 * PAGE - 3));
        assert!(!stretch.has(PAGE - 1, 1) && !stretch.has(u64::MAX, 1) && !stretch.has(PAGE, usize::MAX));
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, 3 * PAGE - 4).expect("reads");
        assert_eq!(bytes, *b"here");
        file.write_all_at(b"back", PAGE).expect("writes");
        let mut copy = vec![0];
        assert!(stretch.copy_out(PAGE, 4, &mut copy) && !stretch.copy_out(0, 4, &mut copy));
        assert_eq!(copy, b"\0back");
    }

    #[test]
    fn a_file_that_is_shorter_is_not_mapped() {
        let file = MemFile::create(c"test", PAGE).expect("creates");
        assert!(Stretch::map(&file, PAGE, 1).is_err() && Stretch::map(&file, u64::MAX, 1).is_err());
        file.grow(2 * PAGE).expect("grows");
        assert!(Stretch::map(&file, PAGE, PAGE as usize).is_ok());
        file.grow(PAGE).expect("is long enough");
        assert_eq!(file.size().expect("asks"), 2 * PAGE);
    }
}
