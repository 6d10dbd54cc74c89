//! Starting a copy of this program.
//!
//! Does **not** know what the copy does, nor how it ends.
//!
//! ```text
//!  Launch::spawn ── posix_spawn(/proc/self/exe) ─▶ pid ── pidfd_open ─▶ Child
//!     descriptors 3.. put in place by file actions, so none is ever inheritable in this process
//! ```
#![expect(unsafe_code, reason = "a fork is only as safe as what the child does")]

use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Pid};

use crate::child::Child;

/// The number of the first descriptor of [`Launch::fds`] in the child.
pub const FIRST_FD: i32 = 3;

/// Where a standard stream of a child goes.
#[derive(Debug, Default)]
pub enum Stream {
    /// Where this process's own goes.
    #[default]
    Inherit,
    /// Nowhere: `/dev/null`.
    Null,
    /// To this descriptor.
    To(OwnedFd),
}

/// A copy of this program to be started.
#[derive(Debug, Default)]
pub struct Launch {
    /// Its arguments after the program's name.
    pub args: Vec<OsString>,
    /// Its environment on top of this process's.
    pub env: Vec<(OsString, OsString)>,
    /// Variables of this process's environment that it has not.
    pub hidden: Vec<OsString>,
    /// Whether it has none of this process's environment.
    pub bare: bool,
    /// Its descriptors from [`FIRST_FD`] on.
    pub fds: Vec<OwnedFd>,
    /// Its standard input; where there is none, `/dev/null`. Made by [`crate::socket::raise`].
    pub stdin: Option<OwnedFd>,
    /// Its standard output.
    pub stdout: Stream,
    /// Its standard error.
    pub stderr: Stream,
}

impl Launch {
    /// Starts it: no signal blocked, all signals at their defaults but SIGPIPE,
    /// leader of its own process group.
    ///
    /// # Errors
    /// What `posix_spawn(3)` or `pidfd_open(2)` say.
    pub fn spawn(&self) -> io::Result<Child> {
        let argv = self.argv()?;
        let envp = self.envp()?;
        let moved = self.moved()?;
        let pid = posix_spawn(c"/proc/self/exe", &self.actions(&moved)?, &attributes()?, &argv, &envp)?;
        Child::of(pid)
    }

    fn argv(&self) -> io::Result<Vec<CString>> {
        let name = std::env::args_os().next().unwrap_or_else(|| "mp".into());
        std::iter::once(name.as_os_str()).chain(self.args.iter().map(OsString::as_os_str)).map(c_string).collect()
    }

    fn envp(&self) -> io::Result<Vec<CString>> {
        let told = |key: &OsString| self.env.iter().any(|(own, _)| own == key) || self.hidden.contains(key);
        let kept = std::env::vars_os().filter(|(key, _)| !self.bare && !told(key));
        kept.chain(self.env.iter().cloned())
            .map(|(mut pair, value)| {
                pair.push("=");
                pair.push(value);
                c_string(&pair)
            })
            .collect()
    }

    /// Other names of those that lie where something else is to be put before.
    fn moved(&self) -> io::Result<Vec<Option<OwnedFd>>> {
        let last = FIRST_FD + self.fds.len() as i32;
        let lies_there = |fd: &OwnedFd| fd.as_raw_fd() < last;
        self.fds.iter().map(|fd| lies_there(fd).then(|| crate::socket::raise(fd)).transpose()).collect()
    }

    fn actions(&self, moved: &[Option<OwnedFd>]) -> io::Result<PosixSpawnFileActions> {
        let mut actions = PosixSpawnFileActions::init()?;
        match &self.stdin {
            Some(fd) => actions.add_dup2(fd.as_raw_fd(), 0)?,
            None => actions.add_open(0, c"/dev/null", OFlag::O_RDONLY, Mode::empty())?,
        }
        redirect(&mut actions, &self.stdout, 1)?;
        redirect(&mut actions, &self.stderr, 2)?;
        for ((fd, moved), number) in self.fds.iter().zip(moved).zip(FIRST_FD..) {
            actions.add_dup2(moved.as_ref().unwrap_or(fd).as_raw_fd(), number)?;
        }
        Ok(actions)
    }
}

fn redirect(actions: &mut PosixSpawnFileActions, stream: &Stream, number: i32) -> io::Result<()> {
    match stream {
        Stream::Inherit => {}
        Stream::Null => actions.add_open(number, c"/dev/null", OFlag::O_WRONLY, Mode::empty())?,
        Stream::To(fd) => actions.add_dup2(fd.as_raw_fd(), number)?,
    }
    Ok(())
}

fn attributes() -> io::Result<PosixSpawnAttr> {
    let mut attributes = PosixSpawnAttr::init()?;
    let flags = PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
        | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
        | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF;
    attributes.set_flags(flags)?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    attributes.set_sigmask(&SigSet::empty())?;
    // SIGPIPE stays ignored, as in every Rust program.
    let mut defaults = SigSet::all();
    defaults.remove(Signal::SIGPIPE);
    attributes.set_sigdefault(&defaults)?;
    Ok(attributes)
}

fn c_string(text: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(text.as_ref().as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a NUL byte in an argument or in the environment"))
}

/// Whether this is the thread that runs `main`. The kernel ends a worker with the *thread* that has started it
/// (`PR_SET_PDEATHSIG`), and this one lasts as long as the process, unless it calls `pthread_exit(3)`.
#[must_use]
pub fn is_main_thread() -> bool {
    nix::unistd::gettid() == nix::unistd::getpid()
}

/// The calling thread's number, which no other thread has while this one lives: see `gettid(2)`.
#[must_use]
pub fn own_thread() -> u32 {
    nix::unistd::gettid().as_raw().unsigned_abs()
}

/// Forks, where this process has one thread.
///
/// Gives the child in the parent, and `None` in the child, which leads its own process group.
///
/// # Errors
/// Where there is more than one thread: a lock that another thread holds would stay locked for ever in the copy.
pub fn fork_single_threaded() -> io::Result<Option<Child>> {
    let threads = crate::twin::threads()?;
    if threads != 1 {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "this process has {threads} threads, and a fork copies only one of them: what the others hold would stay locked for ever"
            ),
        ));
    }
    // What waits in a buffer would be written by both.
    let _ = io::stdout().flush();
    // SAFETY: with one thread, the child is a complete copy: it may do all that the parent may.
    match unsafe { nix::unistd::fork()? } {
        ForkResult::Parent { child } => Child::of(child).map(Some),
        ForkResult::Child => {
            let _ = nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0));
            // As a spawned one: it does not take the program's input away from it.
            let _ = std::fs::File::open("/dev/null").and_then(crate::socket::redirect_stdin);
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_does_not_fork() {
        // Beside this one: where tests run one at a time, the harness has no other.
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || receiver.recv());
            let refused = fork_single_threaded().expect_err("more than one thread");
            assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
            drop(sender);
        });
    }
}
