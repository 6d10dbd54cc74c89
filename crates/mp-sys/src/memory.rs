//! Memory files: bytes behind a descriptor that can cross to another process.
//!
//! Does **not** know what the bytes are, nor believe who sent them: only memory is read, which cannot make the reader
//! wait as other files can, and a length is believed only as far as there is memory behind it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use crate::memfile::MemFile;

/// A memory file that holds `bytes`. Close-on-exec.
///
/// # Errors
/// When descriptors or memory run out.
pub fn file_with(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = MemFile::create(c"mp-bulk", 0)?;
    file.write_all_at(bytes, 0)?;
    Ok(file.into())
}

/// The `len` bytes of a memory file.
///
/// # Errors
/// When it is none, or holds another number of them, which is checked before memory is taken.
pub fn read_file(fd: OwnedFd, len: u64) -> io::Result<Vec<u8>> {
    let file = MemFile::adopt(fd)?;
    let size = file.size()?;
    if size != len || file.allocated()? < len {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("memory file holds {size} bytes, {len} were announced"),
        ));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len as usize).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let read = File::from(OwnedFd::from(file)).take(len).read_to_end(&mut bytes)?;
    if read as u64 == len { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The resident memory of a process, in bytes: `statm` of proc(5). What it has of files and of shared memory does not count:
/// a new process would map the same. What it shares since it was forked counts in full.
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut fields = text.split(' ').skip(1).map(|field| field.parse::<u64>().ok());
    let pages = fields.next()??.saturating_sub(fields.next()??);
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    pages.checked_mul(u64::try_from(page).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_its_bytes_or_says_that_it_is_another_length() {
        let fd = file_with(b"hello").expect("made");
        let copy = fd.try_clone().expect("another name for it");
        assert_eq!(read_file(fd, 5).expect("read"), b"hello");
        assert!(read_file(copy, 6).is_err());
    }

    #[test]
    fn what_is_no_memory_is_not_read() {
        let hole = MemFile::create(c"test", 1 << 40).expect("made");
        assert!(read_file(hole.into(), 1 << 40).is_err(), "a length costs nothing, memory does");
        let file = File::open("/proc/self/exe").expect("opened");
        let len = file.metadata().expect("asked").len();
        assert!(read_file(file.into(), len).is_err());
    }
}
