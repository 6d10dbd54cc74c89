//! Waiting for many descriptors at once: epoll(7); and what any thread can make readable, now (a bell) or at a time (an alarm).
//!
//! Does **not** know what a token stands for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timer::TimerSetTimeFlags;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags};

const BATCH: usize = 64;

/// A descriptor that is readable from a ring until it is silenced.
#[derive(Debug)]
pub struct Bell(EventFd);

impl Bell {
    /// A silent one.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn new() -> io::Result<Self> {
        Ok(Self(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
    }

    /// Makes it readable.
    pub fn ring(&self) {
        // It fails only where it has rung 2^64 times unheard, and is readable.
        let _ = self.0.write(1);
    }

    /// Makes it unreadable until the next ring.
    pub fn silence(&self) {
        // It fails only where it is silent already.
        let _ = self.0.read();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A descriptor that is readable from the time on to which it is set: timerfd_create(2).
#[derive(Debug)]
pub struct Alarm(TimerFd);

impl Alarm {
    /// One that is not set.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn new() -> io::Result<Self> {
        Ok(Self(TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?))
    }

    /// From now on it is readable when it is `at`, or never. Who waits for it is not woken before.
    pub fn set(&self, at: Option<Instant>) {
        let left = at.map(|at| at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1)));
        let done = match left {
            Some(left) => self.0.set(Expiration::OneShot(TimeSpec::from_duration(left)), TimerSetTimeFlags::empty()),
            None => self.0.unset(),
        };
        debug_assert_eq!(done, Ok(()), "it fails for times that are none");
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Poller(Epoll);

impl Poller {
    /// An empty one.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Reports `token` while `fd` is readable or at its end.
    ///
    /// # Errors
    /// When the kernel's limits are reached.
    pub fn add(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.0.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token))?)
    }

    /// No longer reports `fd`.
    pub fn remove(&self, fd: impl AsFd) {
        // It fails only where it was not there.
        let _ = self.0.delete(fd);
    }

    /// Waits until something is readable, or `limit` has passed; appends the tokens to `ready`.
    ///
    /// # Errors
    /// None that can happen while `self` is alive, but for the kernel's memory running out.
    pub fn wait(&self, limit: Option<Duration>, ready: &mut Vec<u64>) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); BATCH];
        let count = match self.0.wait(&mut events, timeout(limit)) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        ready.extend(events[..count].iter().map(EpollEvent::data));
        Ok(())
    }
}

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// That something can be read.
    Read,
    /// That something can be written.
    Write,
}

/// Waits until `fd` can be read or written, or its other end is gone; `false` when that is not so within `limit`.
///
/// # Errors
/// When the kernel's memory runs out.
pub fn wait_one(fd: impl AsFd, way: Way, limit: Option<Duration>) -> io::Result<bool> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let flags = match way {
        Way::Read => PollFlags::POLLIN,
        Way::Write => PollFlags::POLLOUT,
    };
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let millis = left.map_or(PollTimeout::NONE, poll_timeout);
        match nix::poll::poll(&mut [PollFd::new(fd.as_fd(), flags)], millis) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits as [`wait_one`], for any of `fds`; says of each whether it can be read or written, or its other end is gone. None is,
/// when that is so of none within `limit`.
///
/// # Errors
/// When the kernel's memory runs out.
pub fn wait_many(fds: &[(BorrowedFd<'_>, Way)], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let flags = |way: &Way| match way {
        Way::Read => PollFlags::POLLIN,
        Way::Write => PollFlags::POLLOUT,
    };
    let mut polled: Vec<_> = fds.iter().map(|(fd, way)| PollFd::new(*fd, flags(way))).collect();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match nix::poll::poll(&mut polled, left.map_or(PollTimeout::NONE, poll_timeout)) {
            Ok(0) if left.is_none_or(|left| !left.is_zero()) => {}
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(polled.iter().map(|fd| fd.any().unwrap_or(true)).collect()),
        }
    }
}

fn poll_timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}

/// Whole milliseconds, rounded up: a wait that ends early would spin.
fn timeout(limit: Option<Duration>) -> EpollTimeout {
    let Some(limit) = limit else { return EpollTimeout::NONE };
    let millis = limit.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128);
    EpollTimeout::try_from(millis as i32).unwrap_or(EpollTimeout::NONE)
}
