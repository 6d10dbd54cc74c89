//! What a new worker process does to itself before anything else, and what its parent keeps for that.
//!
//! Does **not** know how the worker goes on.
//!
//! Nobody is left behind: two mechanisms, independent of each other, end a worker whose parent dies, also one
//! that spins or ignores signals. `PR_SET_PDEATHSIG` follows the thread that spawned it. The *lifeline* is a pipe
//! whose writing end only the parent holds: when the last copy is closed, the kernel itself (`F_SETSIG`) sends
//! SIGKILL to the worker's process group, so its own children end as well. Neither needs a thread in the worker.
#![expect(unsafe_code, reason = "system calls that nix does not have, and the environment")]

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal};

/// The lifeline of this process: its workers hold the reading end, this process alone the writing end.
#[derive(Debug)]
struct Lifeline {
    reading: OwnedFd,
    /// Where this process's descriptors can be opened by their number: a short way to go.
    numbers: OwnedFd,
    _writing: OwnedFd,
}

static LIFELINE: Mutex<Option<Lifeline>> = Mutex::new(None);

fn lifeline_slot() -> MutexGuard<'static, Option<Lifeline>> {
    LIFELINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reading end, to be given to a new worker.
///
/// # Errors
/// When descriptors run out, or `/proc` is not mounted.
pub fn lifeline() -> io::Result<OwnedFd> {
    let mut slot = lifeline_slot();
    if let Some(line) = slot.as_ref() {
        return line.reopen();
    }
    let (reading, writing) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let numbers = nix::fcntl::open("/proc/self/fd", flags, nix::sys::stat::Mode::empty())?;
    let [reading, writing, numbers] = [reading, writing, numbers].map(crate::socket::raised);
    slot.insert(Lifeline { reading: reading?, numbers: numbers?, _writing: writing? }).reopen()
}

impl Lifeline {
    /// An open file of its own for each worker, not a duplicate: the file is where the kernel keeps whom to tell, and of all
    /// who share one, only the last to ask would be told.
    fn reopen(&self) -> io::Result<OwnedFd> {
        let number = self.reading.as_raw_fd().to_string();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = nix::fcntl::openat(&self.numbers, &number[..], flags, nix::sys::stat::Mode::empty())?;
        crate::socket::raised(file)
    }
}

/// In a forked worker: lets go of the parent's writing end, which would keep the parent's death from being noticed.
pub fn drop_inherited_lifeline() {
    lifeline_slot().take();
}

/// Takes descriptors `first..first + N`, which the parent put in place, and closes all above them.
///
/// # Errors
/// When one of them is not open.
pub fn inherited_fds<const N: usize>(first: RawFd) -> io::Result<[OwnedFd; N]> {
    for fd in first..first + N as RawFd {
        // SAFETY: fcntl(F_GETFD) has no effects.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: this runs before anything else in the process has opened a descriptor, so those above are leaks
    // of the parent that nothing here owns.
    unsafe { libc::syscall(libc::SYS_close_range, first + N as RawFd, RawFd::MAX, 0) };
    // SAFETY: they are open, and nothing else in this process owns them, as above.
    let fds: [OwnedFd; N] = std::array::from_fn(|i| unsafe { OwnedFd::from_raw_fd(first + i as RawFd) });
    for fd in &fds {
        fcntl(fd, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    }
    Ok(fds)
}

/// Removes `name` from the environment, so that this process's own children do not see it.
///
/// To be called while the process has one thread.
pub fn forget_variable(name: &str) {
    // SAFETY: a worker calls this as the first thing it does, with one thread: nobody reads the environment now.
    unsafe { std::env::remove_var(name) };
}

/// Sets or removes a variable of the environment.
///
/// To be called while the process has one thread.
pub fn set_variable(name: &OsStr, value: Option<&OsStr>) {
    // SAFETY: as in `forget_variable`: a forked worker calls this before it has a second thread.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// Gives descriptors the numbers from `first` on, which the caller owned and has forgotten.
///
/// # Errors
/// None for open descriptors.
pub fn settle<const N: usize>(fds: [OwnedFd; N], first: RawFd) -> io::Result<[OwnedFd; N]> {
    for (fd, number) in fds.iter().zip(first..) {
        crate::socket::redirect(fd, number)?;
    }
    // SAFETY: they have just been made, and what was there before has been forgotten by its owner.
    Ok(std::array::from_fn(|i| unsafe { OwnedFd::from_raw_fd(first + i as RawFd) }))
}

/// Makes `directory` the one in which this process runs.
///
/// # Errors
/// When it is none, or must not be entered.
pub fn enter(directory: impl AsFd) -> io::Result<()> {
    Ok(nix::unistd::fchdir(directory)?)
}

/// The directory in which this process runs, for [`enter`] in another one.
///
/// # Errors
/// When descriptors run out.
pub fn directory() -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(nix::fcntl::open(".", flags, nix::sys::stat::Mode::empty())?)
}

/// Makes standard output and standard error go there.
///
/// # Errors
/// None for open descriptors.
pub fn set_streams(stdout: impl AsFd, stderr: impl AsFd) -> io::Result<()> {
    nix::unistd::dup2_stdout(stdout)?;
    Ok(nix::unistd::dup2_stderr(stderr)?)
}

/// Runs `body`; if it takes longer than `limit`, in whole seconds, the kernel ends this process by SIGALRM.
pub fn within(limit: Duration, body: impl FnOnce()) {
    let _ = nix::unistd::alarm::set(u32::try_from(limit.as_secs()).unwrap_or(u32::MAX));
    body();
    let _ = nix::unistd::alarm::cancel();
}

/// Makes this process the leader of a process group of its own.
///
/// # Errors
/// None for a process that leads no session.
pub fn lead_group() -> io::Result<()> {
    let own = nix::unistd::Pid::from_raw(0);
    Ok(nix::unistd::setpgid(own, own)?)
}

/// Makes this process end with its parent, by both mechanisms, and gives it the signal state of a fresh program.
///
/// # Errors
/// When the parent has died already, or the kernel refuses.
pub fn bind_to_parent(parent: u32, lifeline: &OwnedFd) -> io::Result<()> {
    SigSet::empty().thread_set_mask()?;
    // SAFETY: ignoring a signal installs no handler.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigIgn)? };
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    watch(lifeline)?;
    if nix::unistd::getppid().as_raw() as u32 != parent {
        return Err(io::Error::other("the supervisor has ended"));
    }
    Ok(())
}

/// Asks for SIGKILL to the process group when the writing end of `lifeline` is closed.
fn watch(lifeline: &OwnedFd) -> io::Result<()> {
    let fd = lifeline.as_raw_fd();
    // SAFETY: these fcntl commands have no memory effects.
    let done = unsafe {
        libc::fcntl(fd, libc::F_SETOWN, -libc::getpgrp()) != -1
            && libc::fcntl(fd, F_SETSIG, libc::SIGKILL) != -1
            && libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK) != -1
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// From `linux/fcntl.h`; libc has it for some targets only.
const F_SETSIG: i32 = 10;

/// From now on, also as another program: who descends from this process and loses its parent becomes its child, and not init's.
///
/// # Errors
/// What the system refuses.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Makes this process another program, in `directory`, if that is not empty. It ends with the parent as before: what it was
/// told by [`bind_to_parent`] survives, as long as `lifeline` stays open there. That has a high number, out of the way
/// of programs that choose theirs.
///
/// Returns only where that fails, with the reason.
pub fn become_program(argv: &[OsString], directory: &OsStr, lifeline: &OwnedFd) -> io::Error {
    match try_become(argv, directory, lifeline) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn try_become(argv: &[OsString], directory: &OsStr, lifeline: &OwnedFd) -> io::Result<Infallible> {
    let argv: Vec<_> = argv.iter().map(|text| CString::new(text.as_bytes())).collect::<Result<_, _>>()?;
    let program = argv.first().ok_or(io::ErrorKind::InvalidInput)?;
    if !directory.is_empty() {
        nix::unistd::chdir(directory)?;
    }
    // Not close-on-exec, as opposed to the original.
    fcntl(lifeline, FcntlArg::F_DUPFD(LIFELINE_FROM)).or_else(|_| fcntl(lifeline, FcntlArg::F_DUPFD(10)))?;
    // SAFETY: the default action installs no handler.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl)? };
    Ok(nix::unistd::execvp(program, &argv)?)
}

/// See [`become_program`].
const LIFELINE_FROM: i32 = 900;

/// Names the calling thread (and, if it is the first, the process) as `ps` and `top` show it: 15 bytes.
pub fn set_name(name: &str) {
    let short: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    if let Ok(name) = std::ffi::CString::new(short) {
        // A name is a courtesy.
        let _ = prctl::set_name(&name);
    }
}

/// Has `function`, a `fn()`, called before `main` and before the test harness: the loader calls what is in `.init_array`.
///
/// By then a Rust program can do nearly all that it can do in `main`; what it lacks is std's handler for stack overflows.
#[macro_export]
macro_rules! before_main {
    ($function:path) => {
        const _: () = {
            extern "C" fn call() {
                $function();
            }
            // SAFETY: `.init_array` holds pointers to functions of this type, which the loader calls once each.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static CALL: extern "C" fn() = call;
        };
    };
}
