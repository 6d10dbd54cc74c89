//! A child of this process: signalling it, and learning how it ended. [`Launch`] starts one.
//!
//! Does **not** know what it does, nor when it should be started or ended.
#![expect(unsafe_code, reason = "system calls that nix does not have")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
pub use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

pub use crate::launch::{FIRST_FD, Launch, Stream, fork_single_threaded, is_main_thread, own_thread};

/// `PIDFD_SIGNAL_PROCESS_GROUP`, from `linux/pidfd.h`.
const WHOLE_GROUP: u32 = 1 << 2;

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The most memory that it had resident, in bytes. Of a child: or that its parent had when it was started.
    pub peak_rss: u64,
}

impl Usage {
    /// Of this process, so far.
    #[must_use]
    pub fn own() -> Self {
        // SAFETY: plain data, for which zeros are a value.
        let mut usage = unsafe { std::mem::zeroed() };
        // SAFETY: it writes to `usage`, which is alive; it does not fail for these arguments.
        unsafe { nix::libc::getrusage(nix::libc::RUSAGE_SELF, &raw mut usage) };
        Self::of(&usage)
    }

    fn of(usage: &nix::libc::rusage) -> Self {
        Self { peak_rss: (usage.ru_maxrss as u64).saturating_mul(1024) }
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By `exit`, with this code.
    Exited(i32),
    /// By a signal, with or without a core file.
    Signaled(i32, bool),
    /// Somebody else in this process has taken its status.
    Unknown,
}

/// A child of this process, until it is reaped. Its pidfd is readable once it has ended.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Child {
    /// A child that another has made for this process, and that nobody has waited for: process `pid`. It leads its own
    /// process group from now on, if it did not yet.
    ///
    /// # Errors
    /// When it is not there, or no child.
    pub fn adopt(pid: u32) -> io::Result<Self> {
        // Numbers that are not above 1 name groups, everybody, or the first of all: who made it is not to choose who is killed.
        let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1).ok_or(Errno::ECHILD)?;
        let pid = Pid::from_raw(pid);
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT)?;
        let child = Self::of(pid)?;
        // It does the same itself. Whoever is first, it has left the group of its maker.
        let _ = nix::unistd::setpgid(child.pid, child.pid);
        Ok(child)
    }

    pub(crate) fn of(pid: Pid) -> io::Result<Self> {
        // SAFETY: pidfd_open has no memory effects. The child is ours and not yet waited for, so the pid is its own.
        let raw = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_open, pid.as_raw(), 0) };
        if raw < 0 {
            let error = io::Error::last_os_error();
            // Without a pidfd it cannot be watched; it must not stay either. Nobody else has waited for it, so the number is
            // its own, and SIGKILL bounds the wait.
            let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
            let _ = nix::sys::wait::waitpid(pid, None);
            return Err(error);
        }
        // SAFETY: the kernel has just made this descriptor for us.
        let pidfd = unsafe { OwnedFd::from_raw_fd(raw as i32) };
        Ok(Self { pid, pidfd })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw() as u32
    }

    /// Sends `signal` to it, and to nobody else (I8).
    pub fn signal(&self, signal: Signal) {
        let number = signal as i32;
        let none = std::ptr::null::<nix::libc::siginfo_t>();
        // SAFETY: no memory effects: the null siginfo asks for the default one.
        // It fails only where the child has ended, which is no news.
        unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_send_signal, self.pidfd.as_raw_fd(), number, none, 0) };
    }

    /// Kills what is left of its process group, and nobody else (I8). To be called before [`Child::reap`]: until then the
    /// group's number cannot be given to anybody else.
    pub fn kill_group(&self) {
        self.signal_group(Signal::SIGKILL);
    }

    /// Sends `signal` to its process group, and to nobody else (I8). To be called before [`Child::reap`], as
    /// [`Child::kill_group`].
    pub fn signal_group(&self, signal: Signal) {
        let none = std::ptr::null::<nix::libc::siginfo_t>();
        let (fd, number) = (self.pidfd.as_raw_fd(), signal as i32);
        // SAFETY: no memory effects: the null siginfo asks for the default one.
        let sent = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_send_signal, fd, number, none, WHOLE_GROUP) };
        // Before Linux 6.9 there is only the number, which is the group's for as long as the status was not taken. It is
        // taken by the kernel where SIGCHLD is ignored.
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        if sent < 0 && Errno::last() == Errno::EINVAL && waitid(Id::PIDFd(self.pidfd.as_fd()), flags).is_ok() {
            // It fails only where nobody is left.
            let _ = nix::sys::signal::killpg(self.pid, signal);
        }
    }

    /// Kills it and takes its status. It waits, but only for what SIGKILL bounds.
    pub fn end(&self) {
        self.signal(Signal::SIGKILL);
        self.kill_group();
        // It fails only where somebody else has taken its status.
        let _ = waitid(Id::PIDFd(self.pidfd.as_fd()), WaitPidFlag::WEXITED);
    }

    /// As [`Child::end`], for one that makes further children for this process: those that have not left its group end as
    /// well, and their status is taken.
    pub fn end_all(&self) {
        self.signal(Signal::SIGKILL);
        self.kill_group();
        // The number is the group's until the last of them is reaped; each was sent SIGKILL, which bounds the wait.
        while let Ok(_) | Err(Errno::EINTR) = waitid(Id::PGid(self.pid), WaitPidFlag::WEXITED) {}
    }

    /// Whether it has ended. Its status stays where it is.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        !matches!(waitid(Id::PIDFd(self.pidfd.as_fd()), flags), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
    }

    /// Takes its status, if it has ended, and what it used. Does not wait.
    #[must_use]
    pub fn reap(&self) -> Option<(Ended, Usage)> {
        // SAFETY: both are plain data, for which zeros are a value.
        let (mut info, mut usage) = unsafe { std::mem::zeroed::<(nix::libc::siginfo_t, nix::libc::rusage)>() };
        let flags = nix::libc::WEXITED | nix::libc::WNOHANG;
        let (kind, fd) = (nix::libc::P_PIDFD, self.pidfd.as_raw_fd());
        // SAFETY: it writes to the two, which are alive. glibc's `waitid` hides the second, the system call has it.
        let done = unsafe { nix::libc::syscall(nix::libc::SYS_waitid, kind, fd, &raw mut info, flags, &raw mut usage) };
        if done < 0 {
            return (Errno::last() != Errno::EINTR).then_some((Ended::Unknown, Usage::default()));
        }
        // SAFETY: the kernel has filled it as for SIGCHLD, or left it all zeros.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        let ended = match info.si_code {
            _ if pid == 0 => return None,
            nix::libc::CLD_EXITED => Ended::Exited(status),
            code => Ended::Signaled(status, code == nix::libc::CLD_DUMPED),
        };
        Some((ended, Usage::of(&usage)))
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_no_child_is_not_adopted() {
        for pid in [0, 1, std::process::id(), i32::MAX as u32, i32::MIN as u32, u32::MAX] {
            let refused = Child::adopt(pid).expect_err("it is no child");
            assert_eq!(refused.raw_os_error(), Some(nix::libc::ECHILD), "{pid}");
        }
    }
}
