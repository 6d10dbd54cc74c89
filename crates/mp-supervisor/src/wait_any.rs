//! Waiting for the first of several: processes, queues, pipes, and whatever has a descriptor.
//!
//! Does **not** receive what came: that is asked of the one that is ready.
//!
//! ```text
//!  only descriptors:  poll                      only queues:  one sleep on the words of all of them
//!  both:              a thread polls, and rings a word of its own ─▶ one sleep on all words ─▶ bell: the thread ends
//! ```

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mp_sys::futex;
use mp_sys::poll::{Bell, Way, wait_many};

use crate::command::RunningCommand;
use crate::error::{Error, Result};
use crate::process::Process;
use crate::queue::Arrivals;

/// What [`wait_any`] can wait for: a [`Process`] (its end), a queue (an item, or its being closed), a connection (a message,
/// or its end), a file or socket (that it can be read). Whatever else has a descriptor goes in as [`ByFd`].
pub trait Waitable {
    #[doc(hidden)]
    fn source(&self) -> Source<'_>;

    /// Whether there is something beside what the source shows.
    #[doc(hidden)]
    fn has_more(&self) -> bool {
        false
    }
}

/// What shows that there is something.
#[doc(hidden)]
#[derive(Debug)]
pub enum Source<'a> {
    Fd(BorrowedFd<'a>),
    Queue(Arrivals<'a>),
}

/// Anything with a descriptor that becomes readable.
#[derive(Clone, Copy, Debug)]
pub struct ByFd<T>(pub T);

/// Waits until at least one of `all` is ready, at most for `limit`; gives the indices of those that are, and none when the time
/// is over. Python: `multiprocessing.connection.wait`.
///
/// Ready is a process that has ended, a queue with an item or that was closed, a connection with a message or at its end. What
/// several others wait for as well may be gone by the time it is asked for: take it by `try_get`, and wait again.
///
/// ```
/// # mp_worker::before_main!(mp_worker::init);
/// # fn main() -> mp_supervisor::Result<()> {
/// use std::time::Duration;
/// let queue = mp_supervisor::Queue::<u32>::new()?;
/// let process = mp_supervisor::Process::spawn(|queue: mp_supervisor::Queue<u32>| queue.put(7).is_ok(), (queue.clone(),))?;
/// let ready = mp_supervisor::wait_any(&[&queue, &process], Some(Duration::from_secs(60)))?;
/// assert!(!ready.is_empty());
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Invalid`] for more than 127 queues; when descriptors run out; as the queues' own.
pub fn wait_any(all: &[&dyn Waitable], limit: Option<Duration>) -> Result<Vec<usize>> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let set = Set::of(all);
    if set.queues.len() >= futex::MOST_WORDS {
        return Err(Error::Invalid(format!("{} queues are too many to wait for at once", set.queues.len())));
    }
    loop {
        let ready = set.ready(all)?;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if !ready.is_empty() || left.is_some_and(|left| left.is_zero()) {
            return Ok(ready);
        }
        set.sleep(left)?;
    }
}

/// Each with its index.
struct Set<'a> {
    fds: Vec<(usize, BorrowedFd<'a>)>,
    queues: Vec<(usize, Arrivals<'a>)>,
}

impl<'a> Set<'a> {
    fn of(all: &[&'a dyn Waitable]) -> Self {
        let mut set = Self { fds: Vec::new(), queues: Vec::new() };
        for (index, one) in all.iter().enumerate() {
            match one.source() {
                Source::Fd(fd) => set.fds.push((index, fd)),
                Source::Queue(queue) => set.queues.push((index, queue)),
            }
        }
        set
    }

    /// What is there now.
    fn ready(&self, all: &[&dyn Waitable]) -> Result<Vec<usize>> {
        let polled = self.polled(None, Some(Duration::ZERO))?;
        let readable = self.fds.iter().zip(polled).filter(|((index, _), polled)| *polled || all[*index].has_more());
        let filled = self.queues.iter().filter(|(_, queue)| queue.are_there());
        let mut ready: Vec<_> = readable.map(|((index, _), _)| *index).chain(filled.map(|(index, _)| *index)).collect();
        ready.sort_unstable();
        Ok(ready)
    }

    fn polled(&self, bell: Option<&Bell>, limit: Option<Duration>) -> Result<Vec<bool>> {
        let fds = self.fds.iter().map(|(_, fd)| (*fd, Way::Read));
        let fds: Vec<_> = fds.chain(bell.map(|bell| (bell.as_fd(), Way::Read))).collect();
        wait_many(&fds, limit).map_err(os)
    }

    /// Until something has come, or may have.
    fn sleep(&self, limit: Option<Duration>) -> Result<()> {
        if self.queues.is_empty() {
            return self.polled(None, limit).map(drop);
        }
        let tickets =
            self.queues.iter().map(|(_, queue)| queue.ticket()).collect::<std::result::Result<Vec<_>, _>>()?;
        // One that has no ticket has got an item meanwhile.
        let Some(words) = tickets.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
        if self.fds.is_empty() {
            return futex::wait_any(&words, limit).map_err(os);
        }
        self.sleep_on_both(&words, limit)
    }

    fn sleep_on_both(&self, words: &[(&AtomicU32, u32)], limit: Option<Duration>) -> Result<()> {
        let (polled, bell) = (AtomicU32::new(0), Bell::new().map_err(os)?);
        let words: Vec<_> = words.iter().copied().chain([(&polled, 0)]).collect();
        std::thread::scope(|scope| {
            let poll = || {
                // Whatever it is that ended this, the caller looks again.
                let _ = self.polled(Some(&bell), limit);
                polled.store(1, Ordering::Release);
                futex::wake_all(&polled);
            };
            std::thread::Builder::new().name("mp-wait-any".to_owned()).spawn_scoped(scope, poll).map_err(os)?;
            let slept = futex::wait_any(&words, limit);
            bell.ring();
            slept.map_err(os)
        })
    }
}

fn os(source: io::Error) -> Error {
    Error::Os { doing: "waiting for the first of several", source }
}

impl<T: AsFd> Waitable for ByFd<T> {
    fn source(&self) -> Source<'_> {
        Source::Fd(self.0.as_fd())
    }
}

macro_rules! waitable_by_fd {
    ($($type:ty $(, $generic:ident)?;)*) => {$(
        impl$(<$generic>)? Waitable for $type {
            fn source(&self) -> Source<'_> {
                Source::Fd(self.as_fd())
            }
        }
    )*};
}

waitable_by_fd! {
    Process<R>, R;
    RunningCommand;
    std::fs::File;
    std::io::PipeReader;
    std::io::Stdin;
    std::net::TcpListener;
    std::net::TcpStream;
    std::net::UdpSocket;
    std::os::unix::net::UnixDatagram;
    std::os::unix::net::UnixListener;
    std::os::unix::net::UnixStream;
    std::process::ChildStdout;
    std::process::ChildStderr;
    OwnedFd;
    BorrowedFd<'_>;
}
