//! Memory for large values that come from a process which is not trusted: made by who reads it, written by the other.
//!
//! Does **not** know what is in it, nor when it is whole.
//!
//! The reader copies bytes out and looks at the copy only. Its maker chose the size, and nobody can shrink it: to read from
//! it cannot end the process (M1). Who writes while it is copied spoils his own value.
#![expect(unsafe_code, reason = "bytes in mapped memory are copied by address")]

use std::io;
use std::os::fd::OwnedFd;

use crate::map::{Access, Map};
use crate::memfile::{MemFile, PAGE};

/// The reader's side.
#[derive(Debug)]
pub struct Window(Map);

/// The writer's side.
#[derive(Debug)]
pub struct Pane(Map);

impl Window {
    /// A new one of at least `len` bytes, and the descriptor by which another process opens its [`Pane`].
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create(len: usize) -> io::Result<(Self, OwnedFd)> {
        let len = len.max(1).checked_next_multiple_of(PAGE as usize).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = MemFile::create(c"mp-window", len as u64)?;
        let map = Map::new(&file, len, Access::Write)?.not_inherited();
        Ok((Self(map), crate::socket::raised(file.into())?))
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Appends a copy of its first `len` bytes; `false` where there are not so many, or there is no memory for them.
    #[must_use]
    pub fn copy_out(&self, len: usize, bytes: &mut Vec<u8>) -> bool {
        self.0.copy_out(0, len, bytes)
    }

    /// Gives its memory back, for both sides. It reads as zeros until the other side writes again.
    pub fn give_back(&self) {
        self.0.give_back(0..self.size());
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Pane {
    /// The first `len` bytes behind `fd`.
    ///
    /// # Errors
    /// When it is no memory file, or a shorter one.
    pub fn open(fd: OwnedFd, len: usize) -> io::Result<Self> {
        let file = MemFile::adopt(fd)?;
        if file.size()? < len as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "window is shorter than announced"));
        }
        Ok(Self(Map::new(&file, len, Access::Write)?))
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Writes `bytes` to its start; `false`, with nothing written, where they do not fit.
    #[must_use]
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let Some(to) = self.0.bytes_at(0, bytes.len()) else { return false };
        // SAFETY: within the mapping. In this process nothing else reaches it; the reader makes no reference to it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_writes_the_other_copies_out() {
        let (window, fd) = Window::create(5000).expect("made");
        let mut pane = Pane::open(fd, window.size()).expect("opened");
        assert_eq!((window.size(), pane.size()), (8192, 8192));
        assert!(pane.write(&[7; 8192]) && !pane.write(&[7; 8193]));
        let mut bytes = vec![1];
        assert!(window.copy_out(8192, &mut bytes));
        assert!(!window.copy_out(8193, &mut bytes) && !window.copy_out(usize::MAX, &mut bytes));
        assert!(bytes.len() == 8193 && bytes[0] == 1 && bytes[1..].iter().all(|byte| *byte == 7));
        window.give_back();
        bytes.clear();
        assert!(window.copy_out(8192, &mut bytes) && bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_writer_cannot_shrink_it() {
        let (window, fd) = Window::create(4096).expect("made");
        assert!(std::fs::File::from(fd.try_clone().expect("a name")).set_len(0).is_err());
        assert!(Pane::open(fd, window.size() + 1).is_err());
    }

    #[test]
    fn who_writes_while_it_is_copied_spoils_his_own_value_only() {
        let (window, fd) = Window::create(64 * 1024).expect("made");
        let mut pane = Pane::open(fd, window.size()).expect("opened");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut byte = 0_u8;
                while !done.load(std::sync::atomic::Ordering::Acquire) {
                    byte = byte.wrapping_add(1);
                    assert!(pane.write(&[byte; 64 * 1024]));
                }
            });
            for _ in 0..1000 {
                let mut bytes = Vec::new();
                assert!(window.copy_out(64 * 1024, &mut bytes));
                assert_eq!(bytes.len(), 64 * 1024);
            }
            done.store(true, std::sync::atomic::Ordering::Release);
        });
    }
}
