//! Memory files: bytes behind a descriptor that can cross to another process.
//!
//! Does **not** know what the bytes are. They are read by `pread`, never mapped: a peer that shrinks the file
//! gives a short read here, not a SIGBUS.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// A memory file that holds `bytes`. Close-on-exec.
///
/// # Errors
/// When descriptors or memory run out.
pub fn file_with(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = File::from(memfd_create(c"mp-bulk", MFdFlags::MFD_CLOEXEC)?);
    file.write_all_at(bytes, 0)?;
    Ok(file.into())
}

/// The `len` bytes of a memory file.
///
/// # Errors
/// When it holds another number of them, which is checked before memory is taken.
pub fn read_file(fd: OwnedFd, len: u64) -> io::Result<Vec<u8>> {
    let file = File::from(fd);
    let size = file.metadata()?.len();
    if size != len {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("memory file holds {size} bytes, {len} were announced"),
        ));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len as usize).map_err(|_| io::ErrorKind::OutOfMemory)?;
    io::Read::read_to_end(&mut &RewoundFile { file, at: std::cell::Cell::new(0) }, &mut bytes)?;
    if bytes.len() as u64 != len {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "memory file shrank while it was read"));
    }
    Ok(bytes)
}

/// Reads from the start whatever the shared offset is.
struct RewoundFile {
    file: File,
    at: std::cell::Cell<u64>,
}

impl io::Read for &RewoundFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at.get())?;
        self.at.set(self.at.get() + n as u64);
        Ok(n)
    }
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
}
