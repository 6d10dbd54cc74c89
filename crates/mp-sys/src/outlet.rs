//! Pipes for the output of a worker, and packets for what it tells: read without waiting, written without holding up who writes.
//!
//! Does **not** know lines, marks or events.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::socket::{MsgFlags, recv};

/// A pipe: the end to read from, which never waits, and the end to write to, which does as a pipe of a shell would.
///
/// # Errors
/// When descriptors run out.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reading, writing) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    crate::socket::never_wait(&reading)?;
    Ok((crate::socket::raised(reading)?, crate::socket::raised(writing)?))
}

/// The file into which all vanishes.
///
/// # Errors
/// When descriptors run out, or `/dev` is not there.
pub fn nowhere() -> io::Result<OwnedFd> {
    crate::socket::raised(std::fs::File::options().write(true).open("/dev/null")?.into())
}

/// Reads what is there, at most what `buffer` holds; 0 is the end.
///
/// # Errors
/// `WouldBlock` when there is nothing.
pub fn read_now(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match nix::unistd::read(&fd, buffer) {
            Err(Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Receives one packet; what does not fit into `buffer` is lost, 0 is the end.
///
/// # Errors
/// `WouldBlock` when there is none.
pub fn recv_now(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match recv(fd.as_fd().as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EINTR) => {}
            // Who died with something unread: what it had sent comes after.
            Err(Errno::ECONNRESET) => {}
            other => return Ok(other?),
        }
    }
}

/// From now on this process's standard output and standard error, and those of its children, go there.
///
/// # Errors
/// None for open descriptors.
pub fn redirect_output(stdout: impl AsFd, stderr: impl AsFd) -> io::Result<()> {
    // What waits in the buffer was written before.
    let _ = io::stdout().flush();
    nix::unistd::dup2_stdout(stdout)?;
    nix::unistd::dup2_stderr(stderr)?;
    Ok(())
}

/// The same pipe under an open file of its own, to which a write fails where it would wait. Other writers go on waiting.
///
/// # Errors
/// When descriptors run out, or `/proc` is not mounted.
pub fn reopen_without_waiting(pipe: impl AsFd) -> io::Result<std::fs::File> {
    let path = format!("/proc/self/fd/{}", pipe.as_fd().as_raw_fd());
    std::fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Writes to this process's standard output or standard error past std's locks: who holds them for long, as a program that
/// prints results does, holds up nobody here.
///
/// # Errors
/// What `write(2)` says.
pub fn write_past_locks(to: impl AsFd, bytes: &[u8]) -> io::Result<()> {
    std::fs::File::from(to.as_fd().try_clone_to_owned()?).write_all(bytes)
}

/// What is in a file of `/proc` or `/sys`, at most 64 KiB; `None` where it is not there.
#[must_use]
pub fn small_file(path: &str) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(1 << 16).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pipe_refuses_who_does_not_wait() {
        let (reading, writing) = pipe().expect("a pipe");
        let mut quick = reopen_without_waiting(&writing).expect("reopened");
        while quick.write(&[7; 4096]).is_ok() {}
        let mut buffer = [0; 1 << 17];
        let read = read_now(&reading, &mut buffer).expect("full");
        assert!(read > 0 && buffer[..read].iter().all(|byte| *byte == 7));
        let empty = read_now(&reading, &mut buffer).expect_err("empty now");
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        drop((quick, writing));
        assert_eq!(read_now(&reading, &mut buffer).expect("the end"), 0);
    }
}
